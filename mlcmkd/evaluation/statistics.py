"""Statistics over seeds: means with intervals, paired differences, the share of a gap closed.

Runs of different strategies with the same seed share the random choices: the pairs, the labels and the
initial weights. Strategies are therefore compared seed by seed, so that the effect that a seed has on
both runs cancels in the difference.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from mlcmkd.utils.errors import InputError


class Interval(NamedTuple):
    """A mean over seeds and its 95 % interval by Student's t.

    Attributes:
        mean: mean of the values, in their unit.
        low, high: ends of the interval; NaN for a single seed.
        seeds: number of values.
    """

    mean: float
    low: float
    high: float
    seeds: int

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval excludes zero; a single seed has no interval."""
        return self.high < 0 or self.low > 0

    def text(self, digits: int = 2) -> str:
        """ "mean [low, high]"; for a single seed "mean (one seed)"."""
        if self.seeds < 2:
            return f"{self.mean:.{digits}f} (one seed)"
        return f"{self.mean:.{digits}f} [{self.low:.{digits}f}, {self.high:.{digits}f}]"

    def marked(self) -> str:
        """The text in Markdown, in bold if the interval excludes zero."""
        return f"**{self}**" if self.excludes_zero else str(self)

    def __str__(self) -> str:
        return self.text()


@cache
def _t_quantile(freedom: int) -> float:
    """The 97.5 % quantile of Student's t; kept, because studies ask for the same few of them often."""
    from scipy import stats  # here, because its import takes a second

    return float(stats.t.ppf(0.975, freedom))


def interval(values: Sequence[float]) -> Interval:
    """Mean and 95 % confidence interval of the mean, mean +- t(0.975, n - 1) s / sqrt(n).

    t is the quantile of Student's t distribution with n - 1 degrees of freedom, and s is the sample
    standard deviation.

    Args:
        values: n values, one per seed.

    Raises:
        InputError: there is no value.
    """
    values = np.asarray(values, dtype=np.float64)
    if not len(values):
        raise InputError("the mean of no values is undefined; give at least one")
    if len(values) == 1:
        return Interval(float(values[0]), float("nan"), float("nan"), 1)
    reach = _t_quantile(len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    mean = values.mean()
    return Interval(float(mean), float(mean - reach), float(mean + reach), len(values))


def difference(a: Mapping[int, float], b: Mapping[int, float]) -> Interval:
    """Paired difference a - b: `interval` of the differences over the seeds that both have.

    Args:
        a, b: value by seed, such as the NME. If it is negative, `a` has the lower value.

    Raises:
        InputError: no seed is in both.
    """
    return interval([a[seed] - b[seed] for seed in _shared_seeds(a, b)])


def gap_closed(none: Mapping[int, float], student: Mapping[int, float], teacher: float) -> Interval:
    """Share of the modality gap that a student closes; 1 means that it is as good as the teacher.

    It is (NME_none - NME_student) / (NME_none - NME_teacher), seed by seed. The teacher is the same
    network in all runs, so only the two students vary with the seed.

    Args:
        none: NME by seed of the student that was trained without a teacher.
        student: NME by seed of the student that is evaluated.
        teacher: NME of the teacher on RGB images, in the same unit.

    Raises:
        InputError: no seed is in both, or a student without a teacher is as good as the teacher.
    """
    shared = _shared_seeds(none, student)
    if any(none[seed] <= teacher for seed in shared):
        raise InputError("the student without a teacher is as good as the teacher: there is no gap")
    return interval([(none[s] - student[s]) / (none[s] - teacher) for s in shared])


def _shared_seeds(a: Mapping[int, float], b: Mapping[int, float]) -> list[int]:
    shared = sorted(set(a) & set(b))
    if not shared:
        raise InputError("the two strategies share no seed, so they cannot be paired")
    return shared
