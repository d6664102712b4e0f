"""False-colour palettes of thermal cameras: recognition and inversion.

A palette is a curve through RGB space from the coldest to the warmest colour. The level of a pixel is
the position on that curve nearest to its colour; the distance from the curve (the residual) shows
whether the image has that palette at all.

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
from scipy.spatial import KDTree

from mlcmkd.data.thermal.dead_pixels import fill
from mlcmkd.utils.errors import InputError

# Largest share of an image that text, logos and scales may cover.
# None of 2,236 photos of faces (300W) is accepted as a coloured palette; a tenth of them are grey.
MAX_OFF = 0.1
# Thresholds of the largest minus the smallest channel. Above the first, a colour is not grey tinted by
# JPEG. Above the second, it is vivid, as in palettes but not in faces, and distinguishes palettes.
# Dark and pale colours do not: black and white are on nearly every palette, and shadows of a face are
# close to "hot".
_TINTED = 24
_VIVID = 64
# A coloured image with a smaller share of vivid pixels has no known palette.
_MIN_VIVID = 0.02
# Letters with strokes narrower than this, pixels, are treated as part of the label around them.
_LETTERS = 7
# Number of pixels used to recognise a palette; using all would take a second for a large image.
_MAX_SAMPLES = 20_000


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


@dataclass(frozen=True)
class Inversion:
    """Levels recovered from colours.

    Attributes:
        palette: name of the palette.
        levels: (H, W) float32, 0 (coldest colour) to 1 (warmest); pixels off the palette are filled
            from their neighbours.
        residual: (H, W) float32, RGB distance (0 to 441) of each pixel from the palette's curve.
        off: share of the pixels farther from the curve than the palette's tolerance.
    """

    palette: str
    levels: np.ndarray
    residual: np.ndarray
    off: float


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
PALETTES: Mapping[str, Palette] = {palette.name: palette for palette in _PALETTES}


def get_palette(name: str) -> Palette:
    """Return a palette by name.

    Raises:
        InputError: unknown palette; the message lists the known ones.
    """
    try:
        return PALETTES[name]
    except KeyError:
        raise InputError(f"palette '{name}' is unknown; use one of {', '.join(PALETTES)}") from None


@cache
def colours(name: str) -> np.ndarray:
    """Return a palette's 256 colours, cold to warm, (256, 3) uint8."""
    anchors = np.array(get_palette(name).anchors, dtype=np.float64)
    place = np.linspace(0, 1, 256)
    channels = [np.interp(place, anchors[:, 0], anchors[:, channel]) for channel in (1, 2, 3)]
    return np.rint(np.stack(channels, axis=1)).astype(np.uint8)


@cache
def _curve(name: str) -> tuple[KDTree, np.ndarray]:
    """Return a search tree of a palette's distinct colours, and the level of each.

    A colour of several levels, such as jet's pure blue, has their mean.
    """
    distinct, which = np.unique(colours(name), axis=0, return_inverse=True)
    shared = np.bincount(which.ravel())
    level = np.bincount(which.ravel(), weights=np.linspace(0, 1, 256)) / shared
    return KDTree(distinct.astype(np.float64)), level.astype(np.float32)


def apply_palette(levels: np.ndarray, name: str) -> np.ndarray:
    """Colour levels in [0, 1], (H, W), by a palette: (H, W, 3) uint8, RGB."""
    return colours(name)[np.rint(np.clip(levels, 0, 1) * 255).astype(np.uint8)]


def _spread(image: np.ndarray) -> np.ndarray:
    """Return the largest minus the smallest channel of each pixel, (H, W) int16."""
    return image.max(axis=2).astype(np.int16) - image.min(axis=2)


def is_coloured(image: np.ndarray) -> bool:
    """Whether an 8-bit image, (H, W) or (H, W, 3), has more colour than grey tinted by JPEG."""
    if image.ndim == 2:
        return False
    return bool(np.percentile(_spread(image), 99) > _TINTED)


def recognise(image: np.ndarray, source: str = "array") -> str:
    """Recognise the palette of an image, (H, W, 3) uint8 RGB; return its name.

    The result is "grey" for an image without colours. Otherwise it is the palette with the smallest
    median residual of the vivid pixels, among those with enough of them within the tolerance. If
    there is none, it is the nearest palette, and `invert` reports the residual.

    Raises:
        InputError: colours, but too few vivid ones for any palette.
    """
    if not is_coloured(image):
        return "grey"
    vivid = image[_spread(image) > _VIVID]
    if len(vivid) < _MIN_VIVID * image[..., 0].size:
        raise InputError(
            f"{source}: its colours are paler than any known palette's; use a thermal image, not a photo"
        )
    sample = vivid[:: -(-len(vivid) // _MAX_SAMPLES)].astype(np.float64)

    def distance(name: str) -> tuple[bool, float]:
        residual = _curve(name)[0].query(sample)[0]
        off = (residual > PALETTES[name].tolerance).mean()
        return bool(off > MAX_OFF), float(np.median(residual))

    return min((name for name in PALETTES if name != "grey"), key=distance)


def invert(image: np.ndarray, name: str | None = None, source: str = "array") -> Inversion:
    """Recover the levels of an image from its colours.

    Letters inside a coloured label are filled together with it. White letters without a label cannot
    be distinguished from the warmest colour of iron and are read as such: crop or mask them.

    Args:
        image: (H, W, 3) uint8, RGB.
        name: name of the palette; None to recognise it, see `recognise`.
        source: name of the file, for the message.

    Raises:
        InputError: more than `MAX_OFF` of the pixels, or of the vivid ones, are farther from the
            palette than its tolerance: a photo, another palette, or too many overlays.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise InputError(f"{source}: {image.dtype} values of shape {image.shape}, not 8-bit RGB")
    palette = recognise(image, source) if name is None else get_palette(name).name
    tree, level = _curve(palette)
    residual, nearest = tree.query(image.astype(np.float64))
    far = residual > PALETTES[palette].tolerance
    off = float(far.mean())
    # Vivid pixels separately: a photo with a white wall is mostly white, which is a colour of iron.
    vivid = _spread(image) > _VIVID
    worst = max(off, float(far[vivid].mean())) if vivid.any() else off
    if worst > MAX_OFF:
        known = ", ".join(PALETTES)
        problem = (
            f"its colours are on no known palette ({known}; nearest: {palette})"
            if name is None
            else f"its colours are not those of palette '{name}'"
        )
        raise InputError(
            f"{source}: {problem}: {100 * worst:.0f} % of them lie off it, and text or a logo may "
            f"cover {100 * MAX_OFF:g} %; if it is not a photo, save grey levels or raw counts"
        )
    return Inversion(
        palette=palette,
        levels=fill(level[nearest], _with_letters(far)),
        residual=residual.astype(np.float32),
        off=off,
    )


def _with_letters(far: np.ndarray) -> np.ndarray:
    """Close the mask of pixels off the palette, (H, W) bool, so that it includes letters of a label.

    Such letters are often white, which is on the palette, and would spread when the label is filled.
    """
    square = np.ones((_LETTERS, _LETTERS), np.uint8)
    closed = cv2.morphologyEx(far.astype(np.uint8), cv2.MORPH_CLOSE, square).astype(bool)
    return far if closed.all() else closed
