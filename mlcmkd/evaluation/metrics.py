"""NME, FR, AUC and CED: how far predicted landmarks are from the annotated ones.

Every number here needs two names beside it: the normaliser the distance was divided by, and, for FR
and AUC, the threshold. NME is a share (0.04), printed as percent (4.0) by whoever prints it.

Two things may be missing. A landmark that nobody annotated is NaN in the target: it is left out of
its face's mean. A face that a detector did not find is NaN in the prediction: it has no NME, and
counts as a failure in FR, CED and AUC.
"""

from collections.abc import Mapping
from typing import Literal

import numpy as np

from mlcmkd.schemes import get_scheme
from mlcmkd.utils.errors import InputError

Normaliser = Literal["inter-ocular", "inter-pupil", "box"]
NORMALISERS: Mapping[str, str] = {
    "inter-ocular": "the distance of the outer eye corners",
    "inter-pupil": "the distance of the pupils, each the mean of its eye's points",
    "box": "sqrt(w h) of the tight box of the annotated points",
}


def normaliser_length(landmarks: np.ndarray, scheme: str, normaliser: Normaliser) -> np.ndarray:
    """What each face's distances are divided by, (N, K, 2) to (N,), in the landmarks' unit.

    `NORMALISERS` says what each is. NaN where the points that it needs are not annotated: both eye
    corners, every point of both pupils, or any two points for the box.

    Raises:
        InputError: no such normaliser, or the scheme lacks the eyes that it needs.
    """
    if normaliser not in NORMALISERS:
        raise InputError(f"normaliser '{normaliser}' is unknown; use {', '.join(NORMALISERS)}")
    if normaliser == "box":
        annotated = np.isfinite(landmarks)
        low = np.where(annotated, landmarks, np.inf).min(axis=1)
        high = np.where(annotated, landmarks, -np.inf).max(axis=1)
        enough = annotated.all(axis=-1).sum(axis=1) >= 2
        sides = np.where(enough[:, None], high, np.nan) - low
        return np.sqrt(sides.prod(axis=-1))
    if normaliser == "inter-ocular":
        eyes = [(point,) for point in get_scheme(scheme).outer_eyes or ()]
    else:
        eyes = get_scheme(scheme).pupils or ()
    if not eyes:
        raise InputError(f"scheme '{scheme}' has no {normaliser} distance; use another normaliser")
    left, right = (landmarks[:, list(points)].mean(axis=1) for points in eyes)
    return np.linalg.norm(left - right, axis=-1)


def point_errors(
    prediction: np.ndarray, target: np.ndarray, scheme: str, normaliser: Normaliser
) -> np.ndarray:
    """Normalised distance of every point, (N, K, 2) twice to (N, K).

    NaN where a point is not annotated, where its face has no length to divide by (see
    `normaliser_length`), or where the face was not found.

    Raises:
        InputError: a face whose length is zero.
    """
    length = normaliser_length(target, scheme, normaliser)
    if np.any(length <= 0):
        raise InputError(f"face {int(np.nanargmin(length))}: its {normaliser} distance is zero")
    return np.linalg.norm(prediction - target, axis=-1) / length[:, None]


def face_errors(errors: np.ndarray) -> np.ndarray:
    """NME of every face, the mean of its annotated points: (N, K) to (N,).

    NaN where a face has none, or was not found.
    """
    there = np.isfinite(errors)
    count = there.sum(axis=1)
    total = np.where(there, errors, 0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def near_frontal(landmarks: np.ndarray, scheme: str, limit: float = 0.25) -> np.ndarray:
    """Which faces (N, K, 2) look at the camera, (N,) bool.

    The nose tip lies within `limit` of the outer-eye distance from the eyes' midpoint, measured
    along the line through the outer eye corners. False where one of the three is not annotated, or
    the scheme has none of it.
    """
    eyes, tip = get_scheme(scheme).outer_eyes, get_scheme(scheme).nose_tip
    if eyes is None or tip is None:
        return np.zeros(len(landmarks), dtype=bool)
    left, right = eyes
    line = landmarks[:, right] - landmarks[:, left]
    middle = (landmarks[:, right] + landmarks[:, left]) / 2
    nose = landmarks[:, tip] - middle
    along = (nose * line).sum(-1) / np.maximum((line * line).sum(-1), 1e-12)
    return np.abs(along) <= limit


def failure_rate(errors: np.ndarray, threshold: float) -> float:
    """Share of faces whose NME exceeds `threshold`; errors (N,). NaN counts as a failure."""
    return float(np.mean(~(np.asarray(errors) <= threshold)))


def cumulative_distribution(
    errors: np.ndarray, threshold: float, count: int = 200
) -> tuple[np.ndarray, np.ndarray]:
    """CED: share of faces with an NME of at most x, at `count` values of x from 0 to `threshold`.

    NaN counts as infinite: such a face is in the whole, and never reached.
    """
    x = np.linspace(0, threshold, count)
    ordered = np.sort(np.asarray(errors, dtype=np.float64))  # NaN last
    return x, np.searchsorted(ordered, x, side="right") / len(ordered)


def area_of_each(errors: np.ndarray, threshold: float) -> np.ndarray:
    """What each face adds to the AUC, (N,) to (N,), 0 to 1; the AUC is their mean.

    A face of error e < threshold is counted over (threshold - e) of the axis; NaN over nothing.
    """
    errors = np.asarray(errors, dtype=np.float64)
    return np.where(errors <= threshold, threshold - errors, 0.0) / threshold


def area_under_curve(errors: np.ndarray, threshold: float) -> float:
    """Area under the CED from 0 to `threshold`, divided by it, 0 to 1; exact, no grid."""
    return float(area_of_each(errors, threshold).mean())


def bootstrap_interval(
    errors: np.ndarray, *, level: float = 0.95, draws: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean over faces, errors (N,)."""
    errors = np.asarray(errors, dtype=np.float64)
    rng = np.random.default_rng(seed)
    means = errors[rng.integers(0, len(errors), (draws, len(errors)))].mean(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def bootstrap_intervals(
    errors: np.ndarray, *, level: float = 0.95, draws: int = 2000, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """`bootstrap_interval` of every column, (N, M) to lower and upper ends, (M,) each.

    The faces are drawn once for all columns. A column's NaN are left out of its means; its ends are
    NaN where it holds nothing else.
    """
    errors = np.asarray(errors, dtype=np.float64)
    there = np.isfinite(errors).astype(np.float64)
    filled = np.where(there > 0, errors, 0)
    faces = len(errors)
    rng = np.random.default_rng(seed)
    means = np.full((draws, errors.shape[1]), np.nan)
    for draw in range(draws):
        times = np.bincount(rng.integers(0, faces, faces), minlength=faces).astype(np.float64)
        counted = times @ there
        np.divide(times @ filled, counted, out=means[draw], where=counted > 0)
    ends = np.full((2, errors.shape[1]), np.nan)
    some = there.any(axis=0)
    if some.any():
        ends[:, some] = np.nanquantile(means[:, some], [(1 - level) / 2, (1 + level) / 2], axis=0)
    return ends[0], ends[1]
