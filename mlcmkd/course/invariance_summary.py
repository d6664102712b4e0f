"""Comparison of two students by measures of invariance, with intervals, as a table and sentences."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mlcmkd.data.dataset import Pairs
from mlcmkd.evaluation.evaluate import score
from mlcmkd.evaluation.invariance import (
    descriptors,
    linear_cka,
    modality_features,
    place_rows,
    probe_accuracy,
    recall_at_k,
)
from mlcmkd.models import Landmarker
from mlcmkd.utils.errors import InputError

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
    teacher: Landmarker, student: Landmarker, pairs: Pairs, *, groups: int = 10
) -> dict[str, Gap]:
    """Gaps of a student to invariance on labelled pairs, by the names of `GAPS`.

    Args:
        teacher: RGB model; student: thermal model of equal width and input size.
        groups: number of groups of subjects that are left out in turn, at most one per subject.

    Raises:
        InputError: there are fewer than three subjects; the probe needs two if one is left out.
    """
    subjects = np.array(pairs.subjects)
    people = list(dict.fromkeys(pairs.subjects))
    if len(people) < 3:
        raise InputError(
            "fewer than three subjects; the intervals leave out one subject at a time, so add others"
        )
    rgb_features = modality_features(teacher, pairs, "rgb")
    thermal_features = modality_features(student, pairs, "thermal")
    errors = [
        [_errors(model, features, pairs) for features in (rgb_features, thermal_features)]
        for model in (teacher, student)
    ]

    def measure(kept: np.ndarray) -> dict[str, float]:
        rgb, thermal = rgb_features[kept], thermal_features[kept]
        heads = [abs(100 * (b[kept] - a[kept]).mean()) for a, b in errors]
        cka = linear_cka(place_rows(rgb), place_rows(thermal))
        other = linear_cka(place_rows(rgb), place_rows(thermal.roll(len(kept) // 2, dims=0)))
        means = (features.mean(dim=(2, 3)).numpy() for features in (rgb, thermal))
        values = (
            *heads,
            100 * (1 - cka) / max(1 - other, 1e-12),
            100 * (1 - recall_at_k(descriptors(thermal), descriptors(rgb))),
            100 * abs(probe_accuracy(*means, tuple(subjects[kept])) - 0.5),
        )
        return dict(zip(GAPS, map(float, values), strict=True))

    left_out = [set(people[start::groups]) for start in range(min(groups, len(people)))]
    all_faces = measure(np.arange(len(pairs)))
    parts = [
        measure(np.flatnonzero([name not in group for name in subjects])) for group in left_out
    ]
    return {name: Gap(all_faces[name], np.array([part[name] for part in parts])) for name in GAPS}


@torch.no_grad()
def _errors(model: Landmarker, features: Tensor, pairs: Pairs) -> np.ndarray:
    """NME of every face, (N,), as a share, for a model's head on given features."""
    device = next(model.parameters()).device
    parts = [model.head(part.to(device)).coordinates.cpu() for part in features.split(64)]
    return score(torch.cat(parts).float().numpy(), model.spec.scheme, pairs).per_face


def jackknife_interval(
    value: float, leave_one_out: np.ndarray, level: float = 0.95
) -> tuple[float, float]:
    """Confidence interval by the jackknife over groups of subjects (Efron and Tibshirani, 1993).

    It includes the variation between people, not the variation between trainings.

    Args:
        value: on all subjects.
        leave_one_out: (G,) the values without each group.
    """
    from scipy import stats  # here, because its import takes a second

    count = len(leave_one_out)
    error = np.sqrt((count - 1) / count * np.square(leave_one_out - np.mean(leave_one_out)).sum())
    margin = float(error * stats.t.ppf((1 + level) / 2, count - 1))
    return value - margin, value + margin


def compare_gaps(
    name: str, gaps: dict[str, Gap], other_name: str, other_gaps: dict[str, Gap]
) -> tuple[list[dict[str, str]], str]:
    """Compares the gaps of two students on the same pairs and groups.

    Returns:
        One row per measure for a table, and a summary in sentences. Neither student is closer by a
        measure if the interval of their difference contains zero.
    """
    rows, closer_by = [], {name: [], other_name: [], "": []}
    for measure in GAPS:
        a, b = gaps[measure], other_gaps[measure]
        low, high = jackknife_interval(a.value - b.value, a.leave_one_out - b.leave_one_out)
        closer = name if high < 0 else other_name if low > 0 else ""
        closer_by[closer].append(measure)
        rows.append(
            {
                "measure": measure,
                other_name: f"{b.value:.1f}",
                name: f"{a.value:.1f}",
                "difference": f"{a.value - b.value:+.1f} ({low:+.1f} to {high:+.1f})",
                "closer": closer or "neither",
            }
        )
    if closer_by[name] and not closer_by[other_name]:
        conclusion = f"All significant differences are in favour of {name}."
    elif closer_by[other_name] and not closer_by[name]:
        conclusion = f"All significant differences are in favour of {other_name}."
    elif closer_by[name]:
        conclusion = "The measures disagree: the result depends on the meaning of *invariant*."
    else:
        conclusion = "No measure shows a clear difference."
    return rows, (
        f"**{name}** is closer to invariance than **{other_name}** by {_listed(closer_by[name])}, "
        f"farther by {_listed(closer_by[other_name])}, without a clear difference by "
        f"{_listed(closer_by[''])}. "
        f"{conclusion}"
    )


def summarise_gaps(name: str, gaps: dict[str, Gap]) -> str:
    """One sentence: by which measures the gap of a student differs significantly from zero."""
    lower_ends = {
        measure: jackknife_interval(gap.value, gap.leave_one_out)[0]
        for measure, gap in gaps.items()
    }
    zero = [measure for measure, low in lower_ends.items() if low <= 1e-6]  # up to rounding
    positive = [measure for measure in lower_ends if measure not in zero]
    if not positive:
        return f"No gap of **{name}** is significantly larger than zero."
    sentence = f"The features of **{name}** are *not* invariant by {_listed(positive)}"
    if not zero:
        return f"{sentence}: every gap is significantly larger than zero."
    return f"{sentence}; by {_listed(zero)}, the gap is not significantly larger than zero."


def _listed(measures: list[str]) -> str:
    """Number and names of measures."""
    if not measures:
        return "none of the measures"
    return f"{len(measures)} of {len(GAPS)} measures ({', '.join(measures)})"
