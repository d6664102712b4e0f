"""Visibility of the parts of a face, by its landmarks and their deviations."""

from collections.abc import Collection, Sequence

import numpy as np

from mlcmkd.deployment.face_regions import Region, Side, face_size
from mlcmkd.deployment.faces import FaceLandmarks
from mlcmkd.schemes import CORNERS6, IBUG68, common_points, convert, get_scheme

# A side of the face is turned away if its eye is narrower in the image than this share of the other eye:
# from a yaw of about 40 degrees on (benchmarks/temperatures.py).
TURNED = 0.6
# A point is hidden if its standard deviation is more than this share of the face's size; chosen on
# rendered validation faces (benchmarks/temperatures.py).
HIDDEN = 0.04


def far_side(landmarks: np.ndarray, scheme: str) -> Side:
    """The subject's side that is turned away from the camera.

    Args:
        landmarks: (K, 2) pixels.
        scheme: landmark scheme of the K points.

    Returns:
        "left" or "right". Empty if both sides are visible, or the scheme lacks the corners of both eyes.
    """
    corners = convert(landmarks, scheme, CORNERS6.name)
    left_of_image = float(np.linalg.norm(corners[0] - corners[1]))
    right_of_image = float(np.linalg.norm(corners[2] - corners[3]))
    if left_of_image < TURNED * right_of_image:
        return "right"
    return "left" if right_of_image < TURNED * left_of_image else ""


def hidden_points(face: FaceLandmarks) -> np.ndarray:
    """Which landmarks are hidden or turned away, (K,) bool."""
    return turned_points(face) | (_uncertainty(face) > HIDDEN)


# The names of landmarks use left and right of the viewer.
_VIEWERS: dict[Side, str] = {"left": "right ", "right": "left "}


def turned_points(face: FaceLandmarks) -> np.ndarray:
    """Which landmarks are on the side that is turned away, (K,) bool."""
    viewers = _VIEWERS.get(far_side(face.landmarks, face.scheme))
    names = get_scheme(face.scheme).names
    return np.array([viewers is not None and name.startswith(viewers) for name in names])


def eye_points(scheme: str, sides: Collection[Side]) -> np.ndarray:
    """Which landmarks of a scheme belong to the subject's eyes on these sides, (K,) bool."""
    viewers = tuple(_VIEWERS[side] for side in sides)
    return np.array(
        [
            name.startswith(viewers) and any(part in name for part in (" eye ", " lid ", " pupil"))
            for name in get_scheme(scheme).names
        ]
    )


def hidden_regions(face: FaceLandmarks, regions: Sequence[Region]) -> list[bool]:
    """Whether each region is hidden: the mean uncertainty of its landmarks is above `HIDDEN`.

    The mean uses the weights of the landmarks in the region.

    Args:
        face: landmarks with their deviations. Without deviations no region is hidden.
        regions: regions whose landmarks the scheme of the face has.
    """
    sources, uncertainty = common_points(face.scheme, IBUG68.name).sources, _uncertainty(face)
    hidden = []
    for region in regions:
        of_points = [uncertainty[list(sources[point])].mean() for point in region.points]
        mean = np.average(of_points, weights=np.abs(region.weights).sum(axis=0))
        hidden.append(bool(mean > HIDDEN))
    return hidden


def _uncertainty(face: FaceLandmarks) -> np.ndarray:
    """Deviations of the landmarks as shares of the face's size, (K,); NaN where they are unknown."""
    return face.deviation / face_size(face.landmarks)
