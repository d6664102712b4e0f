"""Registration from a calibration of the two cameras; nothing is fitted to the images."""

import numpy as np

from data_prep.registration.registration import Registration, Size, assessed
from data_prep.registration.residual import (
    DEFAULT_LIMIT,
    Limit,
    checked_landmarks,
    inter_ocular,
    landmark_residual,
)
from data_prep.registration.transforms import Homography, Stereo, ThroughPlane, Transform
from mlcmkd.utils.errors import InputError


def from_homography(
    matrix: np.ndarray,
    thermal_size: Size,
    *,
    rgb_size: Size | None = None,
    rgb_landmarks: np.ndarray | None = None,
    thermal_landmarks: np.ndarray | None = None,
    scheme: str | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Registration:
    """Register by a known homography from RGB to thermal pixels.

    The residual is the mean distance of the landmarks, which were not used for the calibration;
    without landmarks it is None.

    Args:
        matrix: (3, 3), as `cv2.findHomography(rgb_points, thermal_points)` returns it.
        thermal_size, rgb_size: (width, height); a calibration is valid for one RGB size, so `warp`
            refuses others if `rgb_size` is given.
        rgb_landmarks, thermal_landmarks: (K, 2) pixels of the same points, NaN where missing.
        scheme: scheme of the landmarks, for the inter-ocular distance; None if they have none.
        limit: the residual above which the pair is refused.

    Raises:
        InputError: a matrix that is not 3 x 3, not finite or singular, or landmarks that do not
            match.
    """
    marks = (rgb_landmarks, thermal_landmarks)
    return _calibrated(
        "homography", Homography(matrix), thermal_size, rgb_size, marks, scheme, limit
    )


def from_stereo(
    calibration: Stereo,
    depth: float,
    thermal_size: Size,
    *,
    normal: tuple[float, float, float] = (0.0, 0.0, 1.0),
    rgb_size: Size | None = None,
    rgb_landmarks: np.ndarray | None = None,
    thermal_landmarks: np.ndarray | None = None,
    scheme: str | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Registration:
    """Register by a stereo calibration and a plane at a known depth that approximates the face.

    The error of a point in front of or behind the plane is its parallax, about f b |1/z - 1/d|
    thermal pixels, with f the thermal focal length in pixels and b the distance of the cameras.

    Args:
        calibration: both cameras and their relative pose.
        depth: the plane's distance from the RGB camera, in the unit of `calibration.t`.
        normal: normal of the plane, in the RGB camera's frame.

    The other arguments, the residual and the errors are those of `from_homography`. Also an
    InputError: an impossible calibration, a depth not above zero, or a plane through the thermal
    camera.
    """
    plane = ThroughPlane(calibration, float(depth), np.asarray(normal))
    marks = (rgb_landmarks, thermal_landmarks)
    return _calibrated("stereo", plane, thermal_size, rgb_size, marks, scheme, limit)


def _calibrated(
    method: str,
    transform: Transform,
    thermal_size: Size,
    rgb_size: Size | None,
    landmarks: tuple[np.ndarray | None, np.ndarray | None],
    scheme: str | None,
    limit: Limit,
) -> Registration:
    residual = length = None
    if (landmarks[0] is None) != (landmarks[1] is None):
        raise InputError("landmarks of one camera only; give both or neither")
    if landmarks[0] is not None:
        rgb, thermal = checked_landmarks(*landmarks)
        length = inter_ocular(thermal, scheme)
        residual = landmark_residual(transform, rgb, thermal)
    return assessed(method, transform, thermal_size, residual, length, limit, rgb_size=rgb_size)
