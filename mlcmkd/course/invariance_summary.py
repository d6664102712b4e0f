"""What the measures of invariance say about two students, in words written by the numbers."""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.stats import t as student_t
from torch import Tensor

from mlcmkd.data.pairs import Pairs
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

# How far a student is from invariant, by each measure: 0 is invariant, on the faces at hand.
GAPS = {
    "teacher's head": "NME of thermal features against RGB features, teacher's head (points apart)",
    "student's head": "NME of thermal features against RGB features, student's head (points apart)",
    "CKA": "what CKA of twins lacks to 1, of what CKA of other faces lacks (%)",
    "retrieval": "thermal faces whose nearest RGB face is not their twin (%)",
    "probe": "accuracy of the modality probe (points from 50 %)",
}


@dataclass(frozen=True)
class Gap:
    """A student's distance from invariant by one measure.

    Attributes:
        value: on all faces, percent or percentage points; 0 is invariant.
        without: (G,) the same, each time without one of G groups of subjects.
    """

    value: float
    without: np.ndarray


def invariance_gaps(
    teacher: Landmarker, student: Landmarker, pairs: Pairs, *, groups: int = 10
) -> dict[str, Gap]:
    """A student's distances from invariant on labelled pairs, by the names of `GAPS`.

    Args:
        teacher: reads RGB; student: reads thermal; of equal width and input size.
        groups: how many groups of subjects are left out in turn, at most one a subject.

    Raises:
        InputError: fewer than three subjects: with one left out the probe needs two.
    """
    subjects = np.array(pairs.subjects)
    people = list(dict.fromkeys(pairs.subjects))
    if len(people) < 3:
        raise InputError("intervals leave people out in turn: give three subjects or more")
    of_rgb = modality_features(teacher, pairs, "rgb")
    of_thermal = modality_features(student, pairs, "thermal")
    errors = [
        [_errors(head_of, features, pairs) for features in (of_rgb, of_thermal)]
        for head_of in (teacher, student)
    ]

    def on(kept: np.ndarray) -> dict[str, float]:
        rgb, thermal = of_rgb[kept], of_thermal[kept]
        heads = [abs(100 * (b[kept] - a[kept]).mean()) for a, b in errors]
        cka = linear_cka(place_rows(rgb), place_rows(thermal))
        other = linear_cka(place_rows(rgb), place_rows(thermal.roll(len(kept) // 2, dims=0)))
        means = (side.mean(dim=(2, 3)).numpy() for side in (rgb, thermal))
        values = (
            *heads,
            100 * (1 - cka) / max(1 - other, 1e-12),
            100 * (1 - recall_at_k(descriptors(thermal), descriptors(rgb))),
            100 * abs(probe_accuracy(*means, tuple(subjects[kept])) - 0.5),
        )
        return dict(zip(GAPS, map(float, values), strict=True))

    left_out = [set(people[start::groups]) for start in range(min(groups, len(people)))]
    whole = on(np.arange(len(pairs)))
    parts = [on(np.flatnonzero([name not in some for name in subjects])) for some in left_out]
    return {name: Gap(whole[name], np.array([part[name] for part in parts])) for name in GAPS}


@torch.no_grad()
def _errors(head_of: Landmarker, features: Tensor, pairs: Pairs) -> np.ndarray:
    """NME of every face, (N,), a share, when one model's head reads given features."""
    device = next(head_of.parameters()).device
    found = [head_of.head(part.to(device)).coordinates.cpu() for part in features.split(64)]
    return score(torch.cat(found).float().numpy(), head_of.spec.scheme, pairs).per_face


def interval(value: float, without: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """An interval around a number by the jackknife over groups of subjects.

    The groups' numbers, each found without one group, spread the less the more people there are.
    It knows the chance in the people, not the chance in the training.
    """
    count = len(without)
    error = np.sqrt((count - 1) / count * np.square(without - np.mean(without)).sum())
    reach = float(error * student_t.ppf((1 + level) / 2, count - 1))
    return value - reach, value + reach


def compare_gaps(
    name: str, mine: dict[str, Gap], other_name: str, other: dict[str, Gap]
) -> tuple[list[dict[str, str]], str]:
    """Who is closer to invariant: a row a measure for a table, and the sum of it in words.

    Both have to come from the same pairs and groups.
    """
    rows, sure = [], {name: [], other_name: [], "": []}
    for measure, words in GAPS.items():
        a, b = mine[measure], other[measure]
        low, high = interval(a.value - b.value, a.without - b.without)
        closer = name if high < 0 else other_name if low > 0 else ""
        sure[closer].append(measure)
        rows.append(
            {
                "measure": f"**{measure}**: {words}",
                other_name: f"{b.value:.1f}",
                name: f"{a.value:.1f}",
                "difference": f"{a.value - b.value:+.1f} ({low:+.1f} to {high:+.1f})",
                "closer": closer or "not told apart",
            }
        )
    if sure[name] and not sure[other_name]:
        way = f"What the numbers decide, they decide for {name}."
    elif sure[other_name] and not sure[name]:
        way = f"What the numbers decide, they decide for {other_name}."
    elif sure[name]:
        way = "The measures disagree: who is closer depends on what *invariant* is to mean."
    else:
        way = "These faces do not tell the two apart."
    return rows, (
        f"**{name}** is closer to invariant than **{other_name}** by {_listed(sure[name])}; "
        f"farther by {_listed(sure[other_name])}; not told apart by {_listed(sure[''])}. {way}"
    )


def summarise_gaps(name: str, mine: dict[str, Gap]) -> str:
    """Whether a student is invariant, and by which measures; closer is not yet there."""
    lowest = {measure: interval(gap.value, gap.without)[0] for measure, gap in mine.items()}
    there = [measure for measure, low in lowest.items() if low <= 1e-6]  # rounding may stay
    short = [measure for measure in lowest if measure not in there]
    if not short:
        return f"By no measure are these faces able to tell **{name}** from invariant."
    told = f"The features of **{name}** are *not* invariant by {_listed(short)}"
    if not there:
        return f"{told}: by every measure, these faces tell them from invariant ones."
    return f"{told}; by {_listed(there)} these faces cannot tell them from invariant ones."


def _listed(measures: list[str]) -> str:
    """Measures in words: how many of all, and which."""
    if not measures:
        return "none of the measures"
    return f"{len(measures)} of {len(GAPS)} measures ({', '.join(measures)})"
