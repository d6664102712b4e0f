"""Which parts of a face are in view, by its landmarks and their deviations."""

from collections.abc import Sequence

import numpy as np

from mlcmkd.deployment.face_regions import Region, Side, face_size
from mlcmkd.deployment.faces import FaceLandmarks
from mlcmkd.schemes import CORNERS6, IBUG68, common_points, convert, get_scheme

# Skin is turned away where the eye of its side looks narrower than this share of the other eye: from
# about 40 degrees on (benchmarks/temperatures.py).
TURNED = 0.6
# A point is hidden if its standard deviation is more than this share of the face's size; chosen on
# rendered validation faces (benchmarks/temperatures.py).
HIDDEN = 0.05


def far_side(landmarks: np.ndarray, scheme: str) -> Side:
    """The subject's side that is turned away from the camera.

    Args:
        landmarks: (K, 2) pixels.
        scheme: their scheme.

    Returns:
        Empty where both sides are in view, and in a scheme without the corners of both eyes.
    """
    corners = convert(landmarks, scheme, CORNERS6.name)
    left_of_image = float(np.linalg.norm(corners[0] - corners[1]))
    right_of_image = float(np.linalg.norm(corners[2] - corners[3]))
    if left_of_image < TURNED * right_of_image:
        return "right"
    return "left" if right_of_image < TURNED * left_of_image else ""


def hidden_points(face: FaceLandmarks) -> np.ndarray:
    """Which landmarks are hidden or turned away, (K,) bool."""
    far = far_side(face.landmarks, face.scheme)
    viewers = {"left": "right ", "right": "left ", "": None}[far]  # sides of names are the viewer's
    names = get_scheme(face.scheme).names
    turned = [viewers is not None and name.startswith(viewers) for name in names]
    return np.array(turned) | (_uncertainty(face) > HIDDEN)


def hidden_regions(face: FaceLandmarks, regions: Sequence[Region]) -> list[bool]:
    """Which regions are hidden: their landmarks are, on average, as uncertain as hidden ones.

    The average is weighted as the landmarks are in the region.
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
