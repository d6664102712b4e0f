"""Streaks of fine hair: an endless random texture that is long along the hair and narrow across it."""

from functools import lru_cache

import cv2
import numpy as np
from numba import njit

_SIDE = 256  # texels of the texture, which repeats


@lru_cache(maxsize=1)
def _texture() -> np.ndarray:
    """(256, 256) float32 of zero mean and unit deviation; rows go along the hair."""
    noise = np.random.default_rng(0).standard_normal((_SIDE, _SIDE)).astype(np.float32)
    tiled = np.tile(noise, (3, 3))  # so that the blurred texture repeats without a seam
    texture = np.zeros((_SIDE, _SIDE), np.float32)
    for across, along, share in ((0.8, 5, 0.8), (2.5, 14, 0.6)):  # single hairs, and tufts of them
        blurred = cv2.GaussianBlur(tiled, (0, 0), sigmaX=across, sigmaY=along)
        middle = blurred[_SIDE : 2 * _SIDE, _SIDE : 2 * _SIDE]
        texture += share * middle / middle.std()
    return (texture - texture.mean()) / texture.std()


def hair_streaks(across: np.ndarray, along: np.ndarray, seed: int, texel: float) -> np.ndarray:
    """The brightness of hair at some points.

    Args:
        across, along: (N,) position across and along the hair, head units.
        seed: of the place in the texture.
        texel: size of a texel, head units; single hairs are about two texels wide.

    Returns:
        (N,) float32 of about zero mean and unit deviation.
    """
    begin = np.random.default_rng(seed).uniform(0, _SIDE, 2)
    columns = np.asarray(across, np.float32) * np.float32(1 / texel) + np.float32(begin[0])
    rows = np.asarray(along, np.float32) * np.float32(1 / texel) + np.float32(begin[1])
    return _sample(_texture(), rows, columns)


@njit(cache=True)
def _sample(texture, rows, columns):
    """Linear interpolation in a texture that repeats; rows and columns (N,) float32."""
    found = np.empty(len(rows), np.float32)
    height, width = texture.shape
    for n in range(len(rows)):
        row, column = np.floor(rows[n]), np.floor(columns[n])
        low, right = rows[n] - row, columns[n] - column
        top, left = int(row) % height, int(column) % width
        below, beside = (top + 1) % height, (left + 1) % width
        upper = texture[top, left] + right * (texture[top, beside] - texture[top, left])
        lower = texture[below, left] + right * (texture[below, beside] - texture[below, left])
        found[n] = upper + low * (lower - upper)
    return found
