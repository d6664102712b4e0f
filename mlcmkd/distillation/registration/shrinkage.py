"""Shrinkage of the maps of unlabelled pairs towards the mean of the labelled pairs.

The rig is the mount of the two cameras; the shift between its images differs from pair to pair. The
parameters of labelled pairs vary by the rig and by the teacher's error. Those of unlabelled pairs use a
student's prediction instead of the label, so they also vary by the student's error. On average the rig
causes this share of an unlabelled pair's deviation from the labelled mean:

    share = variance over labelled pairs / variance over unlabelled pairs,   at most 1.

It is the weight with the smallest mean squared error, and it has no hyperparameter. If the rig hardly
varies, or the student is inaccurate, the share is near 0, and unlabelled pairs get nearly the mean of
the labelled pairs.
"""

from typing import NamedTuple

import numpy as np

from mlcmkd.distillation.registration.motion import KINDS

FEWEST = 2  # pairs that a variance needs


class Shrunk(NamedTuple):
    """Parameters after shrinkage.

    Attributes:
        parameters: (N, 4); those of labelled pairs are unchanged.
        shares: one for each of `KINDS`, 0 to 1.
        rig: standard deviation over labelled pairs of each of `KINDS`, per parameter; NaN if unknown.
        student: standard deviation that the student's error adds, for each of `KINDS`; NaN if unknown.
    """

    parameters: np.ndarray
    shares: np.ndarray
    rig: np.ndarray
    student: np.ndarray

    @property
    def remaining(self) -> np.ndarray:
        """Expected standard deviation of the remaining error of unlabelled pairs, for each kind."""
        return self.rig * np.sqrt(1 - self.shares)


def shrink(parameters: np.ndarray, labelled: np.ndarray, counted: np.ndarray) -> Shrunk:
    """Moves the parameters of unlabelled pairs towards the mean of the labelled ones.

    With fewer than two labelled pairs there is no variance, and the parameters are returned as they are.

    Args:
        parameters: (N, 4).
        labelled: (N,) bool.
        counted: (N,) bool, which pairs count for means and variances.
    """
    known, predicted = parameters[labelled & counted], parameters[~labelled & counted]
    shrunk = parameters.copy()
    shares, rig, student = np.ones(len(KINDS)), np.full(3, np.nan), np.full(3, np.nan)
    for kind, columns in enumerate(KINDS):
        ours, theirs = (_variance(each[:, columns]) for each in (known, predicted))
        rig[kind] = np.sqrt(ours)
        if np.isnan(ours) or np.isnan(theirs):
            continue
        student[kind] = np.sqrt(max(0.0, theirs - ours))
        shares[kind] = min(1.0, ours / theirs) if theirs > 0 else 1.0
        mean = known[:, columns].mean(axis=0)
        rows = np.ix_(~labelled, columns)
        shrunk[rows] = mean + shares[kind] * (parameters[rows] - mean)
    return Shrunk(shrunk, shares, rig, student)


def _variance(values: np.ndarray) -> float:
    """Mean over the columns of the variance, (N, C) to a number; NaN for fewer than two rows."""
    return float(values.var(axis=0, ddof=1).mean()) if len(values) >= FEWEST else np.nan
