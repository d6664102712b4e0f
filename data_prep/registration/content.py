"""Registration by what the images show, where nobody marked a landmark.

Both methods work on images whose shorter side is about 160 pixels, from coarse to fine: a search
over turns, scales and shifts by the agreement of edges, then a refinement of the best starts, by ECC
on the strength of gradients (Evangelidis and Psarakis, IEEE TPAMI 30(10), 2008, in OpenCV) or by
mutual information. None of the three cares which side of an edge is the brighter one.

Matrices inside this file go from thermal to RGB pixels; a Registration's goes the other way.
"""

from typing import Literal

import cv2
import numpy as np

from data_prep.registration.alignment_quality import distinctness, tile_residual
from data_prep.registration.edges import agreement, edges, grey, strength
from data_prep.registration.initial_search import resampled, smaller, starts
from data_prep.registration.mutual_information import refined
from data_prep.registration.registration import Registration, judged
from data_prep.registration.residual import DEFAULT_LIMIT, Limit, held_out_px, inter_ocular, matched
from data_prep.registration.transforms import Homography, checked_matrix, projected
from mlcmkd.utils.errors import InputError

Method = Literal["ecc", "mutual information"]

_WORKING_PX = 160
_FEWEST_PX = 32
_STARTS = {"ecc": 4, "mutual information": 2}  # refined; mutual information is the dearer
_LEAST_OVERLAP = 0.5
# Of well registered rigs of benchmarks/pairing.py 96 % have 6 or more, whatever the noise; of pairs
# of mere noise, fine or coarse, 1 %.
LEAST_DISTINCTNESS = 6.0
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
    """By image content: an affine map.

    The residual does not come from what was optimised. With landmarks of both images, which this
    method does not look at otherwise, it is their mean distance. Without, it says how far tiles of
    the warped RGB image still want to move, each on its own, to match the thermal image's edges (see
    `tile_residual`): about a pixel of the working size for a perfect pair, and at most a sixteenth
    of the shorter side, so a pair that is further off cannot be told from one that is that far off.

    Args:
        rgb: (H, W, 3) or (H, W).
        thermal: (h, w) or (h, w, 3), any unit; 16 bits and floats are as good as 8 bits.
        method: "ecc" or "mutual information".
        start: (3, 3), RGB to thermal pixels, about right: within 12 degrees, 17 % of scale and a
            quarter of the image. None lays the RGB image centrally over the thermal one, as small
            as covers it.
        rgb_landmarks, thermal_landmarks: (K, 2) pixels of the same points, NaN where missing; the
            thermal ones alone give the inter-ocular distance.
        scheme: of the landmarks.
        limit: the residual above which the pair is refused.

    Returns:
        A registration; not ok, and without a map or residual, where no refinement converged.

    Raises:
        InputError: an unknown method, an image that is too small, landmarks that do not match, or a
            start without an inverse.
    """
    if method not in _STARTS:
        raise InputError(f"method '{method}' is unknown; use 'ecc' or 'mutual information'")
    for name, image in (("RGB", rgb), ("thermal", thermal)):
        if image.ndim not in (2, 3) or min(image.shape[:2]) < _FEWEST_PX:
            raise InputError(
                f"{name} image of shape {image.shape}; registration by content needs (H, W) or "
                f"(H, W, 3) and {_FEWEST_PX} pixels or more a side"
            )
    sizes = {
        "thermal_size": (thermal.shape[1], thermal.shape[0]),
        "rgb_size": (rgb.shape[1], rgb.shape[0]),
    }
    begin = _covering(**sizes) if start is None else checked_matrix(start, "start")
    # Both images at the working size, one RGB pixel about as large as a thermal one.
    shrink = max(1.0, min(thermal.shape[:2]) / _WORKING_PX)
    scale = np.sqrt(abs(np.linalg.det(begin[:2, :2]))) / shrink  # working pixels an RGB pixel
    still, to_still = smaller(grey(thermal), shrink)
    moving, to_moving = smaller(grey(rgb), max(1.0, 1 / scale))
    first = to_moving @ np.linalg.inv(begin) @ np.linalg.inv(to_still)

    found = _registered(still, moving, first, method)
    if found is None:
        reason = f"{method} did not converge from any start"
        return Registration(method, None, **sizes, ok=False, reason=reason)
    back = np.linalg.inv(to_moving) @ found @ to_still  # thermal to RGB pixels, as they came
    transform = Homography(np.linalg.inv(back))
    residual_px = None
    if rgb_landmarks is not None and thermal_landmarks is not None:
        residual_px = held_out_px(transform, *matched(rgb_landmarks, thermal_landmarks))
    against = ""
    if residual_px is None:  # no landmark that would know better
        residual, against = _judge(still, moving, found)
        residual_px = None if residual is None else residual * shrink
    length = None
    if thermal_landmarks is not None:
        length = inter_ocular(np.asarray(thermal_landmarks, dtype=np.float64), scheme)
    return judged(
        method,
        transform,
        residual_px=residual_px,
        inter_ocular_px=length,
        limit=limit,
        against=against,
        **sizes,
    )


def _covering(thermal_size: tuple[int, int], rgb_size: tuple[int, int]) -> np.ndarray:
    """RGB to thermal pixels: centre on centre, the RGB image as small as covers the thermal one."""
    scale = max(thermal_size[0] / rgb_size[0], thermal_size[1] / rgb_size[1])
    middle = [
        (there - 1) / 2 - scale * (here - 1) / 2
        for there, here in zip(thermal_size, rgb_size, strict=True)
    ]
    return np.array([[scale, 0, middle[0]], [0, scale, middle[1]], [0, 0, 1]])


def _registered(
    still: np.ndarray, moving: np.ndarray, first: np.ndarray, method: Method
) -> np.ndarray | None:
    """The place where the edges agree best, (3, 3), thermal to RGB pixels.

    To choose from are the best starts and all that refinement made of them: it may lead astray.
    None where not one refinement converged.
    """
    small_still, to_still = smaller(still, 2)
    small_moving, to_moving = smaller(moving, 2)
    half = (small_still, small_moving, to_still, to_moving)
    whole = (still, moving, np.eye(3), np.eye(3))
    stages = [(half, False), (whole, False), (whole, True)]
    if method == "mutual information":
        del stages[1]  # each costs it ten times what it costs ECC
    refine = _by_ecc if method == "ecc" else _by_mutual_information
    begin = to_moving @ first @ np.linalg.inv(to_still)
    found, converged = [], False
    for place in starts(small_still, small_moving, begin, _STARTS[method]):
        matrix = np.linalg.inv(to_moving) @ place @ to_still
        found.append(matrix)
        for (thermal, rgb, to_thermal, to_rgb), affine in stages:
            near = refine(thermal, rgb, to_rgb @ matrix @ np.linalg.inv(to_thermal), affine)
            if near is not None:
                matrix = np.linalg.inv(to_rgb) @ near @ to_thermal
                found.append(matrix)
                converged = True
    if not converged:
        return None
    overlapping = [m for m in found if _inside(moving, m, still.shape).mean() > _LEAST_OVERLAP]
    return max(overlapping, key=lambda matrix: _agreement(still, moving, matrix), default=None)


def _by_ecc(
    thermal: np.ndarray, rgb: np.ndarray, matrix: np.ndarray, affine: bool
) -> np.ndarray | None:
    """ECC around `matrix`: turn and shift, or an affine map; None where it does not converge."""
    motion = cv2.MOTION_AFFINE if affine else cv2.MOTION_EUCLIDEAN
    seen = strength(resampled(rgb, matrix, thermal.shape[::-1]))
    inside = _inside(rgb, matrix, thermal.shape).astype(np.uint8)
    try:
        near = cv2.findTransformECC(
            strength(thermal), seen, np.eye(2, 3, dtype=np.float32), motion, _ECC, inside, 3
        )[1]
    except cv2.error:  # OpenCV's way to say that it does not converge
        return None
    return matrix @ np.vstack([near, [0, 0, 1]])


def _by_mutual_information(
    thermal: np.ndarray, rgb: np.ndarray, matrix: np.ndarray, affine: bool
) -> np.ndarray | None:
    """Mutual information around `matrix`: a similarity, or an affine map; None without overlap."""
    inside = _inside(rgb, matrix, thermal.shape)
    if not inside.any():
        return None
    return refined(thermal, rgb, matrix, inside, motions=6 if affine else 4)


def _inside(rgb: np.ndarray, matrix: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Which thermal pixels the RGB image reaches, (H, W) bool."""
    height, width = shape
    grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).reshape(-1, 2)
    places = projected(matrix, grid.astype(np.float64)).reshape(height, width, 2)
    return ((places >= 0) & (places <= (rgb.shape[1] - 1, rgb.shape[0] - 1))).all(axis=-1)


def _agreement(still: np.ndarray, moving: np.ndarray, matrix: np.ndarray) -> float:
    seen = resampled(moving, matrix, still.shape[::-1])
    return agreement(edges(still), edges(seen), _inside(moving, matrix, still.shape))


def _judge(still: np.ndarray, moving: np.ndarray, matrix: np.ndarray) -> tuple[float | None, str]:
    """Residual in working pixels, and what speaks against the pair whatever its residual."""
    seen = resampled(moving, matrix, still.shape[::-1])
    inside = _inside(moving, matrix, still.shape)
    residual, clear = tile_residual(still, seen, inside), distinctness(still, seen, inside)
    if residual is None:
        return None, "the images overlap too little to tell how well they fit"
    if clear < LEAST_DISTINCTNESS:
        return residual, (
            f"other places fit about as well: distinctness {clear:.1f}, at least "
            f"{LEAST_DISTINCTNESS} is asked for"
        )
    return residual, ""
