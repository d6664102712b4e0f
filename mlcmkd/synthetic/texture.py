"""Texture lookup: reads images between their pixels, also tiles that repeat."""

import numpy as np
from numba import njit

SIDE = 256  # pixels (texels) of a tile, a power of two


def lookup(image: np.ndarray, columns: np.ndarray, rows: np.ndarray, wrap: bool) -> np.ndarray:
    """Reads an image between its pixels (bilinear).

    Args:
        image: (H, W) or (H, W, C) float32.
        columns, rows: (M,) float32, coordinates in pixels of the image.
        wrap: repeat the image, a tile of SIDE x SIDE pixels, beyond its border; otherwise repeat
            its border.

    Returns:
        (M,) or (M, C) float32.
    """
    channels = image.reshape(*image.shape[:2], -1)
    read = _between_pixels(
        channels, np.asarray(columns, np.float32), np.asarray(rows, np.float32), wrap
    )
    return read.reshape(len(columns), *image.shape[2:])


@njit(cache=True)
def _between_pixels(image, columns, rows, wrap):
    """Bilinear interpolation (M, C) in an image (H, W, C)."""
    height, width, channels = image.shape
    last = SIDE - 1  # a bit mask, since SIDE is a power of two
    read = np.empty((len(columns), channels), np.float32)
    for m in range(len(columns)):
        column, row = columns[m], rows[m]
        if not wrap:
            column = min(max(column, np.float32(0)), np.float32(width - 1))
            row = min(max(row, np.float32(0)), np.float32(height - 1))
        left, top = np.floor(column), np.floor(row)
        across, down = column - left, row - top
        x, y = int(left), int(top)
        beside, below = x + 1, y + 1
        if wrap:
            x, y, beside, below = x & last, y & last, beside & last, below & last
        else:
            beside, below = min(beside, width - 1), min(below, height - 1)
        for c in range(channels):
            upper = image[y, x, c] + across * (image[y, beside, c] - image[y, x, c])
            lower = image[below, x, c] + across * (image[below, beside, c] - image[below, x, c])
            read[m, c] = upper + down * (lower - upper)
    return read
