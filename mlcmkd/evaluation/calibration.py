"""Standard deviations of predicted landmarks: calibration on errors, and its evaluation.

A deviation is per coordinate and in the unit of the errors. It is calibrated if 68.3 % of all errors of
x and y are within one deviation and 95.4 % within two, as in a normal distribution. The errors of
landmarks have longer tails than a normal distribution, so no deviation meets both shares exactly. The
fit therefore uses both.
"""

from typing import NamedTuple

import numpy as np

from mlcmkd.utils.errors import InputError

SHARES = (0.6827, 0.9545)  # of a normal distribution within 1 and 2 standard deviations
FEWEST = 10  # faces for a fit of two numbers; their errors depend on each other
_SMALLEST = 1e-6  # lower limit of errors and spreads before their logarithms are taken


class Coverage(NamedTuple):
    """How well deviations describe errors.

    Attributes:
        within_one, within_two: shares of the coordinates' errors within one and two deviations, 0 to 1.
        point_rank: Spearman's rank correlation, -1 to 1, of the deviation and the Euclidean error, over
            all landmarks of all faces.
        face_rank: the same for the mean deviation and the mean error of a face, over faces. Both
            correlations are NaN where all deviations are equal.
    """

    within_one: float
    within_two: float
    point_rank: float
    face_rank: float


def fit_deviation(spread: np.ndarray, errors: np.ndarray) -> tuple[float, float]:
    """Fits deviation = scale * spread ** power to errors.

    It minimises the sum of two pinball losses over all coordinates: that of the 68.3 % quantile of
    log |error| and that of the 95.4 % quantile of log |error / 2|. Each is divided by q (1 - q), where q
    is the quantile's share. Single large errors have little influence. The method is ours.

    Args:
        spread: (N, K) standard deviation of each heatmap, above 0.
        errors: (N, K, 2) errors of x and y in the unit of the spread; NaN where there is no label.

    Returns:
        scale above 0, and power from 0 to 10.

    Raises:
        InputError: fewer than `FEWEST` faces with a labelled point.
    """
    known = np.isfinite(errors).all(axis=-1)
    faces = int(known.any(axis=1).sum())
    if faces < FEWEST:
        raise InputError(f"{faces} labelled validation faces; a calibration needs {FEWEST}")
    size = np.log(np.maximum(np.abs(errors[known]), _SMALLEST))
    width = np.log(np.maximum(spread[known], _SMALLEST))[:, None]
    middle = width.mean()  # the two parameters are nearly independent around it

    def loss(parameters: np.ndarray) -> float:
        level, power = parameters
        logarithm = level + abs(power) * (width - middle)
        total = 0.0
        for deviations, share in enumerate(SHARES, start=1):
            excess = size - np.log(deviations) - logarithm
            pinball = np.maximum(share * excess, (share - 1) * excess)
            total += pinball.mean() / (share * (1 - share))
        return total

    start = np.array([np.quantile(size, SHARES[0]), 1.0])
    from scipy.optimize import minimize  # here, because its import takes half a second

    found = minimize(loss, start, method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-8})
    level, power = float(found.x[0]), min(abs(float(found.x[1])), 10.0)
    return float(np.exp(level - power * middle)), power


def measure_coverage(deviation: np.ndarray, errors: np.ndarray) -> Coverage:
    """Compares deviations with errors.

    Args:
        deviation: (N, K) standard deviation of each coordinate, above 0.
        errors: (N, K, 2) in the same unit; NaN where there is no label.
    """
    known = np.isfinite(errors).all(axis=-1)
    ratio = np.abs(errors[known]) / deviation[known][:, None]
    distance = np.linalg.norm(errors, axis=-1)
    rows = known.any(axis=1)
    means = [
        np.nanmean(np.where(known, each, np.nan)[rows], axis=1) for each in (deviation, distance)
    ]
    return Coverage(
        float((ratio <= 1).mean()),
        float((ratio <= 2).mean()),
        rank_correlation(deviation[known], distance[known]),
        rank_correlation(*means),
    )


def rank_correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Spearman's rank correlation of two series; NaN if one of them is constant."""
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return float("nan")
    from scipy.stats import spearmanr  # here, because its import takes half a second

    return float(spearmanr(one, other).statistic)
