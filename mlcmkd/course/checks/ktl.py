"""Checks of the exercises of lesson 03."""

import math
from typing import Any

import torch

from mlcmkd.course.checks.answers import (
    FORM,
    NotYet,
    as_number,
    call_function,
    check_choices,
    check_finding,
    check_table,
    check_value,
    require_answer,
)
from mlcmkd.models import Landmarker

_FEATURES, _HEAD = "student features", "student head"
_RECEIVES = {
    "task": {_FEATURES, _HEAD},
    "fd": {_FEATURES},
    "ld": {_FEATURES, _HEAD},
    "fi": {_HEAD},
    "ri": {_FEATURES},
}
_WHY = {
    "task": "The student's prediction uses both its features and its head.",
    "fd": "FD compares features; no head is used.",
    "ld": "LD compares predictions, and the student's prediction uses both its features and its head.",
    "fi": "Forward: whose (frozen) features are used, and whose head? You may have exchanged FI and RI.",
    "ri": "Reverse: the head is frozen, so its parameters get no gradient; the features before it do. "
    "You may have exchanged FI and RI.",
}
# One batch of DIKD: the student's prediction and FI; the teacher's prediction and RI.
_CALLS = {"student features": 1, "student head": 2, "teacher features": 1, "teacher head": 2}
_COUNT = {
    "student features": "One thermal image, one pass; both terms use it.",
    "student head": "The student's features, and in FI the teacher's: a hook that stores the last call "
    "records only one of them.",
    "teacher features": "One RGB image, one pass, without autograd.",
    "teacher head": "The teacher's features, and in RI the student's features.",
}


def receives(answer: Any) -> str:
    """Trained parts by term: a set of "student features", "student head", "teacher"."""
    check_choices(answer, _RECEIVES, _WHY, "receives")
    return "Right: FI trains a head, RI trains features, and no term trains the teacher."


def calls(answer: Any) -> str:
    """Number of forward passes of each part in one batch of DIKD."""
    check_choices(answer, _CALLS, _COUNT, "calls")
    return (
        "Right: both heads run twice per batch. A forward hook that stores the input of a head stores "
        "the last of two; features() and head() are unambiguous."
    )


def frozen(function: Any, landmarker: Landmarker, images: torch.Tensor) -> str:
    """A function from a Landmarker to a module with features and head that training cannot change.

    Args:
        landmarker: argument of the function; it is changed if the function does not prevent it.
        images: (B, C, P, P), input of the network.
    """
    teacher = require_answer(call_function(function, "frozen", landmarker), "frozen")
    for name in ("features", "head", "train"):
        if not callable(getattr(teacher, name, None)):
            raise NotYet(f"frozen: the returned object has no {name}(); return a module that has")
    before = {name: value.clone() for name, value in landmarker.state_dict().items()}
    f = landmarker.eval().features(images).detach()
    objective = torch.nn.ModuleList([teacher] if isinstance(teacher, torch.nn.Module) else [])
    objective.train()  # as in every training loop
    teacher.train()
    with torch.no_grad():
        for _ in range(3):
            features_after = teacher.features(images)
    changed = [
        name
        for name, value in landmarker.state_dict().items()
        if not torch.equal(value, before[name])
    ]
    if changed:
        raise NotYet(
            f"frozen: train() set the teacher to training mode, and {len(changed)} BatchNorm buffers "
            f"changed ({changed[0]}, ...) without an optimiser; override train()"
        )
    if not torch.allclose(features_after, f, atol=1e-5):
        raise NotYet(
            "frozen: after train() the features differ from those in evaluation mode: BatchNorm "
            "normalises by the batch; call eval() on the network in train()"
        )
    # A frozen copy is accepted; then the original network need not be frozen.
    own = list(teacher.parameters()) if isinstance(teacher, torch.nn.Module) else []
    if any(parameter.requires_grad for parameter in own or landmarker.parameters()):
        raise NotYet("frozen: its parameters still get gradients; call requires_grad_(False)")
    student_features = f.clone().requires_grad_()
    prediction = teacher.head(student_features).coordinates
    if not prediction.requires_grad:
        raise NotYet(
            "frozen: head() runs under no_grad, so RI would train nothing, without any error. Freeze "
            "the parameters, but let autograd record the operations of the head"
        )
    return "Right: parameters and buffers do not change, and the gradient passes through the head."


def decay(function: Any) -> str:
    """A function (progress, floor) to the weight of the cosine decay, from 1 to floor."""
    name = "cosine"
    for progress, floor in ((0.0, 0.1), (1.0, 0.1), (0.5, 0.1), (0.25, 0.0), (0.25, 0.1)):
        plain = (1 + math.cos(math.pi * progress)) / 2
        check_value(
            as_number(call_function(function, name, progress, floor), f"{name}({progress}, {floor})"),
            floor + (1 - floor) * plain,
            f"{name}({progress:g}, {floor:g})",
            [
                (floor + plain, "with the floor added, the weight starts above 1; scale the part "
                 "above the floor"),
                (max(floor, plain), "with max() the weight is constant at the end; it has to "
                 "decrease until the end"),
                (plain, "the floor is missing: the weight has to end at the floor"),
                (
                    floor + (1 - floor) * (1 + math.cos(math.radians(progress))) / 2,
                    "cos takes radians; half a period is pi",
                ),
                (floor + (1 - floor) * (1 - plain), "the weight increases: the teacher dominates "
                 "early, the labels late"),
                (floor + (1 - floor) * (1 - progress), "this is the linear decay"),
            ],
        )  # fmt: skip
    return "Right: 1 at the start, the floor at the end, steepest in the middle."


def directions(rows: Any, text: Any) -> str:
    """Form of the open experiment: cosines between the gradients of terms on the features."""
    for row in check_table(rows, ("shift_px", "cosine"), "rows", least=4):
        if abs(as_number(row["cosine"], "cosine")) > 1.001:
            raise NotYet("rows: a cosine lies between -1 and 1; divide by both norms")
    check_finding(text)
    return FORM
