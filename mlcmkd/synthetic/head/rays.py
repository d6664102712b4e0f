"""Where a ray meets triangles (Moeller and Trumbore 1997)."""

import numpy as np

Hit = tuple[int, np.ndarray]  # index of the triangle, (3,) barycentric weights of its corners
_EDGE = 1e-6  # a ray through an edge meets both of its triangles


def first_hit(corners: np.ndarray, origin: np.ndarray, direction: np.ndarray) -> Hit | None:
    """The nearest triangle that a ray meets. See `last_hit`."""
    return _hits(corners, origin, direction, 0)


def last_hit(corners: np.ndarray, origin: np.ndarray, direction: np.ndarray) -> Hit | None:
    """The farthest triangle that a ray meets; of two at the same distance, the first in order.

    Args:
        corners: (N, 3, 3) corners of triangles, either side of which may be met.
        origin: (3,) start of the ray.
        direction: (3,) its direction.

    Returns:
        The place where the ray meets it; None where it meets none.
    """
    return _hits(corners, origin, direction, -1)


def _hits(corners, origin, direction, which: int) -> Hit | None:
    """The hit at place `which` in the order of distance."""
    corners = corners.astype(np.float64)
    first = corners[:, 0]
    to_second, to_third = corners[:, 1] - first, corners[:, 2] - first
    normal = np.cross(direction, to_third)
    determinant = (to_second * normal).sum(1)
    determinant = np.where(np.abs(determinant) < 1e-12, 1e-12, determinant)
    offset = origin - first
    second = (offset * normal).sum(1) / determinant
    across = np.cross(offset, to_second)
    third = across @ direction / determinant
    distance = (to_third * across).sum(1) / determinant
    inside = (second >= -_EDGE) & (third >= -_EDGE) & (second + third <= 1 + _EDGE)
    hits = np.flatnonzero(inside & (distance > 0))
    if len(hits) == 0:
        return None
    wanted = np.sort(distance[hits])[which]
    best = hits[np.abs(distance[hits] - wanted) < 1e-6][0]
    weights = np.clip([1 - second[best] - third[best], second[best], third[best]], 0, 1)
    return int(best), weights / weights.sum()
