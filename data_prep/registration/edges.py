"""A description of edges that RGB and thermal images share, whichever side of an edge is brighter.

Inverting the contrast turns a gradient's direction by 180 degrees but leaves twice its angle
unchanged. So an edge is described by (cos 2a, sin 2a), with a the gradient's direction, times the
root of its magnitude; the root keeps a few strong edges (glasses, a collar) from dominating.
"""

import cv2
import numpy as np

from data_prep.magnitude import magnitude

_SIGMA = 1.0  # pixels of smoothing before gradients are computed


def grey(image: np.ndarray) -> np.ndarray:
    """Convert an image, (H, W) or (H, W, 3), to (H, W) float32, 1st to 99th percentile from 0 to 1."""
    values = image.astype(np.float32)
    if values.ndim == 3:
        values = cv2.cvtColor(values, cv2.COLOR_RGB2GRAY)
    low, high = np.percentile(values, (1, 99))
    return np.clip((values - low) / max(high - low, 1e-6), 0, 1).astype(np.float32)


def _gradient(image: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the horizontal and vertical gradient and its magnitude, (H, W) float32 each."""
    smooth = cv2.GaussianBlur(image, (0, 0), _SIGMA)
    across, down = (cv2.Scharr(smooth, cv2.CV_32F, *order) for order in ((1, 0), (0, 1)))
    return across, down, magnitude(across, down)


def strength(image: np.ndarray) -> np.ndarray:
    """Return the root of the gradient magnitude, (H, W) float32."""
    return np.sqrt(_gradient(image)[2])


def edges(image: np.ndarray) -> np.ndarray:
    """Return the root of the gradient magnitude at twice the gradient's angle, (H, W, 2) float32."""
    across, down, size = _gradient(image)
    weight = (size + 1e-6) ** -1.5
    return np.dstack([(across**2 - down**2) * weight, 2 * across * down * weight])


def agreement(a: np.ndarray, b: np.ndarray, where: np.ndarray) -> float:
    """Return the correlation of two edge descriptions (H, W, 2) over the pixels `where`, -1 to 1.

    It is 1 for the same edges and about 0 for unrelated edges.
    """
    a, b = a[where], b[where]
    power = float((a * a).sum()) * float((b * b).sum())
    return float((a * b).sum()) / np.sqrt(power) if power > 0 else 0.0
