"""NME, FR, AUC and CED: how far predicted landmarks are from the annotated ones.

Every number here needs two names beside it: the normaliser the distance was divided by, and, for FR
and AUC, the threshold. NME is a share (0.04), printed as percent (4.0) by whoever prints it.
"""

from typing import Literal

import numpy as np

from mlcmkd.errors import InputError
from mlcmkd.schemes import get_scheme

Normaliser = Literal["inter-ocular", "box"]


def normaliser_length(landmarks: np.ndarray, scheme: str, normaliser: Normaliser) -> np.ndarray:
    """What each face's distances are divided by, (N, K, 2) to (N,), in the landmarks' unit.

    "inter-ocular" is the distance of the outer eye corners; "box" is sqrt(w h) of the tight box of
    the annotated points.
    """
    if normaliser == "inter-ocular":
        left, right = get_scheme(scheme).outer_eyes
        return np.linalg.norm(landmarks[:, left] - landmarks[:, right], axis=-1)
    if normaliser == "box":
        return np.sqrt(np.prod(np.ptp(landmarks, axis=1), axis=-1))
    raise InputError(f"normaliser '{normaliser}' is unknown; use inter-ocular or box")


def point_errors(
    prediction: np.ndarray, target: np.ndarray, scheme: str, normaliser: Normaliser
) -> np.ndarray:
    """Normalised distance of every point, (N, K, 2) twice to (N, K)."""
    length = normaliser_length(target, scheme, normaliser)
    if np.any(length <= 0):
        raise InputError(f"face {int(np.argmin(length))}: its {normaliser} distance is zero")
    return np.linalg.norm(prediction - target, axis=-1) / length[:, None]


def near_frontal(landmarks: np.ndarray, scheme: str, limit: float = 0.25) -> np.ndarray:
    """Which faces (N, K, 2) look at the camera, (N,) bool.

    The nose tip lies within `limit` of the outer-eye distance from the eyes' midpoint, measured
    along the line through the outer eye corners.
    """
    left, right = get_scheme(scheme).outer_eyes
    line = landmarks[:, right] - landmarks[:, left]
    middle = (landmarks[:, right] + landmarks[:, left]) / 2
    nose = landmarks[:, get_scheme(scheme).nose_tip] - middle
    along = (nose * line).sum(-1) / np.maximum((line * line).sum(-1), 1e-12)
    return np.abs(along) <= limit


def failure_rate(errors: np.ndarray, threshold: float) -> float:
    """Share of faces whose NME exceeds `threshold`; errors (N,). NaN counts as a failure."""
    return float(np.mean(~(np.asarray(errors) <= threshold)))


def cumulative_distribution(
    errors: np.ndarray, threshold: float, count: int = 200
) -> tuple[np.ndarray, np.ndarray]:
    """CED: share of faces with an NME of at most x, at `count` values of x from 0 to `threshold`."""
    x = np.linspace(0, threshold, count)
    ordered = np.sort(np.asarray(errors, dtype=np.float64))
    return x, np.searchsorted(ordered, x, side="right") / len(ordered)


def area_under_curve(errors: np.ndarray, threshold: float) -> float:
    """Area under the CED from 0 to `threshold`, divided by it, 0 to 1; exact, no grid.

    A face of error e < threshold is counted over (threshold - e) of the axis.
    """
    errors = np.asarray(errors, dtype=np.float64)
    under = np.where(errors <= threshold, threshold - errors, 0.0)
    return float(np.nan_to_num(under).mean() / threshold)


def bootstrap_interval(
    errors: np.ndarray, *, level: float = 0.95, draws: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean over faces, errors (N,)."""
    errors = np.asarray(errors, dtype=np.float64)
    rng = np.random.default_rng(seed)
    means = errors[rng.integers(0, len(errors), (draws, len(errors)))].mean(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
