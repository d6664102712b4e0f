"""Operations on rows of arrays of pixels, compiled by numba to avoid copies of all pixels."""

import numpy as np
from numba import njit


@njit(cache=True)
def put_rows(target, rows, values):
    """Writes values (n, C) into chosen rows (n,) of a target (M, C), in place."""
    for n in range(len(rows)):
        for c in range(values.shape[1]):
            target[rows[n], c] = values[n, c]


@njit(cache=True)
def unit(vectors):
    """Scales vectors (n, 3) to length 1, in place, and returns them."""
    for n in range(len(vectors)):
        x, y, z = vectors[n, 0], vectors[n, 1], vectors[n, 2]
        scale = np.float32(1) / (np.sqrt(x * x + y * y + z * z) + np.float32(1e-9))
        vectors[n, 0], vectors[n, 1], vectors[n, 2] = x * scale, y * scale, z * scale
    return vectors
