"""Metrics of predicted landmarks: NME, FR, AUC and CED, with bootstrap intervals over faces.

- NME (normalised mean error): mean distance of the points of a face, divided by a normaliser length
  (`NORMALISERS`). In code it is a share (0.04); tables print percent (4.0).
- FR (failure rate): share of faces with an NME above a threshold.
- CED (cumulative error distribution): share of faces with an NME of at most x.
- AUC: area under the CED from 0 to the threshold, divided by the threshold.

A number is only comparable together with its normaliser and, for FR and AUC, its threshold.

Two kinds of values can be missing. A landmark without annotation is NaN in the target and is left
out of the mean of its face. A face that a detector missed is NaN in the prediction: it has no NME,
and counts as a failure in FR, CED and AUC.
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
    """The normaliser length of each face, in the unit of the landmarks.

    inter-ocular: distance of the outer eye corners. inter-pupil: distance of the pupils, each the
    mean of the points of its eye. box: sqrt(w h) of the tight box of the annotated points.

    Args:
        landmarks: (N, K, 2).
        scheme: landmark scheme of the K points.
        normaliser: a key of `NORMALISERS`.

    Returns:
        (N,); NaN where needed points are not annotated: both eye corners, every point of both eyes,
        or any two points for the box.

    Raises:
        InputError: an unknown normaliser, or the scheme lacks the eyes that it needs.
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
    """Euclidean distance of every point, divided by the normaliser length of its face.

    Args:
        prediction, target: (N, K, 2) in one unit.
        scheme: landmark scheme of the K points.
        normaliser: a key of `NORMALISERS`; the length is taken from `target`.

    Returns:
        (N, K) shares; NaN where a point is not annotated, where its face has no normaliser length
        (see `normaliser_length`), or where the face was not found.

    Raises:
        InputError: a face whose normaliser length is zero.
    """
    length = normaliser_length(target, scheme, normaliser)
    if np.any(length <= 0):
        raise InputError(f"face {int(np.nanargmin(length))}: its {normaliser} distance is zero")
    return np.linalg.norm(prediction - target, axis=-1) / length[:, None]


def face_errors(errors: np.ndarray) -> np.ndarray:
    """NME of every face, the mean over its annotated points: (N, K) to (N,).

    NaN where a face has no annotated point, or was not found.
    """
    finite = np.isfinite(errors)
    count = finite.sum(axis=1)
    total = np.where(finite, errors, 0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def near_frontal(landmarks: np.ndarray, scheme: str, limit: float = 0.25) -> np.ndarray:
    """Which faces are near-frontal, (N, K, 2) to (N,) bool.

    The definition is ours: the distance of the nose tip from the midpoint of the outer eye corners,
    measured along the line through these corners, is at most `limit` times the distance of the corners.
    False where one of the three points is not annotated, or the scheme does not have them.

    Args:
        landmarks: (N, K, 2) in any unit.
        scheme: landmark scheme of the K points.
        limit: largest share of the distance of the eye corners.
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
    """FR: share of faces whose NME exceeds `threshold`, 0 to 1.

    Args:
        errors: (N,) NME of each face; NaN counts as a failure.
        threshold: in the unit of the errors.
    """
    return float(np.mean(~(np.asarray(errors) <= threshold)))


def cumulative_distribution(
    errors: np.ndarray, threshold: float, count: int = 200
) -> tuple[np.ndarray, np.ndarray]:
    """CED at `count` values of x from 0 to `threshold`: share of faces with an NME of at most x.

    Args:
        errors: (N,) NME of each face; NaN counts as infinite.
        threshold: largest x, in the unit of the errors.
        count: number of equally spaced values.

    Returns:
        x and the shares, (count,) each.
    """
    x = np.linspace(0, threshold, count)
    ordered = np.sort(np.asarray(errors, dtype=np.float64))  # NaN last
    return x, np.searchsorted(ordered, x, side="right") / len(ordered)


def area_of_each(errors: np.ndarray, threshold: float) -> np.ndarray:
    """Contribution of each face to the AUC, (N,) to (N,), 0 to 1; the AUC is their mean.

    A face with NME e adds max(threshold - e, 0) / threshold; NaN adds 0.

    Args:
        errors: (N,) NME of each face.
        threshold: in the unit of the errors, above 0.
    """
    errors = np.asarray(errors, dtype=np.float64)
    return np.where(errors <= threshold, threshold - errors, 0.0) / threshold


def area_under_curve(errors: np.ndarray, threshold: float) -> float:
    """AUC: area under the CED from 0 to `threshold`, divided by `threshold`, 0 to 1.

    It is computed exactly from `errors` (N,), not on a grid.
    """
    return float(area_of_each(errors, threshold).mean())


def bootstrap_interval(
    errors: np.ndarray, *, level: float = 0.95, draws: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean over faces (Efron, 1979).

    Args:
        errors: (N,) one value per face.
        level: share of the bootstrap means inside the interval, 0 to 1.
        draws: number of bootstrap samples of N faces, drawn with replacement.
        seed: random state.

    Returns:
        lower and upper end.
    """
    errors = np.asarray(errors, dtype=np.float64)
    rng = np.random.default_rng(seed)
    means = errors[rng.integers(0, len(errors), (draws, len(errors)))].mean(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def bootstrap_intervals(
    errors: np.ndarray, *, level: float = 0.95, draws: int = 2000, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """`bootstrap_interval` of every column of (N, M): lower and upper ends, (M,) each.

    All columns share the bootstrap samples. A NaN is left out of the mean of its column; the ends are
    NaN where all values of a column are NaN.
    """
    errors = np.asarray(errors, dtype=np.float64)
    finite = np.isfinite(errors).astype(np.float64)
    filled = np.where(finite > 0, errors, 0)
    faces = len(errors)
    rng = np.random.default_rng(seed)
    means = np.full((draws, errors.shape[1]), np.nan)
    for draw in range(draws):
        times = np.bincount(rng.integers(0, faces, faces), minlength=faces).astype(np.float64)
        counted = times @ finite
        np.divide(times @ filled, counted, out=means[draw], where=counted > 0)
    ends = np.full((2, errors.shape[1]), np.nan)
    measured = finite.any(axis=0)
    if measured.any():
        ends[:, measured] = np.nanquantile(
            means[:, measured], [(1 - level) / 2, (1 + level) / 2], axis=0
        )
    return ends[0], ends[1]
