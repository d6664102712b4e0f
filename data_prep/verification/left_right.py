"""Detect landmarks whose left and right are swapped."""

import numpy as np

from mlcmkd.schemes import Scheme

# The shorter of the two lengths that are compared must be at least this share of the longer one.
_CLEAR = 0.25


def is_flipped(scheme: Scheme, landmarks: np.ndarray) -> bool:
    """Whether the left and right of a face are swapped: points mirrored without being renamed, or
    named from the person's point of view instead of the viewer's.

    Going from the left eye to the right eye, the mouth must be on the right-hand side, for any roll
    of the head, also upside down; if it is on the left, the points are mirrored. (In an upright face,
    the left outer corner is then to the right of the right one.) The same applies from the left to
    the right corner of the mouth. Eyes are the outer corners, or the pupils for schemes without
    corners; the mouth is the mean of its points.

    The result is False without a decision if one of the two lengths, between the eyes and from eyes
    to mouth, is less than a quarter of the other: profiles, and faces seen from far above or below.
    It is also False for schemes without a left and a right eye. Rule and threshold are ours.

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
    """Return the cross product of two vectors divided by the squared longer length.

    It is positive if `down` is clockwise of `across` in the image: 1 for equally long perpendicular
    vectors, negative if mirrored, near 0 if one is short.
    """
    longest = max(across @ across, down @ down)
    return (across[0] * down[1] - across[1] * down[0]) / longest if longest > 0 else 0.0
