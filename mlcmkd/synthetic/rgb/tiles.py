"""Small tileable noise images: a texture lookup costs a tenth of a sum of waves at every pixel."""

from functools import lru_cache

import cv2
import numpy as np

SIDE = 256  # texels of a tile
_ROW = 256  # pixels of a row of the lookup; OpenCV's remap takes no side above 32767


@lru_cache(maxsize=1)
def mottle() -> np.ndarray:
    """(SIDE, SIDE) float32, smooth noise of several sizes, zero mean and unit deviation."""
    rng = np.random.default_rng(1)
    layers = [
        _noise(rng, deviation) * weight for deviation, weight in ((4, 0.5), (9, 0.8), (20, 1))
    ]
    return _standard(sum(layers))


@lru_cache(maxsize=1)
def grain() -> np.ndarray:
    """(SIDE, SIDE) float32, fine noise, zero mean and unit deviation."""
    rng = np.random.default_rng(2)
    return _standard(_noise(rng, 0.8) + 0.7 * _noise(rng, 2))


@lru_cache(maxsize=1)
def spots() -> np.ndarray:
    """(SIDE, SIDE) float32 from 0 to 1, round spots of different strength, for freckles."""
    rng = np.random.default_rng(3)
    points = np.zeros((SIDE, SIDE), np.float32)
    rows, columns = rng.integers(0, SIDE, (2, 900))
    points[rows, columns] = rng.uniform(0.3, 1, 900) ** 2
    soft = _blur(points, 1.3) / 0.09  # the peak of the Gaussian is about 0.09
    return np.minimum(soft, 1)


@lru_cache(maxsize=1)
def relief_and_pigment() -> np.ndarray:
    """(SIDE, SIDE, 4) float32: slopes of a rough surface along the columns and along the rows, and two
    fields of smooth noise; one image, so that one lookup reads all four."""
    height = 0.6 * grain() + _noise(np.random.default_rng(4), 3)
    slopes = np.stack((_difference(height, 1), _difference(height, 0)), axis=2)
    slopes /= slopes.std()
    second = np.roll(mottle()[::-1], 77, axis=1)[:, :, None]
    return np.ascontiguousarray(np.concatenate((slopes, mottle()[:, :, None], second), axis=2))


def lookup(image: np.ndarray, columns: np.ndarray, rows: np.ndarray, wrap: bool) -> np.ndarray:
    """Reads an image between its pixels (bilinear).

    Args:
        image: (H, W) or (H, W, C) float32.
        columns, rows: (M,) float32, coordinates in pixels of the image.
        wrap: repeat the image beyond its border; otherwise repeat its border.

    Returns:
        (M,) or (M, C) float32.
    """
    count = len(columns)
    if count == 0:
        return np.zeros((0, *image.shape[2:]), np.float32)
    padded = -(-count // _ROW) * _ROW
    where = np.zeros((2, padded), np.float32)
    where[0, :count], where[1, :count] = columns, rows
    border = cv2.BORDER_WRAP if wrap else cv2.BORDER_REPLICATE
    read = cv2.remap(
        image, where[0].reshape(-1, _ROW), where[1].reshape(-1, _ROW), cv2.INTER_LINEAR,
        borderMode=border,
    )  # fmt: skip
    return read.reshape(padded, *image.shape[2:])[:count]


def _noise(rng: np.random.Generator, deviation: float) -> np.ndarray:
    return _standard(_blur(rng.standard_normal((SIDE, SIDE)).astype(np.float32), deviation))


def _blur(image: np.ndarray, deviation: float) -> np.ndarray:
    """Gaussian blur of a tile that stays tileable."""
    reach = int(4 * deviation) + 1
    wide = np.pad(image, reach, mode="wrap")
    return cv2.GaussianBlur(wide, (0, 0), deviation)[reach:-reach, reach:-reach]


def _standard(image: np.ndarray) -> np.ndarray:
    return ((image - image.mean()) / image.std()).astype(np.float32)


def _difference(image: np.ndarray, axis: int) -> np.ndarray:
    return (np.roll(image, -1, axis) - np.roll(image, 1, axis)).astype(np.float32)
