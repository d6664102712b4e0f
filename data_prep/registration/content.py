"""Registration by image content (intensity-based), for pairs without landmarks.

Both methods work on images whose shorter side is about 160 pixels, from coarse to fine: a search
over rotations, scales and shifts by the agreement of edges, then a refinement of the best candidates,
by ECC on gradient magnitudes (Evangelidis and Psarakis, IEEE TPAMI 30(10), 2008, in OpenCV) or by
mutual information. All three are independent of which side of an edge is brighter.

Matrices in this file map thermal to RGB pixels; that of a Registration maps RGB to thermal pixels.
"""

from typing import Literal

import cv2
import numpy as np

from data_prep.registration.alignment_quality import distinctness, tile_residual
from data_prep.registration.edges import agreement, edges, grey, strength
from data_prep.registration.initial_search import downscaled, initial_matrices, resampled
from data_prep.registration.mutual_information import refined
from data_prep.registration.registration import Registration, Size, assessed
from data_prep.registration.residual import (
    DEFAULT_LIMIT,
    Limit,
    checked_landmarks,
    inter_ocular,
    landmark_residual,
)
from data_prep.registration.transforms import Homography, checked_matrix, projected
from mlcmkd.utils.errors import InputError

Method = Literal["ecc", "mutual information"]

_WORKING_PX = 160
_MIN_PX = 32
_CANDIDATES = {"ecc": 4, "mutual information": 2}  # to refine; mutual information takes longer
_MIN_OVERLAP = 0.5
# In benchmarks/pairing.py 96 % of the well registered pairs reach 6, at every noise level; 1 % of
# pairs of pure noise, fine or coarse, do.
MIN_DISTINCTNESS = 6.0
_ECC = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 50, 1e-4)


def from_content(
    rgb: np.ndarray,
    thermal: np.ndarray,
    *,
    method: Method = "ecc",
    start: np.ndarray | None = None,
    rgb_landmarks: np.ndarray | None = None,
    thermal_landmarks: np.ndarray | None = None,
    scheme: str | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Registration:
    """Register by image content, with an affine map.

    The residual is not the quantity that was optimised. With landmarks of both images, which are not
    used otherwise, it is their mean distance. Without them, it is the distance by which tiles of the
    warped RGB image would have to move, each on its own, to match the thermal image's edges (see
    `tile_residual`). That is about one pixel of the working size for a perfect pair, and at most a
    sixteenth of the shorter side, whatever the true error.

    Args:
        rgb: (H, W, 3) or (H, W).
        thermal: (h, w) or (h, w, 3), any unit, 8 bits, 16 bits or floats.
        method: "ecc" or "mutual information".
        start: (3, 3), approximate map from RGB to thermal pixels: within 12 degrees, 17 % of scale
            and a quarter of the image. None centres the RGB image on the thermal one, at the
            smallest scale that covers it.
        rgb_landmarks, thermal_landmarks: (K, 2) pixels of the same points, NaN where missing; the
            thermal ones alone give the inter-ocular distance.
        scheme: scheme of the landmarks.
        limit: the residual above which the pair is refused.

    Returns:
        A registration; not ok, without a map and a residual, if no refinement converged.

    Raises:
        InputError: an unknown method, an image that is too small, landmarks that do not match, or a
            singular start.
    """
    if method not in _CANDIDATES:
        raise InputError(f"method '{method}' is unknown; use 'ecc' or 'mutual information'")
    for name, image in (("RGB", rgb), ("thermal", thermal)):
        if image.ndim not in (2, 3) or min(image.shape[:2]) < _MIN_PX:
            raise InputError(
                f"{name} image of shape {image.shape}; registration by content needs (H, W) or "
                f"(H, W, 3) and {_MIN_PX} pixels or more per side"
            )
    sizes = {
        "thermal_size": (thermal.shape[1], thermal.shape[0]),
        "rgb_size": (rgb.shape[1], rgb.shape[0]),
    }
    initial = covering_homography(**sizes) if start is None else checked_matrix(start, "start")
    # Both images at the working size, where RGB and thermal pixels are about equally large.
    shrink = max(1.0, min(thermal.shape[:2]) / _WORKING_PX)
    scale = np.sqrt(abs(np.linalg.det(initial[:2, :2]))) / shrink  # working pixels per RGB pixel
    fixed, to_fixed = downscaled(grey(thermal), shrink)
    moving, to_moving = downscaled(grey(rgb), max(1.0, 1 / scale))
    first = to_moving @ np.linalg.inv(initial) @ np.linalg.inv(to_fixed)

    matrix = _register(fixed, moving, first, method)
    if matrix is None:
        reason = f"{method} did not converge from any start"
        return Registration(method, None, **sizes, ok=False, reason=reason)
    back = np.linalg.inv(to_moving) @ matrix @ to_fixed  # thermal to RGB pixels at full size
    transform = Homography(np.linalg.inv(back))
    residual_px = None
    if rgb_landmarks is not None and thermal_landmarks is not None:
        residual_px = landmark_residual(
            transform, *checked_landmarks(rgb_landmarks, thermal_landmarks)
        )
    defect = ""
    if residual_px is None:
        residual, defect = _residual_and_defect(fixed, moving, matrix)
        residual_px = None if residual is None else residual * shrink
    length = None
    if thermal_landmarks is not None:
        length = inter_ocular(np.asarray(thermal_landmarks, dtype=np.float64), scheme)
    return assessed(
        method,
        transform,
        residual_px=residual_px,
        inter_ocular_px=length,
        limit=limit,
        defect=defect,
        **sizes,
    )


def covering_homography(thermal_size: Size, rgb_size: Size) -> np.ndarray:
    """Map RGB to thermal pixels: centre to centre, smallest scale that covers the thermal image."""
    scale = max(thermal_size[0] / rgb_size[0], thermal_size[1] / rgb_size[1])
    middle = [
        (target - 1) / 2 - scale * (source - 1) / 2
        for target, source in zip(thermal_size, rgb_size, strict=True)
    ]
    return np.array([[scale, 0, middle[0]], [0, scale, middle[1]], [0, 0, 1]])


def _register(
    fixed: np.ndarray, moving: np.ndarray, first: np.ndarray, method: Method
) -> np.ndarray | None:
    """Return the map with the best agreement of edges, (3, 3), thermal to RGB pixels.

    The candidates are the results of the initial search and of all refinements, because a refinement
    may also make a result worse. None if no refinement converged.
    """
    small_fixed, to_fixed = downscaled(fixed, 2)
    small_moving, to_moving = downscaled(moving, 2)
    half = (small_fixed, small_moving, to_fixed, to_moving)
    full = (fixed, moving, np.eye(3), np.eye(3))
    stages = [(half, False), (full, False), (full, True)]
    if method == "mutual information":
        del stages[1]  # a stage takes ten times as long as with ECC
    refine = _by_ecc if method == "ecc" else _by_mutual_information
    initial = to_moving @ first @ np.linalg.inv(to_fixed)
    candidates, converged = [], False
    for place in initial_matrices(small_fixed, small_moving, initial, _CANDIDATES[method]):
        matrix = np.linalg.inv(to_moving) @ place @ to_fixed
        candidates.append(matrix)
        for (thermal, rgb, to_thermal, to_rgb), affine in stages:
            near = refine(thermal, rgb, to_rgb @ matrix @ np.linalg.inv(to_thermal), affine)
            if near is not None:
                matrix = np.linalg.inv(to_rgb) @ near @ to_thermal
                candidates.append(matrix)
                converged = True
    if not converged:
        return None
    overlapping = [m for m in candidates if _inside(moving, m, fixed.shape).mean() > _MIN_OVERLAP]
    return max(overlapping, key=lambda matrix: _agreement(fixed, moving, matrix), default=None)


def _by_ecc(
    thermal: np.ndarray, rgb: np.ndarray, matrix: np.ndarray, affine: bool
) -> np.ndarray | None:
    """Refine by ECC: a rotation and shift, or an affine map; None if it does not converge."""
    motion = cv2.MOTION_AFFINE if affine else cv2.MOTION_EUCLIDEAN
    warped = strength(resampled(rgb, matrix, thermal.shape[::-1]))
    inside = _inside(rgb, matrix, thermal.shape).astype(np.uint8)
    try:
        near = cv2.findTransformECC(
            strength(thermal), warped, np.eye(2, 3, dtype=np.float32), motion, _ECC, inside, 3
        )[1]
    except cv2.error:  # raised when ECC does not converge
        return None
    return matrix @ np.vstack([near, [0, 0, 1]])


def _by_mutual_information(
    thermal: np.ndarray, rgb: np.ndarray, matrix: np.ndarray, affine: bool
) -> np.ndarray | None:
    """Refine by mutual information: a similarity, or an affine map; None without overlap."""
    inside = _inside(rgb, matrix, thermal.shape)
    if not inside.any():
        return None
    return refined(thermal, rgb, matrix, inside, parameters=6 if affine else 4)


def _inside(rgb: np.ndarray, matrix: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return which thermal pixels are inside the RGB image, (H, W) bool."""
    height, width = shape
    grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).reshape(-1, 2)
    places = projected(matrix, grid.astype(np.float64)).reshape(height, width, 2)
    return ((places >= 0) & (places <= (rgb.shape[1] - 1, rgb.shape[0] - 1))).all(axis=-1)


def _agreement(fixed: np.ndarray, moving: np.ndarray, matrix: np.ndarray) -> float:
    warped = resampled(moving, matrix, fixed.shape[::-1])
    return agreement(edges(fixed), edges(warped), _inside(moving, matrix, fixed.shape))


def _residual_and_defect(
    fixed: np.ndarray, moving: np.ndarray, matrix: np.ndarray
) -> tuple[float | None, str]:
    """Return the residual in working pixels, and a reason to refuse the pair anyway ("" for none)."""
    warped = resampled(moving, matrix, fixed.shape[::-1])
    inside = _inside(moving, matrix, fixed.shape)
    residual = tile_residual(fixed, warped, inside)
    if residual is None:
        return None, "the images overlap too little to measure the residual"
    score = distinctness(fixed, warped, inside)
    if score < MIN_DISTINCTNESS:
        return residual, (
            f"other positions match about as well: distinctness {score:.1f}, at least "
            f"{MIN_DISTINCTNESS} is required"
        )
    return residual, ""
