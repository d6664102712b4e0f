"""The stored values of a thermal image in one channel: their type, false colours, dead pixels."""

from typing import TYPE_CHECKING

import numpy as np

from mlcmkd.data.thermal.dead_pixels import fill_dead_pixels
from mlcmkd.data.thermal.palettes import invert, is_coloured
from mlcmkd.utils.errors import InputError

if TYPE_CHECKING:
    from mlcmkd.data.thermal.radiometry import Radiometry

# The type of the stored values of each kind; "frame-minmax" accepts all.
_STORED = {
    "celsius": (np.float32, np.float64),
    "centikelvin": (np.uint16,),
    "decikelvin": (np.uint16,),
    "counts": (np.uint16, np.float32, np.float64),
    "grey8": (np.uint8,),
    "palette": (np.uint8,),
}


def stored_values(radiometry: "Radiometry", image: np.ndarray, name: str) -> np.ndarray:
    """Return the stored values of an image in one channel, without dead pixels.

    Args:
        radiometry: the radiometry of the image.
        image: (H, W) of the kind's type, or (H, W, 3) uint8, RGB.
        name: name of the file, for messages.

    Returns:
        (H, W); of false colours their levels, 0 to 255.

    Raises:
        InputError: another type than the radiometry states, unexpected colours, colours of no known
            palette, or too many dead pixels.
    """
    shape, dtype = image.shape, image.dtype
    if len(shape) not in (2, 3) or (len(shape) == 3 and (shape[2] != 3 or dtype != np.uint8)):
        raise InputError(
            f"{name}: {dtype} values of shape {shape}, not a thermal image; give (H, W)"
        )
    coloured = is_coloured(image)
    if coloured and radiometry.kind not in ("palette", "frame-minmax"):
        raise InputError(
            f"{name}: a colour image instead of a thermal one; for a camera's false colours, use "
            "the radiometry kind 'palette'"
        )
    types = _STORED.get(radiometry.kind, (dtype,))
    if dtype not in types:
        expected = " or ".join(str(np.dtype(kind)) for kind in types)
        raise InputError(
            f"{name}: {dtype} pixels, but radiometry '{radiometry.kind}' means {expected}; correct one "
            "of the two"
        )
    if len(shape) == 2:
        if radiometry.palette not in (None, "grey"):
            raise InputError(
                f"{name}: one channel, but radiometry says palette '{radiometry.palette}'; correct "
                "one of the two"
            )
    elif coloured or radiometry.palette is not None:
        image = invert(image, radiometry.palette, name).levels * 255
    else:
        image = image[..., 0]
    return fill_dead_pixels(image, name)
