"""Registration by corresponding landmarks, with RANSAC to remove outliers."""

from typing import Literal

import cv2
import numpy as np

from data_prep.registration.registration import Registration, Size, assessed
from data_prep.registration.residual import (
    DEFAULT_LIMIT,
    Limit,
    checked_landmarks,
    distances,
    inter_ocular,
)
from data_prep.registration.transforms import Homography, ThinPlate, Transform
from mlcmkd.utils.errors import InputError

Kind = Literal["similarity", "affine", "tps"]

# The number that determines the map, plus one so that one can be left out.
_MIN_LANDMARKS = {"similarity": 3, "affine": 4, "tps": 5}
# OpenCV's RANSAC has a fixed seed, so the same landmarks give the same map.
_RANSAC = {"method": cv2.RANSAC, "maxIters": 2000, "confidence": 0.999}
# With fewer inliers than half of the landmarks, the inliers may well agree on a wrong map.
_MIN_INLIERS = 0.5
# Width of a set of points divided by its length, below which the points count as a line.
_LINE = 1e-3


def from_landmarks(
    rgb_landmarks: np.ndarray,
    thermal_landmarks: np.ndarray,
    thermal_size: Size,
    *,
    kind: Kind = "similarity",
    scheme: str | None = None,
    outlier_px: float | None = None,
    smoothing: float = 1.0,
    rgb_size: Size | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Registration:
    """Register by corresponding landmarks.

    RANSAC first removes outliers, landmarks that do not agree with the others under one similarity
    (for "affine" and "tps": one affine map). The map is then fitted to the others by least squares
    in thermal pixels.

    The residual is leave-one-out: each inlier is predicted by a map fitted to the other inliers, and
    the mean distance is reported. The distance on the fitted landmarks themselves (`fit_px`) does not
    measure quality: a spline can interpolate any landmarks. The residual includes the landmarks'
    own errors in both images and is thus an upper bound of the map's error. It does not include
    outliers: read it together with `kept` and `given`.

    Args:
        rgb_landmarks, thermal_landmarks: (K, 2) pixels of the same points; NaN where missing. At
            least 3 are needed for "similarity", 4 for "affine", 5 for "tps".
        thermal_size: (width, height).
        kind: "similarity" (rotation, scale, shift), "affine", or "tps" (thin-plate spline).
        scheme: scheme of the landmarks, for the inter-ocular distance; None if they have none.
        outlier_px: distance from which RANSAC treats a landmark as an outlier, thermal pixels; None
            for 8 % of sqrt(w h) of their bounding box, and 12 % for "tps", which may bend.
        smoothing: smoothing of the spline, see `ThinPlate`. 0 interpolates the landmarks with their
            errors; in benchmarks/pairing.py, 1 halves an error of 2 pixels and costs 0.04 pixels
            for exact landmarks.
        limit: the residual above which the pair is refused.

    Raises:
        InputError: an unknown kind, shapes that do not match, too few landmarks, all at one point,
            or (except for "similarity") all on a line.
    """
    if kind not in _MIN_LANDMARKS:
        raise InputError(f"kind '{kind}' is unknown; use {', '.join(_MIN_LANDMARKS)}")
    if not smoothing >= 0:
        raise InputError(f"smoothing={smoothing}: give 0 or more")
    rgb, thermal = checked_landmarks(rgb_landmarks, thermal_landmarks)
    length = inter_ocular(thermal, scheme)
    both = np.isfinite(rgb).all(axis=1) & np.isfinite(thermal).all(axis=1)
    rgb, thermal = rgb[both], thermal[both]
    _refuse_degenerate(kind, rgb, thermal)
    if outlier_px is None:
        share = 0.12 if kind == "tps" else 0.08
        outlier_px = share * float(np.sqrt(np.prod(np.ptp(thermal, axis=0)) + 1))
    kept = _inliers(kind, rgb, thermal, outlier_px)
    fitted = {"rgb_size": rgb_size, "kept": int(kept.sum()), "given": len(rgb)}
    if kept.sum() < max(_MIN_LANDMARKS[kind], _MIN_INLIERS * len(rgb)) or _spread(rgb[kept])[1] < (
        0 if kind == "similarity" else _LINE
    ):
        return Registration(
            kind, None, thermal_size, ok=False,
            reason=f"only {kept.sum()} of {len(rgb)} landmarks agree", **fitted,
        )  # fmt: skip
    rgb, thermal = rgb[kept], thermal[kept]
    transform = _fit(kind, rgb, thermal, smoothing)
    return assessed(
        kind,
        transform,
        thermal_size,
        _leave_one_out(kind, rgb, thermal, smoothing),
        length,
        limit,
        defect=_orientation_defect(transform, rgb),
        fit_px=float(distances(transform.forward(rgb), thermal).mean()),
        **fitted,
    )


def _spread(points: np.ndarray) -> tuple[float, float]:
    """Return the extent of points (K, 2) (root mean square, pixels), and their width over length."""
    along, across = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)[:2]
    return float(along) / np.sqrt(len(points)), float(across / along) if along > 0 else 0.0


def _refuse_degenerate(kind: Kind, rgb: np.ndarray, thermal: np.ndarray) -> None:
    if len(rgb) < _MIN_LANDMARKS[kind]:
        raise InputError(
            f"{len(rgb)} landmarks in both images; '{kind}' needs {_MIN_LANDMARKS[kind]} or more"
        )
    for name, points in (("RGB", rgb), ("thermal", thermal)):
        reach, width = _spread(points)
        if reach < 1e-6:
            raise InputError(f"all {name} landmarks are at one point; check how they were read")
        if kind != "similarity" and width < _LINE:
            raise InputError(
                f"all {name} landmarks lie on a line, which does not determine '{kind}'; add others or "
                "use 'similarity'"
            )


def _inliers(kind: Kind, rgb: np.ndarray, thermal: np.ndarray, within: float) -> np.ndarray:
    """Return which landmarks are inliers of one map, (K,) bool."""
    estimate = cv2.estimateAffinePartial2D if kind == "similarity" else cv2.estimateAffine2D
    matrix, inliers = estimate(rgb, thermal, ransacReprojThreshold=within, **_RANSAC)
    if matrix is None:
        return np.zeros(len(rgb), dtype=bool)
    return inliers.ravel().astype(bool)


def _fit(kind: Kind, rgb: np.ndarray, thermal: np.ndarray, smoothing: float) -> Transform:
    """Fit a map by least squares in thermal pixels."""
    if kind == "tps":
        return ThinPlate(rgb, thermal, smoothing)
    one, zero = np.ones(len(rgb)), np.zeros(len(rgb))
    x, y = rgb.T
    if kind == "affine":
        first = np.linalg.lstsq(np.column_stack([x, y, one]), thermal, rcond=None)[0].T
    else:  # x' = a x - b y + c, y' = b x + a y + d
        rows = np.vstack([np.column_stack([x, -y, one, zero]), np.column_stack([y, x, zero, one])])
        a, b, c, d = np.linalg.lstsq(rows, thermal.T.ravel(), rcond=None)[0]
        first = np.array([[a, -b, c], [b, a, d]])
    return Homography(np.vstack([first, [0, 0, 1]]))


def _leave_one_out(kind: Kind, rgb: np.ndarray, thermal: np.ndarray, smoothing: float) -> float:
    """Return the mean distance of each landmark from its prediction by the others, thermal pixels."""
    errors = []
    for index in range(len(rgb)):
        others = np.arange(len(rgb)) != index
        if kind != "similarity" and _spread(rgb[others])[1] < _LINE:
            continue  # the others lie on a line and do not determine a map
        fitted = _fit(kind, rgb[others], thermal[others], smoothing)
        errors.append(distances(fitted.forward(rgb[index : index + 1]), thermal[index]))
    return float(np.mean(errors)) if errors else float("inf")


def _orientation_defect(transform: Transform, rgb: np.ndarray) -> str:
    """Return the reason to refuse a map that mirrors or folds the image; "" for none."""
    if isinstance(transform, ThinPlate):
        return "the spline folds the image over" if transform.folds(rgb) else ""
    if np.linalg.det(transform.matrix[:2, :2]) < 0:
        return "the map mirrors the image; are left and right swapped in one of the two?"
    return ""
