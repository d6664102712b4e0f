"""Gaps of a student to modality invariance, one number for each measure and group of subjects."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mlcmkd.data.dataset import Pairs
from mlcmkd.evaluation.invariance.comparison import cka_of_pairs, score_head
from mlcmkd.evaluation.invariance.features import descriptors, modality_features
from mlcmkd.evaluation.invariance.measures import probe_accuracy, recall_at_k
from mlcmkd.models import Landmarker
from mlcmkd.utils.errors import InputError

# Maps features (N, C, h, w) to those of another width and resolution, as an adapter does.
Adapt = Callable[[Tensor], Tensor]

# Gap of a student to invariance by each measure; 0 means invariant on the given faces.
GAPS = {
    "teacher's head": "difference in NME of thermal and RGB features with the teacher's head (points)",
    "student's head": "difference in NME of thermal and RGB features with the student's head (points)",
    "CKA": "1 minus CKA of pairs, relative to 1 minus CKA of other faces (%)",
    "retrieval": "thermal faces whose most similar RGB face is not that of their pair (%)",
    "probe": "difference between the accuracy of the probe and 50 % (points)",
}


@dataclass(frozen=True)
class Gap:
    """Gap of a student to invariance by one measure.

    Attributes:
        value: on all faces, percent or percentage points; 0 means invariant.
        leave_one_out: (G,) the same without each of G groups of subjects.
    """

    value: float
    leave_one_out: np.ndarray


def invariance_gaps(
    teacher: Landmarker,
    student: Landmarker,
    pairs: Pairs,
    *,
    to_teacher: Adapt | None = None,
    to_student: Adapt | None = None,
    groups: int = 10,
) -> dict[str, Gap]:
    """Gaps of a student to invariance on labelled pairs, by the names of `GAPS`.

    A head reads features of its own network's width, and so do retrieval and the probe compare features
    of one width. If the widths differ, these measures need the adapters that the student's distillation
    trained, and a measure whose adapter is missing is left out. CKA compares features of any width, and
    always those of the networks themselves.

    Args:
        teacher: RGB model; student: thermal model of equal input size.
        to_teacher: maps the student's features to the teacher's, on the CPU, for the teacher's head,
            retrieval and the probe; None if the features are compared as they are.
        to_student: maps the teacher's features to the student's, on the CPU, for the student's head.
        groups: number of groups of subjects that are left out in turn, at most one per subject; 0 for
            values without the means of an interval.

    Raises:
        InputError: there are fewer than three subjects (the probe needs two if one is left out), or an
            adapter belongs to other networks.
    """
    subjects = np.array(pairs.subjects)
    people = list(dict.fromkeys(pairs.subjects))
    if len(people) < 3:
        raise InputError(
            "fewer than three subjects; the intervals leave out one subject at a time, so add others"
        )
    rgb = modality_features(teacher, pairs, "rgb")
    thermal = modality_features(student, pairs, "thermal")
    as_teacher = _adapted(thermal, to_teacher, rgb)
    as_student = _adapted(rgb, to_student, thermal)
    heads = {}  # differences in NME by face
    if as_teacher is not None:
        heads["teacher's head"] = _errors(teacher, as_teacher, pairs) - _errors(teacher, rgb, pairs)
    if as_student is not None:
        heads["student's head"] = _errors(student, thermal, pairs) - _errors(
            student, as_student, pairs
        )

    def measure(kept: np.ndarray) -> dict[str, float]:
        values = {name: abs(100 * by_face[kept].mean()) for name, by_face in heads.items()}
        if rgb.shape[2:] == thermal.shape[2:]:
            values["CKA"] = _cka_gap(rgb[kept], thermal[kept])
        if as_teacher is not None:
            both = rgb[kept], as_teacher[kept]
            recall = recall_at_k(descriptors(both[1]), descriptors(both[0]))
            means = (features.mean(dim=(2, 3)).numpy() for features in both)
            values["retrieval"] = 100 * (1 - recall)
            values["probe"] = 100 * abs(probe_accuracy(*means, tuple(subjects[kept])) - 0.5)
        return {name: float(values[name]) for name in GAPS if name in values}

    left_out = [set(people[start::groups]) for start in range(min(groups, len(people)))]
    all_faces = measure(np.arange(len(pairs)))
    parts = [
        measure(np.flatnonzero([name not in group for name in subjects])) for group in left_out
    ]
    return {
        name: Gap(value, np.array([part[name] for part in parts]))
        for name, value in all_faces.items()
    }


@torch.no_grad()
def _adapted(features: Tensor, adapter: Adapt | None, like: Tensor) -> Tensor | None:
    """Features in the shape of the other network's; None if they differ and there is no adapter.

    Raises:
        InputError: the adapter belongs to other networks.
    """
    if adapter is None:
        return features if features.shape == like.shape else None
    try:
        adapted = torch.cat([adapter(part) for part in features.split(64)])
    except RuntimeError:  # another number of channels
        adapted = None
    if adapted is None or adapted.shape != like.shape:
        raise InputError(
            f"the adapter does not map {tuple(features.shape[1:])} features to "
            f"{tuple(like.shape[1:])}; give that of these two networks"
        )
    return adapted


def _cka_gap(rgb: Tensor, thermal: Tensor) -> float:
    """1 minus CKA, in percent of 1 minus the CKA of other faces."""
    cka, other = cka_of_pairs(rgb, thermal)
    return 100 * (1 - cka) / max(1 - other, 1e-12)


def _errors(model: Landmarker, features: Tensor, pairs: Pairs) -> np.ndarray:
    """NME of every face, (N,), as a share, for a model's head on given features."""
    return score_head(model, features, pairs).per_face
