"""The colours of false-colour palettes, as curves through RGB space.

The temperature of a level depends on the camera's settings. "Iron" is not standardised: every
manufacturer has its own version. The curve here is our approximation by control points, close to
FLIR's larger cameras. With it, the levels of an image in the iron palette of FLIR's Lepton are shifted
by 0.04 of the range on average and by at most 0.07: order and contrast are preserved, exact
temperatures are not.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from mlcmkd.utils.errors import InputError


@dataclass(frozen=True)
class Palette:
    """A curve of colours.

    Attributes:
        name: its name in manifests.
        anchors: (position, red, green, blue), positions increasing from 0 (cold) to 1 (warm), colours
            0 to 255, interpolated linearly.
        tolerance: RGB distance (0 to 441) up to which a pixel counts as a colour of the palette.
    """

    name: str
    anchors: tuple[tuple[float, int, int, int], ...]
    tolerance: float


# JPEG of quality 90 changes a colour by less than 30 almost everywhere; manufacturers' versions of iron
# differ from ours by up to 22 before that. jet and hot are those of matplotlib, inferno differs from it
# by at most 7 levels.
_PALETTES = (
    Palette("grey", ((0, 0, 0, 0), (1, 255, 255, 255)), 30),
    Palette(
        "iron",
        (
            (0, 0, 0, 15),
            (0.0625, 10, 0, 110),
            (0.125, 55, 0, 145),
            (0.1875, 100, 0, 155),
            (0.25, 145, 0, 155),
            (0.3125, 180, 0, 150),
            (0.375, 200, 15, 135),
            (0.4375, 220, 40, 95),
            (0.5, 230, 70, 25),
            (0.5625, 240, 100, 5),
            (0.625, 245, 125, 0),
            (0.75, 255, 180, 0),
            (0.8125, 255, 210, 5),
            (0.875, 255, 230, 50),
            (0.9375, 255, 245, 155),
            (1, 255, 255, 250),
        ),
        40,
    ),
    Palette(
        "inferno",
        (
            (0, 0, 0, 4),
            (0.0625, 11, 7, 36),
            (0.125, 33, 12, 74),
            (0.1875, 60, 9, 101),
            (0.25, 87, 16, 109),
            (0.3125, 112, 25, 110),
            (0.375, 137, 34, 106),
            (0.4375, 163, 43, 97),
            (0.5, 187, 55, 85),
            (0.5625, 209, 70, 68),
            (0.625, 227, 89, 50),
            (0.6875, 241, 113, 30),
            (0.75, 249, 141, 10),
            (0.8125, 252, 171, 15),
            (0.875, 249, 202, 50),
            (0.9375, 242, 232, 101),
            (1, 252, 255, 164),
        ),
        30,
    ),
    Palette(
        "hot", ((0, 11, 0, 0), (0.365, 255, 0, 0), (0.746, 255, 255, 0), (1, 255, 255, 255)), 30
    ),
    Palette(
        "jet",
        (
            (0, 0, 0, 128),
            (0.11, 0, 0, 255),
            (0.125, 0, 0, 255),
            (0.34, 0, 219, 254),
            (0.35, 1, 230, 247),
            (0.375, 21, 254, 226),
            (0.64, 239, 254, 8),
            (0.65, 247, 246, 1),
            (0.66, 254, 236, 0),
            (0.89, 255, 19, 0),
            (0.91, 232, 0, 0),
            (1, 128, 0, 0),
        ),
        30,
    ),
)
# The palettes that are recognised by their colours.
PALETTES: Mapping[str, Palette] = {palette.name: palette for palette in _PALETTES}
# Palettes of programs, by OpenCV's tables. They are used only where the user names one: some of them are
# close to a camera's palette, and recognising them would make that less certain.
NAMED_ONLY = {
    "bone": cv2.COLORMAP_BONE,
    "magma": cv2.COLORMAP_MAGMA,
    "plasma": cv2.COLORMAP_PLASMA,
    "rainbow": cv2.COLORMAP_RAINBOW,
    "turbo": cv2.COLORMAP_TURBO,
    "viridis": cv2.COLORMAP_VIRIDIS,
}
PALETTE_NAMES = (*PALETTES, *NAMED_ONLY)


@cache
def get_palette(name: str) -> Palette:
    """Return a palette by name.

    Raises:
        InputError: unknown palette; the message lists the known ones.
    """
    if name in PALETTES:
        return PALETTES[name]
    if name not in NAMED_ONLY:
        known = ", ".join(PALETTE_NAMES)
        raise InputError(f"palette '{name}' is unknown; use one of {known}")
    levels = np.arange(256, dtype=np.uint8)[:, None]
    table = cv2.applyColorMap(levels, NAMED_ONLY[name])[:, 0, ::-1].tolist()  # BGR
    anchors = tuple((level / 255, *colour) for level, colour in enumerate(table))
    return Palette(name, anchors, 30)


@cache
def colours(name: str) -> np.ndarray:
    """Return a palette's 256 colours, cold to warm, (256, 3) uint8."""
    anchors = np.array(get_palette(name).anchors, dtype=np.float64)
    place = np.linspace(0, 1, 256)
    channels = [np.interp(place, anchors[:, 0], anchors[:, channel]) for channel in (1, 2, 3)]
    return np.rint(np.stack(channels, axis=1)).astype(np.uint8)
