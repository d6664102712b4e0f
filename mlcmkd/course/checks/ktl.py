"""Checks of the exercises of lesson 03."""

import math
from typing import Any

import torch

from mlcmkd.course.checks.answers import (
    FORM,
    NotYet,
    agree,
    call,
    choices,
    finding,
    given,
    number,
    table,
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
    "task": "The student's own answer runs through both of its halves.",
    "fd": "FD compares features; no head has run when it is computed.",
    "ld": "LD compares answers, and the student's answer runs through both of its halves.",
    "fi": "Forward: whose features go in (frozen), and whose head reads them? You may have FI and RI "
    "the wrong way round.",
    "ri": "Reverse: the head that reads is frozen, so its parameters get nothing; what came before "
    "it does. You may have FI and RI the wrong way round.",
}
# One batch of DIKD: own answer and FI; the teacher's answer and RI.
_CALLS = {"student features": 1, "student head": 2, "teacher features": 1, "teacher head": 2}
_COUNT = {
    "student features": "One thermal image, one pass; both terms share it.",
    "student head": "Its own features, and in FI the teacher's: a hook that keeps the last call sees "
    "only one of them.",
    "teacher features": "One RGB image, one pass, without autograd.",
    "teacher head": "The teacher's own answer, and in RI the student's features.",
}


def receives(answer: Any) -> str:
    """Which halves each term trains, by term: a set of "student features", "student head", "teacher"."""
    choices(answer, _RECEIVES, _WHY, "receives")
    return "Right: FI trains a head, RI trains features, and nothing ever reaches the teacher."


def calls(answer: Any) -> str:
    """How often each half runs in one batch of DIKD, by half."""
    choices(answer, _CALLS, _COUNT, "calls")
    return (
        "Right: both heads run twice a batch. A forward hook that keeps 'the' input of a head keeps "
        "the last one, whichever that was; features() and head() leave no doubt."
    )


def frozen(function: Any, landmarker: Landmarker, images: torch.Tensor) -> str:
    """A function from a Landmarker to a module with features and head that training cannot change.

    Args:
        landmarker: given to the function; it is changed if the function does not prevent it.
        images: (B, C, P, P) that the network can read.
    """
    teacher = given(call(function, "frozen", landmarker), "frozen")
    for name in ("features", "head", "train"):
        if not callable(getattr(teacher, name, None)):
            raise NotYet(f"frozen: what it returns has no {name}(); return a module that has")
    before = {name: value.clone() for name, value in landmarker.state_dict().items()}
    f = landmarker.eval().features(images).detach()
    objective = torch.nn.ModuleList([teacher] if isinstance(teacher, torch.nn.Module) else [])
    objective.train()  # what every training loop does
    teacher.train()
    with torch.no_grad():
        for _ in range(3):
            said = teacher.features(images)
    moved = [
        name
        for name, value in landmarker.state_dict().items()
        if not torch.equal(value, before[name])
    ]
    if moved:
        raise NotYet(
            f"frozen: it woke up. train() put it into training mode, and {len(moved)} BatchNorm "
            f"buffers moved ({moved[0]}, ...) though no optimiser touched them; override train()"
        )
    if not torch.allclose(said, f, atol=1e-5):
        raise NotYet(
            "frozen: after train() its features differ from those in evaluation mode: BatchNorm "
            "normalises by the batch; call eval() on the network in train()"
        )
    # A frozen copy is as good as the network itself, which then need not be frozen.
    held = list(teacher.parameters()) if isinstance(teacher, torch.nn.Module) else []
    if any(parameter.requires_grad for parameter in held or landmarker.parameters()):
        raise NotYet("frozen: its parameters still take gradients; requires_grad_(False)")
    given_features = f.clone().requires_grad_()
    answer = teacher.head(given_features).coordinates
    if not answer.requires_grad:
        raise NotYet(
            "frozen: head() runs under no_grad, so RI would train nothing, without any error. The "
            "parameters stand still, but the path has to stay open"
        )
    return (
        "Right: parameters and buffers stand still, and a gradient still comes back through head."
    )


def decay(function: Any) -> str:
    """A function (progress, floor) to the cosine decay's weight, from 1 down to floor."""
    name = "cosine"
    for progress, floor in ((0.0, 0.1), (1.0, 0.1), (0.5, 0.1), (0.25, 0.0), (0.25, 0.1)):
        plain = (1 + math.cos(math.pi * progress)) / 2
        agree(
            number(call(function, name, progress, floor), f"{name}({progress}, {floor})"),
            floor + (1 - floor) * plain,
            f"{name}({progress:g}, {floor:g})",
            [
                (floor + plain, "with the floor added on top, the start lies above 1; scale what is "
                 "above the floor"),
                (max(floor, plain), "a floor cut off by max() holds the weight flat at the end; it "
                 "should fall all the way"),
                (plain, "the floor is missing: at the end something has to be left"),
                (
                    floor + (1 - floor) * (1 + math.cos(math.radians(progress))) / 2,
                    "cos takes radians, and half a turn is pi",
                ),
                (floor + (1 - floor) * (1 - plain), "it rises: early the teacher leads, late the "
                 "labels"),
                (floor + (1 - floor) * (1 - progress), "that is the linear decay"),
            ],
        )  # fmt: skip
    return "Right: 1 at the start, the floor at the end, steepest in the middle."


def pulls(rows: Any, text: Any) -> str:
    """The form of the open experiment: cosines between gradients of terms on the student's features."""
    for row in table(rows, ("shift_px", "cosine"), "rows", least=4):
        if abs(number(row["cosine"], "cosine")) > 1.001:
            raise NotYet("rows: a cosine lies between -1 and 1; divide by both lengths")
    finding(text)
    return FORM
