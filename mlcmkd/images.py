"""Image files as arrays, and a clear word where one cannot be read."""

from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from mlcmkd.errors import InputError

# Far beyond any camera of this field, and small enough that a hostile header cannot fill the memory.
MAX_PIXELS = 100_000_000


def read_image(path: Path | str) -> np.ndarray:
    """An image file's values as they are stored.

    Returns:
        (H, W, 3) uint8 in RGB order, (H, W) uint8, (H, W) uint16, or (H, W) float32 (`.npy` arrays
        and floating-point TIFFs).

    Raises:
        InputError: missing, empty, truncated, not an image, or of an unknown kind.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: the file is empty")
    if path.suffix == ".npy":
        return _read_array(path)
    try:
        with Image.open(path) as image:
            if image.width * image.height > MAX_PIXELS:
                raise InputError(f"{path}: {image.width} x {image.height} pixels are too many")
            image.load()  # decodes all of it: a truncated file fails here
            return _as_array(image, path)
    except UnidentifiedImageError:
        raise InputError(f"{path}: not an image") from None
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: broken or truncated image ({error})") from None


def _as_array(image: Image.Image, path: Path) -> np.ndarray:
    if image.mode in ("P", "RGBA", "CMYK", "YCbCr", "LA", "PA"):
        image = image.convert("L" if image.mode == "LA" else "RGB")
    if image.mode == "1":
        image = image.convert("L")
    values = np.array(image)
    if image.mode in ("L", "RGB"):
        return values
    if image.mode.startswith("I"):
        # PIL holds some 16-bit files as 32-bit integers.
        if values.size and not (values.min() >= 0 and values.max() <= 65535):
            raise InputError(f"{path}: integers beyond 16 bits; save raw counts as 16-bit")
        return values.astype(np.uint16)
    if image.mode == "F":
        return _finite(values.astype(np.float32), path)
    raise InputError(f"{path}: images of kind {image.mode} are not supported; save 8 or 16 bits")


def _read_array(path: Path) -> np.ndarray:
    try:
        values = np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise InputError(f"{path}: not a NumPy array ({error})") from None
    if not isinstance(values, np.ndarray) or values.ndim != 2 or values.size == 0:
        raise InputError(f"{path}: expected one (H, W) array of degrees C")
    if values.dtype.kind not in "fiu":
        raise InputError(f"{path}: {values.dtype} values; expected degrees C as floats")
    return _finite(values.astype(np.float32), path)


def _finite(values: np.ndarray, path: Path) -> np.ndarray:
    if not np.isfinite(values).all():
        raise InputError(f"{path}: holds NaN or infinite temperatures; mask or fill them first")
    return values


def is_coloured(image: np.ndarray, tolerance: int = 24) -> bool:
    """Whether an 8-bit image has colours, beyond what JPEG does to grey: (H, W) or (H, W, 3)."""
    if image.ndim == 2:
        return False
    spread = image.max(axis=2).astype(np.int16) - image.min(axis=2)
    return bool(np.percentile(spread, 99) > tolerance)
