"""An RGB and a thermal camera side by side, for the lesson on registration."""

from typing import NamedTuple

import cv2
import numpy as np

from mlcmkd.synthetic.faces import SyntheticFaces

SIZE, RGB_SIZE = (160, 160), (480, 420)  # of the thermal and of the RGB images: width, height
FOCAL = 400.0  # thermal pixels
_ZOOM = RGB_SIZE[1] / SIZE[1]  # RGB pixels for each thermal pixel
_FULL = 0.65  # distance at which a rendered face fills the thermal image, metres


class Photographed(NamedTuple):
    """One face in both cameras.

    Attributes:
        rgb: (420, 480, 3) uint8.
        celsius: (160, 160) float32, degrees C.
        rgb_marks, marks: (K, 2) true landmarks in the pixels of the RGB and of the thermal image.
    """

    rgb: np.ndarray
    celsius: np.ndarray
    rgb_marks: np.ndarray
    marks: np.ndarray


def two_cameras(apart: float) -> dict[str, np.ndarray]:
    """The calibration of two parallel cameras without distortion, as `cv2.stereoCalibrate` returns it.

    Args:
        apart: distance between the cameras, metres.

    Returns:
        K1, dist1 (RGB), K2, dist2 (thermal), R and t, the fields of `data_prep.registration.Stereo`.
    """
    inner = {}
    for number, size, focal in ((1, RGB_SIZE, _ZOOM * FOCAL), (2, SIZE, FOCAL)):
        centre = [(side - 1) / 2 for side in size]
        inner[f"K{number}"] = np.array([[focal, 0, centre[0]], [0, focal, centre[1]], [0, 0, 1]])
        inner[f"dist{number}"] = np.zeros(5)
    return inner | {"R": np.eye(3), "t": np.array([apart, 0.0, 0.0])}


def photograph(
    faces: SyntheticFaces, index: int, to_thermal: np.ndarray, metres: float
) -> Photographed:
    """A face at a distance, in both cameras.

    The face is flat, so that one map is right for all its points.

    Args:
        faces: rendered at 320 x 320 pixels.
        index: of the face.
        to_thermal: (3, 3) homography from RGB to thermal pixels at this distance.
        metres: distance of the face.
    """
    half = _FULL / metres / 2  # a nearer face is larger
    corner = (SIZE[0] - 1) / 2 - half * (faces.rgb.shape[2] - 1) / 2
    placed = np.array([[half, 0, corner], [0, half, corner], [0, 0, 1]])
    to_rgb = np.linalg.inv(to_thermal)
    edge = {"borderMode": cv2.BORDER_REPLICATE}
    marks = half * faces.landmarks[index] + placed[:2, 2]
    return Photographed(
        cv2.warpPerspective(faces.rgb[index], to_rgb @ placed, RGB_SIZE, **edge),
        cv2.warpPerspective(faces.thermal[index], placed, SIZE, **edge),
        cv2.perspectiveTransform(marks[None].astype(np.float64), to_rgb)[0],
        marks,
    )
