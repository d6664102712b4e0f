"""False-colour palettes of thermal cameras: recognition and inversion.

A palette is a curve through RGB space from the coldest to the warmest colour. The level of a pixel is
the position on that curve nearest to its colour; the distance from the curve (the residual) shows
whether the image has that palette at all.

The temperature of a level depends on the camera's settings. The curves are in `palette_curves`.
"""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

from mlcmkd.data.thermal.dead_pixels import fill
from mlcmkd.data.thermal.palette_curves import NAMED_ONLY, PALETTES, colours, get_palette
from mlcmkd.utils.errors import InputError

if TYPE_CHECKING:
    from scipy.spatial import KDTree

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
_NAME_IT = f"name its palette (one of {', '.join(NAMED_ONLY)}), or save grey levels or raw counts"


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


@cache
def _curve(name: str) -> tuple["KDTree", np.ndarray]:
    """Return a search tree of a palette's distinct colours, and the level of each.

    A colour of several levels, such as jet's pure blue, has their mean.
    """
    from scipy.spatial import KDTree  # here, because its import takes a second

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
            f"{source}: its colours are paler than any known palette's; if it is not a photo, {_NAME_IT}"
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
    far = residual > get_palette(palette).tolerance
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
            f"cover {100 * MAX_OFF:g} %; if it is not a photo, {_NAME_IT}"
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
