"""False colours and back: palettes of thermal cameras, told by their colours and inverted.

A palette is a curve through RGB space from the coldest to the warmest colour. A pixel's level is the
place on that curve nearest to its colour, and how far it lies from the curve (the residual) says
whether the image was drawn with that palette at all.

What a level means in degrees C only the camera's settings tell. And "iron" is no standard: every
maker draws its own. The curve here is an approximation by control points of our own, close to FLIR's
larger cameras. With it, an image drawn with the iron of FLIR's Lepton comes back shifted by 0.04 of
the range on average and 0.07 at most; order and contrast survive, exact temperatures do not.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from scipy.spatial import KDTree

from mlcmkd.data.thermal.dead_pixels import fill
from mlcmkd.utils.errors import InputError

# Texts, logos and scales drawn over a thermal image may cover this share of it, no more.
# Of 2,236 photos of faces (300W) none passes for a coloured palette; a tenth have no colours and are
# grey to anyone.
MAX_OFF = 0.1
# Largest minus smallest channel: beyond the first a pixel is no grey that JPEG tinted; beyond the
# second it is vivid, as palettes are and faces are not, and so tells palettes apart. Dark and pale
# colours do not: black and white lie on nearly every palette, a face's shadows close to "hot".
_TINTED = 24
_VIVID = 64
# A coloured image with fewer vivid pixels than this share is on no palette.
_MIN_VIVID = 0.02
# Letters narrower than this many pixels belong to the label around them.
_LETTERS = 7
# Pixels a palette is told by; all of them would take a second for a large image.
_MANY = 20_000


@dataclass(frozen=True)
class Palette:
    """A curve of colours.

    Attributes:
        name: how manifests call it.
        anchors: (position, red, green, blue), positions rising from 0 (cold) to 1 (warm), colours 0
            to 255; straight lines between them.
        tolerance: RGB distance (0 to 441) up to which a pixel counts as drawn with the palette.
    """

    name: str
    anchors: tuple[tuple[float, int, int, int], ...]
    tolerance: float


@dataclass(frozen=True)
class Inversion:
    """Levels that were read from colours.

    Attributes:
        palette: name of the palette.
        levels: (H, W) float32, 0 (coldest colour) to 1 (warmest); pixels off the palette are filled
            from those around them.
        residual: (H, W) float32, RGB distance (0 to 441) of each pixel from the palette's curve.
        off: share of the pixels farther from the curve than the palette's tolerance.
    """

    palette: str
    levels: np.ndarray
    residual: np.ndarray
    off: float


# JPEG of quality 90 moves a colour by less than 30 almost everywhere; the makers' versions of iron
# differ from ours by up to 22 before it. jet and hot are drawn as matplotlib defines them, inferno
# within 7 levels of it.
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
    """The palette of that name.

    Raises:
        InputError: no such palette; the message lists the known ones.
    """
    try:
        return PALETTES[name]
    except KeyError:
        raise InputError(f"palette '{name}' is unknown; use one of {', '.join(PALETTES)}") from None


@cache
def colours(name: str) -> np.ndarray:
    """A palette's 256 colours, cold to warm, (256, 3) uint8."""
    anchors = np.array(get_palette(name).anchors, dtype=np.float64)
    place = np.linspace(0, 1, 256)
    channels = [np.interp(place, anchors[:, 0], anchors[:, channel]) for channel in (1, 2, 3)]
    return np.rint(np.stack(channels, axis=1)).astype(np.uint8)


@cache
def _curve(name: str) -> tuple[KDTree, np.ndarray]:
    """A palette's distinct colours, to look up the nearest of, and the level of each.

    A colour that several levels share, as at jet's pure blue, stands for their mean.
    """
    distinct, which = np.unique(colours(name), axis=0, return_inverse=True)
    shared = np.bincount(which.ravel())
    level = np.bincount(which.ravel(), weights=np.linspace(0, 1, 256)) / shared
    return KDTree(distinct.astype(np.float64)), level.astype(np.float32)


def apply_palette(levels: np.ndarray, name: str) -> np.ndarray:
    """Levels in [0, 1], (H, W), as a camera would draw them: (H, W, 3) uint8, RGB."""
    return colours(name)[np.rint(np.clip(levels, 0, 1) * 255).astype(np.uint8)]


def _spread(image: np.ndarray) -> np.ndarray:
    """Largest minus smallest channel of each pixel, (H, W) int16."""
    return image.max(axis=2).astype(np.int16) - image.min(axis=2)


def is_coloured(image: np.ndarray) -> bool:
    """Whether an 8-bit image has colours, beyond what JPEG does to grey: (H, W) or (H, W, 3)."""
    if image.ndim == 2:
        return False
    return bool(np.percentile(_spread(image), 99) > _TINTED)


def recognise(image: np.ndarray, source: str = "array") -> str:
    """The name of the palette nearest to an image's colours, (H, W, 3) uint8 RGB.

    "grey" without colours; else, of the palettes that hold enough of the vivid pixels within their
    tolerance, the one from which these lie least far, by their median. Where no palette does, the
    nearest all the same: `invert` then says how far off it is.

    Raises:
        InputError: colours, but too few vivid ones for any palette.
    """
    if not is_coloured(image):
        return "grey"
    vivid = image[_spread(image) > _VIVID]
    if len(vivid) < _MIN_VIVID * image[..., 0].size:
        raise InputError(
            f"{source}: its colours are paler than any known palette's; is it a photo?"
        )
    few = vivid[:: -(-len(vivid) // _MANY)].astype(np.float64)

    def distance(name: str) -> tuple[bool, float]:
        residual = _curve(name)[0].query(few)[0]
        off = (residual > PALETTES[name].tolerance).mean()
        return bool(off > MAX_OFF), float(np.median(residual))

    return min((name for name in PALETTES if name != "grey"), key=distance)


def invert(image: np.ndarray, name: str | None = None, source: str = "array") -> Inversion:
    """The levels that an image's colours stand for.

    Letters inside a coloured label are filled with it; bare white letters on iron cannot be told from
    the warmest colour and are read as such: crop or mask them.

    Args:
        image: (H, W, 3) uint8, RGB.
        name: of the palette; None tells it by the image's colours, see `recognise`.
        source: name of the file, for the message.

    Raises:
        InputError: more than `MAX_OFF` of the pixels, or of the vivid ones, lie farther from the
            palette than its tolerance: a photo, another palette, or too much drawn over it.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise InputError(f"{source}: {image.dtype} values of shape {image.shape}, not 8-bit RGB")
    told = recognise(image, source) if name is None else get_palette(name).name
    tree, level = _curve(told)
    residual, nearest = tree.query(image.astype(np.float64))
    far = residual > PALETTES[told].tolerance
    off = float(far.mean())
    # A photo of a face before a white wall is mostly white, which is a colour of iron.
    vivid = _spread(image) > _VIVID
    worst = max(off, float(far[vivid].mean())) if vivid.any() else off
    if worst > MAX_OFF:
        known = ", ".join(PALETTES)
        said = (
            f"its colours are on no known palette ({known}; nearest: {told})"
            if name is None
            else f"its colours are not those of palette '{name}'"
        )
        raise InputError(
            f"{source}: {said}: {100 * worst:.0f} % of them lie off it, and text or a logo may "
            f"cover {100 * MAX_OFF:g} %; a photo? else save grey levels or raw counts"
        )
    return Inversion(
        palette=told,
        levels=fill(level[nearest], _with_letters(far)),
        residual=residual.astype(np.float32),
        off=off,
    )


def _with_letters(far: np.ndarray) -> np.ndarray:
    """Pixels off the palette, (H, W) bool, and what they enclose narrowly (a morphological closing).

    The letters of a label are often white, which is on the palette, and would spread as it is filled.
    """
    square = np.ones((_LETTERS, _LETTERS), np.uint8)
    closed = cv2.morphologyEx(far.astype(np.uint8), cv2.MORPH_CLOSE, square).astype(bool)
    return far if closed.all() else closed
