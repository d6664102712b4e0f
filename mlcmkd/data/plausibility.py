"""Landmarks and boxes that cannot be pixels of a face, whatever their file says.

The same rules are used for preparing (`data_prep.entry`), checking (`data_prep.verification`),
predicting (`mlcmkd.deployment.boxes`) and scoring (`mlcmkd.stages.score`). Rules and thresholds are
ours. Points may be NaN where they are not labelled.
"""

from collections import Counter
from typing import NamedTuple

import numpy as np

from mlcmkd.schemes import Scheme

Box = tuple[float, float, float, float]

# Landmarks that extend over less are no face; shares of the image size extend over at most 1.
_MIN_SPAN_PX = 2.0
_MIN_BOX_PX = 4.0  # of the longer side
# Share of a box that must be inside the image (or of the image inside the box, if it is larger).
MIN_INSIDE = 0.5
# Written by programs for a point that they did not find; files that count from 1 are one lower.
_NOT_FOUND = ((0.0, 0.0), (-1.0, -1.0), (-2.0, -2.0))
# The shorter of the two lengths that are compared must be at least this share of the longer one.
_CLEAR = 0.25


class Fault(NamedTuple):
    """Why landmarks or a box cannot be right.

    Attributes:
        kind: a short name, one of `data_prep.verification.report.KINDS`.
        what: the problem and a fix, without the name of the image.
    """

    kind: str
    what: str


def landmark_fault(scheme: Scheme, landmarks: np.ndarray) -> Fault | None:
    """Find landmarks that cannot be a face.

    Args:
        landmarks: (K, 2) pixels of `scheme`; NaN for points that are not labelled.

    Returns:
        As `collapsed`; or "x and y" if x and y are exchanged; otherwise None.
    """
    fault = collapsed(landmarks)
    if fault is None and is_transposed(scheme, landmarks):
        return Fault(
            "x and y",
            "the landmarks are upright only with x and y exchanged; exchange the two coordinates",
        )
    return fault


def collapsed(landmarks: np.ndarray) -> Fault | None:
    """Find landmarks that lie too close together for pixels of a face.

    Args:
        landmarks: (K, 2) pixels; NaN for points that are not labelled.

    Returns:
        "shares" for coordinates divided by the image size. "coincident points" if several points,
        or one far from all others, are at a place that means "not found", (0, 0) or (-1, -1), if half
        of the points and at least three are at one place, or if all are within two pixels. None
        otherwise.
    """
    points = np.asarray(landmarks, dtype=np.float64)
    points = points[np.isfinite(points).all(axis=1)]
    if len(points) < 2:
        return None
    counts = Counter(map(tuple, points.tolist()))
    for place, count in [(place, counts[place]) for place in _NOT_FOUND] + counts.most_common(1):
        marked = place in _NOT_FOUND and (count >= 2 or (count == 1 and _is_apart(place, points)))
        if marked or (count >= 3 and 2 * count >= len(points)):
            are, they, them = ("is", "it was", "it") if count == 1 else ("are", "they were", "them")
            return Fault(
                "coincident points",
                f"{count} of {len(points)} points {are} at ({place[0]:g}, {place[1]:g}), so {they} "
                f"not found or not labelled; mark {them} as missing, or leave the face out",
            )
    if np.ptp(points, axis=0).max() >= _MIN_SPAN_PX:
        return None
    if np.abs(points).max() <= 1:
        return Fault(
            "shares", "the coordinates look like shares of the image size (0 to 1); give pixels"
        )
    return Fault(
        "coincident points",
        f"all {len(points)} points lie within {_MIN_SPAN_PX:g} pixels; correct them, or leave the face "
        "out",
    )


def _is_apart(place: tuple[float, float], points: np.ndarray) -> bool:
    """Whether a point is above or left of all others by more than half of their extent.

    A landmark at the border of the image is not: the face reaches that border.
    """
    others = points[(points != place).any(axis=1)]
    if len(others) < 2:
        return False
    extent = np.ptp(others, axis=0).max()
    return bool((np.array(place) < others.min(axis=0) - extent / 2).any())


def outside_fault(landmarks: np.ndarray, size: tuple[int, int]) -> Fault | None:
    """Find landmarks of which fewer than half are inside their image, as those of another image size.

    Args:
        landmarks: (K, 2) pixels; NaN for points that are not labelled.
        size: (width, height) of the image in pixels.
    """
    points = np.asarray(landmarks, dtype=np.float64)
    points = points[np.isfinite(points).all(axis=1)]
    inside = int(((points > -1) & (points < size)).all(axis=1).sum())
    if 2 * inside >= len(points):
        return None
    return Fault(
        "point outside",
        f"only {inside} of {len(points)} landmarks are inside the image of {size[0]} x {size[1]} "
        "pixels; use the image that was annotated, or convert the landmarks to this one",
    )


def box_fault(
    box: Box,
    size: tuple[int, int] | None = None,
    landmarks: np.ndarray | None = None,
    min_inside: float = MIN_INSIDE,
) -> Fault | None:
    """Find a box that cannot be that of a face in its image.

    Args:
        box: (x0, y0, x1, y1) pixels, x0 < x1 and y0 < y1.
        size: (width, height) of the image in pixels; None if unknown.
        landmarks: (K, 2) pixels of the face, NaN for points that are not labelled; None if unknown.
        min_inside: share of the box that must be inside the image, unless the box contains at least
            half of the landmarks: then it is that of the face, which the border cuts off.

    Returns:
        "shares" for coordinates divided by the image size; "tiny box" if it is under 4 pixels wide
        and high; "box misses image" if it is outside the image, or too much of it; "box misses face"
        if it contains less than half of the landmarks; None otherwise.
    """
    x0, y0, x1, y1 = box
    if max(map(abs, box)) <= 1:
        return Fault("shares", "looks like shares of the image size (0 to 1); give pixels")
    if max(x1 - x0, y1 - y0) < _MIN_BOX_PX:
        return Fault(
            "tiny box", f"is smaller than {_MIN_BOX_PX:g} pixels, too small for a face; give pixels"
        )
    points = np.empty((0, 2)) if landmarks is None else np.asarray(landmarks, dtype=np.float64)
    points = points[np.isfinite(points).all(axis=1)]
    within = int(((points >= (x0, y0)) & (points <= (x1, y1))).all(axis=1).sum())
    fits_face = len(points) > 0 and 2 * within >= len(points)
    inside = 1.0 if size is None else _share_inside(box, size)
    if inside == 0 or (inside < min_inside and not fits_face):
        how = "lies outside" if inside == 0 else f"has only {100 * inside:.0f} % of its area inside"
        advice = "" if inside == 0 else ", or cut it off at the border of the image"
        return Fault(
            "box misses image",
            f"{how} the image of {size[0]} x {size[1]} pixels; give the box of this image{advice}",
        )
    if len(points) and not fits_face:
        return Fault(
            "box misses face",
            f"contains {within} of {len(points)} landmarks; correct it, or leave the box out",
        )
    return None


def _share_inside(box: Box, size: tuple[int, int]) -> float:
    """Return the area that a box and an image share, divided by the smaller of the two areas."""
    x0, y0, x1, y1 = box
    # The first pixel's centre is at 0, so the image extends from -0.5.
    width = min(x1, size[0] - 0.5) - max(x0, -0.5)
    height = min(y1, size[1] - 0.5) - max(y0, -0.5)
    area = min((x1 - x0) * (y1 - y0), size[0] * size[1])
    return max(width, 0.0) * max(height, 0.0) / area


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
    It is also False for schemes without a left and a right eye, and where these points are NaN.

    Args:
        landmarks: (K, 2) pixels of `scheme`.
    """
    return any(_turn(across, down) < -_CLEAR for across, down in _axes(scheme, landmarks))


def is_transposed(scheme: Scheme, landmarks: np.ndarray) -> bool:
    """Whether x and y of the landmarks are exchanged.

    An exchange mirrors a face (`is_flipped`) and lays it on its side. A face is taken for exchanged
    only if both are clear, from the eyes and from the mouth: it would be upright, tilted by less than
    45 degrees, with its coordinates exchanged.

    Args:
        landmarks: (K, 2) pixels of `scheme`; NaN for points that are not labelled.
    """
    axes = list(_axes(scheme, landmarks))
    return bool(axes) and all(
        _turn(across, down) < -_CLEAR and across[1] > abs(across[0]) and down[0] > abs(down[1])
        for across, down in axes
    )


def _axes(scheme: Scheme, landmarks: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the vectors (from left to right, from eyes to mouth) of the eyes and of the mouth."""
    points = np.asarray(landmarks, dtype=np.float64)
    if scheme.outer_eyes is not None:
        eyes = [points[index] for index in scheme.outer_eyes]
    elif scheme.pupils is not None:
        eyes = [points[list(indices)].mean(axis=0) for indices in scheme.pupils]
    else:
        return []
    if "mouth" not in scheme.regions:
        return []
    mouth = points[list(scheme.regions["mouth"])].mean(axis=0)
    down = mouth - (eyes[0] + eyes[1]) / 2
    pairs = [eyes]
    corners = ("left mouth corner", "right mouth corner")
    if all(name in scheme.names for name in corners):
        pairs.append([points[scheme.names.index(name)] for name in corners])
    return [(right - left, down) for left, right in pairs]


def _turn(across: np.ndarray, down: np.ndarray) -> float:
    """Return the cross product of two vectors divided by the squared longer length.

    It is positive if `down` is clockwise of `across` in the image: 1 for equally long perpendicular
    vectors, negative if mirrored, near 0 if one is short.
    """
    longest = max(across @ across, down @ down)
    return (across[0] * down[1] - across[1] * down[0]) / longest if longest > 0 else 0.0
