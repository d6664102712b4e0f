"""From decoded values of any type and layout to the few kinds that an image has here."""

import numpy as np

from mlcmkd.data.thermal.dead_pixels import fill_dead_pixels
from mlcmkd.utils.errors import InputError

# More than any camera of this field, and few enough that a malicious header cannot fill the memory.
MAX_PIXELS = 100_000_000

# What brings an image upright by its orientation tag (EXIF and TIFF), from 2 to 8.
_TURNS = {
    2: lambda values: values[:, ::-1],
    3: lambda values: values[::-1, ::-1],
    4: lambda values: values[::-1],
    5: lambda values: values.swapaxes(0, 1),
    6: lambda values: values.swapaxes(0, 1)[:, ::-1],
    7: lambda values: values.swapaxes(0, 1)[::-1, ::-1],
    8: lambda values: values.swapaxes(0, 1)[::-1],
}


def upright(values: np.ndarray, orientation: int) -> np.ndarray:
    """Turn an image (H, W) or (H, W, C) by its orientation tag; an unknown tag changes nothing."""
    turn = _TURNS.get(orientation)
    return values if turn is None else np.ascontiguousarray(turn(values))


def check_size(width: int, height: int, name: str) -> None:
    """Check that an image is not too large to be decoded.

    Raises:
        InputError: it has more than `MAX_PIXELS` pixels, or none.
    """
    if width * height > MAX_PIXELS:
        raise InputError(
            f"{name}: {width} x {height} pixels are more than the {MAX_PIXELS:,} that are read; "
            "cut it into parts"
        )
    if width < 1 or height < 1:
        raise InputError(f"{name}: an image of {width} x {height} pixels; restore it")


def image_values(values: np.ndarray, name: str) -> np.ndarray:
    """Convert decoded values to those of an image; nothing is rounded or scaled.

    Alpha is dropped. Three equal channels of more than 8 bits become one. Integers from 0 to 65535
    become uint16, whatever type they are stored in. Dead pixels (NaN, infinite) are filled.

    Args:
        values: (H, W), or (H, W, C) with 1 to 4 channels, RGB, with alpha last.
        name: of the image, for messages.

    Returns:
        (H, W) or (H, W, 3) uint8; (H, W) or (H, W, 3) uint16; or (H, W) float32.

    Raises:
        InputError: another type or layout, integers outside 16 bits, several floating-point values a
            pixel, or too many dead pixels.
    """
    values = _without_alpha(values)
    if values.dtype == np.uint8:
        return values
    if values.ndim == 3 and (values == values[..., :1]).all():
        values = np.ascontiguousarray(values[..., 0])
    if values.dtype.kind in "iu":
        return _sixteen_bits(values, name)
    if values.dtype.kind != "f":
        raise InputError(f"{name}: {values.dtype} values; expected degrees C as floats, or counts")
    if values.ndim == 3:
        raise InputError(f"{name}: {values.shape[2]} floats a pixel; save one, degrees C")
    return fill_dead_pixels(values.astype(np.float32), name)


def _without_alpha(values: np.ndarray) -> np.ndarray:
    """Return (H, W) or (H, W, 3) without an alpha channel."""
    if values.ndim == 3 and values.shape[2] in (1, 2):
        return np.ascontiguousarray(values[..., 0])
    return np.ascontiguousarray(values[..., :3]) if values.ndim == 3 else values


def _sixteen_bits(values: np.ndarray, name: str) -> np.ndarray:
    """Return integers as uint16 in the processor's byte order, if they fit."""
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > 65535:
        raise InputError(
            f"{name}: integers from {low} to {high}, but counts are 0 to 65535; if they are a multiple "
            "of degrees C, divide them and save 32-bit floats"
        )
    return values.astype(np.uint16)
