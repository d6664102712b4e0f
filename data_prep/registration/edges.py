"""Edges that RGB and thermal images share, whichever side of them is the brighter one.

A gradient's direction turns by 180 degrees where a contrast is inverted; twice its angle does not.
So an edge is described by (cos 2a, sin 2a), a the gradient's direction, times the root of its
strength, which keeps a few strong edges (glasses, a collar) from outvoting all others.
"""

import cv2
import numpy as np

_SIGMA = 1.0  # pixels; the finest detail that counts


def grey(image: np.ndarray) -> np.ndarray:
    """Any image, (H, W) or (H, W, 3), as (H, W) float32, its 1st to 99th percentile from 0 to 1."""
    values = image.astype(np.float32)
    if values.ndim == 3:
        values = cv2.cvtColor(values, cv2.COLOR_RGB2GRAY)
    low, high = np.percentile(values, (1, 99))
    return np.clip((values - low) / max(high - low, 1e-6), 0, 1).astype(np.float32)


def _gradient(image: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Across, down and strength, (H, W) float32 each, of a (H, W) float32 image."""
    smooth = cv2.GaussianBlur(image, (0, 0), _SIGMA)
    across, down = (cv2.Scharr(smooth, cv2.CV_32F, *order) for order in ((1, 0), (0, 1)))
    return across, down, cv2.magnitude(across, down)


def strength(image: np.ndarray) -> np.ndarray:
    """Root of the gradient's magnitude, (H, W) float32."""
    return np.sqrt(_gradient(image)[2])


def edges(image: np.ndarray) -> np.ndarray:
    """(H, W, 2) float32: the root of the gradient's magnitude at twice the gradient's angle."""
    across, down, size = _gradient(image)
    weight = (size + 1e-6) ** -1.5
    return np.dstack([(across**2 - down**2) * weight, 2 * across * down * weight])


def agreement(a: np.ndarray, b: np.ndarray, where: np.ndarray) -> float:
    """Correlation of two fields of edges (H, W, 2) over the pixels `where`, -1 to 1.

    1 for the same edges, about 0 for edges that have nothing to do with each other.
    """
    a, b = a[where], b[where]
    power = float((a * a).sum()) * float((b * b).sum())
    return float((a * b).sum()) / np.sqrt(power) if power > 0 else 0.0
