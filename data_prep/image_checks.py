"""Image files of a data set, read strictly: whole, decodable, and what the row says they are."""

import io
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from mlcmkd.data.images import MAX_PIXELS
from mlcmkd.data.thermal.radiometry import Radiometry
from mlcmkd.utils.errors import InputError


def read_bytes(path: Path) -> bytes:
    """All bytes of an image file.

    Raises:
        InputError: it cannot be read, or is empty.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; restore the image or remove its row") from None
    if not data:
        raise InputError(f"{path}: empty; fetch the image again")
    return data


def decode(data: bytes, path: Path | str) -> np.ndarray:
    """The image as OpenCV gives it, (H, W) or (H, W, C), channels BGR; `path` is for messages.

    OpenCV fills what a truncated file lacks with grey and says nothing, so Pillow decodes it first
    and is strict.

    Raises:
        InputError: not an image, not a whole one, or of a kind that is not read.
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.width * image.height > MAX_PIXELS:
                raise ValueError(f"{image.width} x {image.height} pixels are too many")
            image.load()
    except Exception as error:  # Pillow raises a different one for every way a file can be broken
        raise InputError(
            f"{path}: not a whole image ({error}); fetch it again or remove it"
        ) from None
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        pixels = None
    if pixels is None:
        raise InputError(f"{path}: this kind of image is not read; convert it to PNG")
    return pixels


def as_rgb(pixels: np.ndarray) -> np.ndarray:
    """What `decode` gave as (H, W, 3), RGB."""
    if pixels.ndim == 2:
        return np.repeat(pixels[..., None], 3, axis=2)
    return cv2.cvtColor(pixels[..., :3], cv2.COLOR_BGR2RGB)


def check_photo(pixels: np.ndarray, path: Path | str) -> None:
    """Make sure that a photo has 8 bits.

    Raises:
        InputError: it has not.
    """
    if pixels.dtype != np.uint8:
        raise InputError(f"{path}: {pixels.dtype} instead of 8-bit colour; convert it")


def check_thermal(pixels: np.ndarray, radiometry: Radiometry, path: Path | str) -> None:
    """Make sure that a thermal image is what the radiometry says.

    Reading it as training will is the test: what fails there fails here, with its reason.

    Raises:
        InputError: it is not.
    """
    radiometry.frame_to_unit(as_rgb(pixels) if pixels.ndim == 3 else pixels, str(path))
