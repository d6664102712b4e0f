"""The roll of a head: its in-plane rotation, computed from its landmarks."""

import numpy as np

from mlcmkd.schemes import get_scheme


def head_roll(landmarks: np.ndarray, scheme: str) -> float:
    """Roll of a head, degrees clockwise in the image, -180 to 180.

    It is the direction of the sum of all vectors from a point on the left to its mirror partner on the
    right. Except for perspective, yaw and pitch of the head keep these vectors horizontal. Longer
    vectors have more weight. The measure is ours. The line through the eyes, the similarity to a mean
    shape and the line from eyes to mouth gave the same errors after the next pass, within their noise.

    Args:
        landmarks: (K, 2) in any unit, y downwards.
        scheme: landmark scheme of the K points. In a scheme without mirror partners, such as a profile
            scheme, the roll is 0.
    """
    left, right = get_scheme(scheme).partners
    x, y = (landmarks[list(right)] - landmarks[list(left)]).sum(axis=0)
    return float(np.degrees(np.arctan2(y, x)))
