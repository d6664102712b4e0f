"""Streaks of fine hair: an endless random texture that is long along the hair and narrow across it."""

from functools import lru_cache

import cv2
import numpy as np

from mlcmkd.synthetic.texture import SIDE, lookup


@lru_cache(maxsize=1)
def _texture() -> np.ndarray:
    """(256, 256) float32 with mean 0 and standard deviation 1; rows go along the hair."""
    noise = np.random.default_rng(0).standard_normal((SIDE, SIDE)).astype(np.float32)
    tiled = np.tile(noise, (3, 3))  # so that the blurred texture repeats without a seam
    texture = np.zeros((SIDE, SIDE), np.float32)
    for across, along, share in ((0.8, 5, 0.8), (2.5, 14, 0.6)):  # single hairs, and tufts of them
        blurred = cv2.GaussianBlur(tiled, (0, 0), sigmaX=across, sigmaY=along)
        middle = blurred[SIDE : 2 * SIDE, SIDE : 2 * SIDE]
        texture += share * middle / middle.std()
    return (texture - texture.mean()) / texture.std()


def hair_streaks(across: np.ndarray, along: np.ndarray, seed: int, texel: float) -> np.ndarray:
    """The brightness of hair at some points.

    Args:
        across, along: (N,) position across and along the hair, head units.
        seed: of the place in the texture.
        texel: size of a texel, head units; single hairs are about two texels wide.

    Returns:
        (N,) float32 with a mean of about 0 and a standard deviation of about 1.
    """
    begin = np.random.default_rng(seed).uniform(0, SIDE, 2)
    columns = np.asarray(across, np.float32) * np.float32(1 / texel) + np.float32(begin[0])
    rows = np.asarray(along, np.float32) * np.float32(1 / texel) + np.float32(begin[1])
    return lookup(_texture(), columns, rows, wrap=True)
