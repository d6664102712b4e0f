"""Comparison of two students by measures of invariance, with intervals, as a table and sentences."""

from collections.abc import Collection

import numpy as np

from mlcmkd.evaluation.invariance.gaps import GAPS, Gap


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
        One row per measure that both have for a table, and a summary in sentences. Neither student is
        closer by a measure if the interval of their difference contains zero.
    """
    rows, closer_by = [], {name: [], other_name: [], "": []}
    measures = [measure for measure in GAPS if measure in gaps and measure in other_gaps]
    for measure in measures:
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
        f"**{name}** is closer to invariance than **{other_name}** by "
        f"{_listed(closer_by[name], measures)}, farther by "
        f"{_listed(closer_by[other_name], measures)}, without a clear difference by "
        f"{_listed(closer_by[''], measures)}. "
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
    sentence = f"The features of **{name}** are *not* invariant by {_listed(positive, gaps)}"
    if not zero:
        return f"{sentence}: every gap is significantly larger than zero."
    return f"{sentence}; by {_listed(zero, gaps)}, the gap is not significantly larger than zero."


def _listed(some: list[str], measures: Collection[str]) -> str:
    """Number and names of some of the measures."""
    if not some:
        return "none of the measures"
    return f"{len(some)} of {len(measures)} measures ({', '.join(some)})"
