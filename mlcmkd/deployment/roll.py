"""The roll of a head, by its landmarks."""

import numpy as np

from mlcmkd.schemes import get_scheme


def head_roll(landmarks: np.ndarray, scheme: str) -> float:
    """By how much a head is rolled, degrees clockwise in the image, -180 to 180.

    It is the direction of the sum of all vectors from a point on the left to its mirror partner on the
    right. A head that only turns or nods keeps them horizontal, but for perspective; the longest of
    them count most. The measure is ours; the eye line, the similarity to a mean shape and the line
    from eyes to mouth gave the same errors after the next pass, within their noise.

    Args:
        landmarks: (K, 2), any unit, y down.
        scheme: of the landmarks; in one without partners, such as a profile's, the roll is 0.
    """
    left, right = get_scheme(scheme).partners
    x, y = (landmarks[list(right)] - landmarks[list(left)]).sum(axis=0)
    return float(np.degrees(np.arctan2(y, x)))
