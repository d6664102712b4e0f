"""Whether the left and the right of a face were exchanged."""

import numpy as np

from mlcmkd.schemes import Scheme

# Of the two lengths that tell left from right, the shorter one must be this share of the longer.
_CLEAR = 0.25


def is_flipped(scheme: Scheme, landmarks: np.ndarray) -> bool:
    """Whether a face's left and right are exchanged: points mirrored without being renamed, or
    named by the person's side instead of the viewer's.

    The rule: whoever walks from the left eye to the right one has the mouth on the right hand,
    however the head is rolled, upside down included; in a mirror on the left. (With the face
    upright, that is the left outer corner to the right of the right one.) The same holds from the
    left corner of the mouth to the right one. Eyes are the outer corners, or the pupils where a
    scheme has no corners; the mouth is the mean of its points.

    A face is not judged, and so not flipped, where the two lengths, from side to side and from eyes
    to mouth, are not both at least a quarter of each other: profiles, whose far eye hides behind the
    nose, and faces seen from right above or below. So are schemes without a left and a right eye.

    Args:
        landmarks: (K, 2) pixels of `scheme`, finite.
    """
    points = np.asarray(landmarks, dtype=np.float64)
    if scheme.outer_eyes is not None:
        eyes = [points[index] for index in scheme.outer_eyes]
    elif scheme.pupils is not None:
        eyes = [points[list(indices)].mean(axis=0) for indices in scheme.pupils]
    else:
        return False
    if "mouth" not in scheme.regions:
        return False
    mouth = points[list(scheme.regions["mouth"])].mean(axis=0)
    down = mouth - (eyes[0] + eyes[1]) / 2
    pairs = [eyes]
    corners = ("left mouth corner", "right mouth corner")
    if all(name in scheme.names for name in corners):
        pairs.append([points[scheme.names.index(name)] for name in corners])
    return any(_turn(right - left, down) < -_CLEAR for left, right in pairs)


def _turn(across: np.ndarray, down: np.ndarray) -> float:
    """How much of a right angle, clockwise as the image is seen, leads from one to the other, times
    their lengths' ratio: 1 for a square, negative in a mirror, near 0 where one is short."""
    longest = max(across @ across, down @ down)
    return (across[0] * down[1] - across[1] * down[0]) / longest if longest > 0 else 0.0
