"""Pixels whose centres are inside a polygon."""

import numpy as np


def is_within(x: np.ndarray, y: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """Whether points are inside a polygon, by the even-odd rule.

    Args:
        x, y: coordinates of the points; they are broadcast, such as (1, w) and (h, 1).
        polygon: (V, 2) corners. No point is inside a polygon without corners or with a NaN.

    Returns:
        bool, of the broadcast shape.
    """
    first, last = polygon, np.concatenate((polygon[1:], polygon[:1]))
    sloped = first[:, 1] != last[:, 1]
    axes = (2, -1, *[1] * max(x.ndim, y.ndim))
    (x0, y0), (x1, y1) = first[sloped].T.reshape(axes), last[sloped].T.reshape(axes)
    passed = (y < y0) != (y < y1)  # (edges, ...)
    crossing = x0 + (y - y0) * ((x1 - x0) / (y1 - y0))
    return np.logical_xor.reduce(passed & (x < crossing), axis=0)


def window(shape: tuple[int, int], points: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns of the bounding box of points in an image; empty if a point is NaN.

    Args:
        shape: height and width of the image, pixels.
        points: (N, 2) x and y, pixels.
    """
    if not np.isfinite(points).all():
        return slice(0, 0), slice(0, 0)
    low = np.clip(np.floor(points.min(axis=0)), 0, shape[::-1]).astype(int)
    high = np.clip(np.ceil(points.max(axis=0)) + 1, 0, shape[::-1]).astype(int)
    return slice(low[1], high[1]), slice(low[0], high[0])


def area(polygon: np.ndarray) -> float:
    """Area of a polygon (V, 2), square pixels; 0 without corners."""
    x, y = np.concatenate((polygon, polygon[:1])).T
    return float(abs(x[:-1] @ y[1:] - y[:-1] @ x[1:]) / 2)
