"""Linear light and its colours."""

from functools import lru_cache
from math import exp

import numpy as np

LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)  # of linear sRGB, ITU-R BT.709


@lru_cache(maxsize=256)
def linear(red: float, green: float, blue: float) -> np.ndarray:
    """A colour in linear light, (3,) float32, read-only, of 8-bit sRGB values (IEC 61966-2-1)."""
    coded = np.array([red, green, blue], np.float32) / 255
    light = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    light = light.astype(np.float32)
    light.setflags(write=False)  # shared by everyone who asks for the colour
    return light


def to_srgb(image: np.ndarray) -> np.ndarray:
    """sRGB code values from 0 to 1 of linear light from 0 to 1."""
    return np.where(image <= 0.0031308, image * 12.92, 1.055 * image ** (1 / 2.4) - 0.055)


def luminance(image: np.ndarray) -> np.ndarray:
    """(...,) luminance of (..., 3) linear light."""
    return image @ LUMINANCE


def vary(rng: np.random.Generator, colour: np.ndarray, amount: float) -> np.ndarray:
    """A colour near another one: brighter or darker, and a little of another hue."""
    brightness, *hues = rng.standard_normal(4).tolist()
    varied = (
        min(channel * exp(amount * brightness + amount / 4 * hue), 1)
        for channel, hue in zip(colour.tolist(), hues, strict=True)
    )
    return np.array(tuple(varied), np.float32)


def choose_colour(rng: np.random.Generator, table: dict, darkness: float) -> np.ndarray:
    """One of the colours of a table, (3,).

    Args:
        rng: the person's generator.
        table: for each name the colour and its probability for light and for dark skin.
        darkness: 0 for the probabilities of light skin to 1 for those of dark skin.
    """
    entries = list(table.values())
    chances = np.array([light + (dark - light) * darkness for _, light, dark in entries])
    return entries[rng.choice(len(entries), p=chances / chances.sum())][0]
