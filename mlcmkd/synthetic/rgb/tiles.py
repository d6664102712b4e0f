"""Small tileable noise images, which are read at pixels instead of summing waves there."""

from functools import lru_cache

import cv2
import numpy as np

from mlcmkd.synthetic.texture import SIDE


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
