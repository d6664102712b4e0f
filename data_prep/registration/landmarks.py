"""Registration by landmarks that both images show, with RANSAC against bad ones."""

from typing import Literal

import cv2
import numpy as np

from data_prep.registration.registration import Registration, Size, judged
from data_prep.registration.residual import DEFAULT_LIMIT, Limit, distances, inter_ocular, matched
from data_prep.registration.transforms import Homography, ThinPlate, Transform
from mlcmkd.utils.errors import InputError

Kind = Literal["similarity", "affine", "tps"]

# Landmarks that fix the map, and one more, without which nothing could be left out.
_FEWEST = {"similarity": 3, "affine": 4, "tps": 5}
# OpenCV draws its samples from a generator of fixed seed, so the same landmarks give the same map.
_RANSAC = {"method": cv2.RANSAC, "maxIters": 2000, "confidence": 0.999}
# Fewer than half in agreement are as likely to agree on something wrong.
_FEWEST_KEPT = 0.5


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
    """By the same landmarks in both images.

    RANSAC first sorts out landmarks that no similarity (for "affine" and "tps": no affine map)
    brings together with the others; then the map is fitted to the rest by least squares in thermal
    pixels.

    The residual is leave-one-out: each kept landmark is predicted by a map fitted to the other kept
    ones; the mean distance is reported. On its own points a spline can be exact whatever they are
    worth, so that distance (`fit_px`) says nothing. The residual holds the landmarks' own error in
    both images beside the map's, and so is an upper bound of the latter. Landmarks that RANSAC
    sorted out are not in it: read it with `kept` and `given`.

    Args:
        rgb_landmarks, thermal_landmarks: (K, 2) pixels of the same points; NaN where missing. At
            least 3 are needed for "similarity", 4 for "affine", 5 for "tps".
        thermal_size: (width, height).
        kind: "similarity" (turn, scale, shift), "affine", or "tps" (thin-plate spline).
        scheme: of the landmarks, for the inter-ocular distance; None where they have none.
        outlier_px: distance at which RANSAC takes a landmark for a bad one, thermal pixels; None
            for 8 % of sqrt(w h) of their box, and 12 % for "tps", which may bend.
        smoothing: of the spline, see `ThinPlate`. 0 runs through every landmark, and so through its
            error; on the rigs of benchmarks/pairing.py, 1 halves an error of 2 pixels and costs
            0.04 where there is none.
        limit: the residual above which the pair is refused.

    Raises:
        InputError: an unknown kind, shapes that do not match, too few landmarks, all in one place,
            or (but for "similarity") all on a line.
    """
    if kind not in _FEWEST:
        raise InputError(f"kind '{kind}' is unknown; use {', '.join(_FEWEST)}")
    if not smoothing >= 0:
        raise InputError(f"smoothing={smoothing}: give 0 or more")
    rgb, thermal = matched(rgb_landmarks, thermal_landmarks)
    length = inter_ocular(thermal, scheme)
    there = np.isfinite(rgb).all(axis=1) & np.isfinite(thermal).all(axis=1)
    rgb, thermal = rgb[there], thermal[there]
    _refuse_degenerate(kind, rgb, thermal)
    if outlier_px is None:
        share = 0.12 if kind == "tps" else 0.08
        outlier_px = share * float(np.sqrt(np.prod(np.ptp(thermal, axis=0)) + 1))
    kept = _inliers(kind, rgb, thermal, outlier_px)
    fitted = {"rgb_size": rgb_size, "kept": int(kept.sum()), "given": len(rgb)}
    if kept.sum() < max(_FEWEST[kind], _FEWEST_KEPT * len(rgb)) or _spread(rgb[kept])[1] < (
        0 if kind == "similarity" else _LINE
    ):
        return Registration(
            kind, None, thermal_size, ok=False,
            reason=f"only {kept.sum()} of {len(rgb)} landmarks agree", **fitted,
        )  # fmt: skip
    rgb, thermal = rgb[kept], thermal[kept]
    transform = _fit(kind, rgb, thermal, smoothing)
    return judged(
        kind,
        transform,
        thermal_size,
        _leave_one_out(kind, rgb, thermal, smoothing),
        length,
        limit,
        against=_turned(transform, rgb),
        fit_px=float(distances(transform.forward(rgb), thermal).mean()),
        **fitted,
    )


_LINE = 1e-3  # width of a set of points over its length, below which it is a line


def _spread(points: np.ndarray) -> tuple[float, float]:
    """How far points (K, 2) reach (root mean square, pixels), and their width over their length."""
    along, across = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)[:2]
    return float(along) / np.sqrt(len(points)), float(across / along) if along > 0 else 0.0


def _refuse_degenerate(kind: Kind, rgb: np.ndarray, thermal: np.ndarray) -> None:
    if len(rgb) < _FEWEST[kind]:
        raise InputError(
            f"{len(rgb)} landmarks in both images; '{kind}' needs {_FEWEST[kind]} or more"
        )
    for name, points in (("RGB", rgb), ("thermal", thermal)):
        reach, width = _spread(points)
        if reach < 1e-6:
            raise InputError(f"all {name} landmarks lie in one place; look at how they were read")
        if kind != "similarity" and width < _LINE:
            raise InputError(
                f"all {name} landmarks lie on a line, which fixes no '{kind}' map; add others or "
                "use 'similarity'"
            )


def _inliers(kind: Kind, rgb: np.ndarray, thermal: np.ndarray, within: float) -> np.ndarray:
    """Which landmarks agree on one map, (K,) bool."""
    estimate = cv2.estimateAffinePartial2D if kind == "similarity" else cv2.estimateAffine2D
    matrix, inliers = estimate(rgb, thermal, ransacReprojThreshold=within, **_RANSAC)
    if matrix is None:
        return np.zeros(len(rgb), dtype=bool)
    return inliers.ravel().astype(bool)


def _fit(kind: Kind, rgb: np.ndarray, thermal: np.ndarray, smoothing: float) -> Transform:
    """The map of that kind with the smallest squared distances in thermal pixels."""
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
    """Mean distance of each landmark from where all others put it, thermal pixels."""
    off = []
    for index in range(len(rgb)):
        others = np.arange(len(rgb)) != index
        if kind != "similarity" and _spread(rgb[others])[1] < _LINE:
            continue  # the others lie on a line and say nothing about this one
        fitted = _fit(kind, rgb[others], thermal[others], smoothing)
        off.append(distances(fitted.forward(rgb[index : index + 1]), thermal[index]))
    return float(np.mean(off)) if off else float("inf")


def _turned(transform: Transform, rgb: np.ndarray) -> str:
    """A word against a map that mirrors or folds the image."""
    if isinstance(transform, ThinPlate):
        return "the spline folds the image over" if transform.folds(rgb) else ""
    if np.linalg.det(transform.matrix[:2, :2]) < 0:
        return "the map mirrors the image; are left and right exchanged in one of the two?"
    return ""
