"""The magnitude of a gradient, with the same bits in every call."""

import cv2
import numpy as np

_ALIGNMENT = 64  # bytes


def magnitude(across: np.ndarray, down: np.ndarray) -> np.ndarray:
    """Compute the root of the sum of the squares of two arrays (H, W) float32.

    The last bit of `cv2.magnitude` depends on where its arrays begin in memory. So a preparation that
    was repeated could differ in one image, and then no run on it counts as a run on the same data. Here
    all arrays begin at multiples of 64 bytes.
    """
    size = _aligned(across.shape)
    cv2.magnitude(_aligned_copy(across), _aligned_copy(down), size)
    return size


def _aligned(shape: tuple[int, ...]) -> np.ndarray:
    """Return an array of float32 without values that begins at a multiple of 64 bytes."""
    count = 4 * int(np.prod(shape))
    memory = np.empty(count + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    return memory[start : start + count].view(np.float32).reshape(shape)


def _aligned_copy(values: np.ndarray) -> np.ndarray:
    copy = _aligned(values.shape)
    copy[...] = values
    return copy
