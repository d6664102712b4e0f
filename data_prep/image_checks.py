"""Strict checks of image files: complete, decodable, and of the type that the row states."""

import io
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from mlcmkd.data.images import MAX_PIXELS
from mlcmkd.data.thermal.radiometry import Radiometry
from mlcmkd.data.thermal.scale_check import Box
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


def decode(data: bytes, path: Path | str) -> np.ndarray:
    """Decode an image with OpenCV, (H, W) or (H, W, C), channels BGR; `path` is for messages.

    OpenCV silently fills the missing part of a truncated file with grey, so Pillow, which raises an
    error, decodes it first.

    Raises:
        InputError: not an image, an incomplete one, or a format that is not supported.
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.width * image.height > MAX_PIXELS:
                raise ValueError(f"{image.width} x {image.height} pixels are too many")
            image.load()
    except Exception as error:  # Pillow raises many types of errors for damaged files
        raise InputError(
            f"{path}: not a complete image ({error}); download it again, or leave it out"
        ) from None
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        pixels = None
    if pixels is None:
        raise InputError(f"{path}: image format not supported; convert it to PNG")
    return pixels


def as_rgb(pixels: np.ndarray) -> np.ndarray:
    """Convert the result of `decode` to (H, W, 3), RGB."""
    if pixels.ndim == 2:
        return np.repeat(pixels[..., None], 3, axis=2)
    return cv2.cvtColor(pixels[..., :3], cv2.COLOR_BGR2RGB)


def check_photo(pixels: np.ndarray, path: Path | str) -> None:
    """Check that a photo has 8 bits.

    Raises:
        InputError: it does not.
    """
    if pixels.dtype != np.uint8:
        raise InputError(
            f"{path}: {pixels.dtype} instead of 8-bit colour; if it is a thermal image, give it as one "
            "(for a folder, side: thermal and a radiometry in dataset.yaml)"
        )


def check_thermal(
    pixels: np.ndarray, radiometry: Radiometry, path: Path | str, face: Box | None = None
) -> None:
    """Check that a thermal image can be read with its radiometry, in the same way as for training.

    Args:
        face: box of the face (x0, y0, x1, y1), pixels, where it is known.

    Raises:
        InputError: it cannot.
    """
    image = as_rgb(pixels) if pixels.ndim == 3 else pixels
    radiometry.frame_to_unit(image, str(path), face)
