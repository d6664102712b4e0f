"""Strict checks of image files: readable, and of the type that the row states."""

from pathlib import Path

import numpy as np

from mlcmkd.data.blank_image import check_content
from mlcmkd.data.images import encode_image, read_decoded
from mlcmkd.data.plausibility import Box
from mlcmkd.data.thermal.dead_pixels import fill_dead_pixels
from mlcmkd.data.thermal.radiometry import Radiometry
from mlcmkd.utils.errors import InputError


def read_bytes(path: Path) -> bytes:
    """Read the bytes of an image file.

    Raises:
        InputError: it cannot be read, or is empty.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; restore the image, or leave it out") from None
    if not data:
        raise InputError(f"{path}: empty; download the image again")
    return data


def read_with_copy(path: Path) -> tuple[np.ndarray, bytes, str]:
    """Decode an image; return it with the bytes and suffix of the copy to be written.

    The copy has the file's own bytes, or is upright where the file has an orientation tag, because
    not every program applies it. A NumPy array becomes an image file.
    """
    data = read_bytes(path)
    pixels, as_stored = read_decoded(path)
    return (pixels, data, path.suffix) if as_stored else (pixels, *encode_image(pixels))


def as_rgb(pixels: np.ndarray) -> np.ndarray:
    """Convert a photo, (H, W) or (H, W, 3), to (H, W, 3)."""
    return np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels


def check_photo(pixels: np.ndarray, path: Path | str) -> None:
    """Check that a photo is (H, W) or (H, W, 3), has 8 bits and shows something.

    Raises:
        InputError: it does not.
    """
    if pixels.dtype != np.uint8:
        raise InputError(
            f"{path}: {pixels.dtype} instead of 8-bit colour; if it is a thermal image, give it as one "
            "(for a folder, side: thermal and a radiometry in dataset.yaml)"
        )
    if pixels.ndim != 2 and pixels.shape[2:] != (3,):
        raise InputError(f"{path}: a photo of shape {pixels.shape}; give (H, W, 3) or (H, W)")
    check_content(pixels, str(path))


def check_thermal(
    pixels: np.ndarray, radiometry: Radiometry, path: Path | str, face: Box | None = None
) -> None:
    """Check that a thermal image can be read with its radiometry, as for training, and shows something.

    Args:
        face: box of the face (x0, y0, x1, y1), pixels, where it is known.

    Raises:
        InputError: it cannot.
    """
    check_content(pixels, str(path))
    radiometry.frame_to_unit(pixels, str(path), face)


def as_thermal_array(values: object, where: str) -> np.ndarray:
    """Return numbers as an array of the processor's byte order.

    Raises:
        InputError: values that are not numbers, an empty array, or masked values.
    """
    if np.ma.is_masked(values):
        raise InputError(f"{where}: masked thermal values; replace them, as by NaN in degrees C")
    array = np.asarray(values)
    if array.dtype.kind not in "iuf" or not array.size:
        raise InputError(
            f"{where}: thermal values of type {array.dtype} and shape {array.shape}; give numbers (H, W)"
        )
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def without_dead_pixels(celsius: np.ndarray, where: str) -> np.ndarray:
    """Fill the NaN of an array as those of a file; an array without them is returned as it is."""
    if celsius.dtype.kind != "f" or np.isfinite(celsius).all():
        return celsius
    return fill_dead_pixels(celsius.astype(np.float32), where)
