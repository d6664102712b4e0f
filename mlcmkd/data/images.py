"""Read image files as arrays, with a clear error for files that cannot be read."""

from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from mlcmkd.data.thermal.dead_pixels import fill_dead_pixels
from mlcmkd.utils.errors import InputError

# More than any camera of this field, and few enough that a malicious header cannot fill the memory.
MAX_PIXELS = 100_000_000


def read_image(path: Path | str) -> np.ndarray:
    """Read the stored values of an image file; dead pixels (NaN, infinite) are filled.

    Returns:
        (H, W, 3) uint8 in RGB order, (H, W) uint8, (H, W) uint16, or (H, W) float32 (floating-point
        TIFFs, and `.npy` arrays other than 8 and 16 bits).

    Raises:
        InputError: missing, empty, truncated, not an image, of an unsupported format, or with more
            dead pixels than mlcmkd.data.thermal.dead_pixels fills.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; check the path")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: the file is empty; restore it")
    if path.suffix == ".npy":
        return _read_array(path)
    return read_page(path, 0)


def read_page(path: Path, page: int) -> np.ndarray:
    """Read one page, from 0, of an image file with several pages (a TIFF stack); see `read_image`."""
    try:
        with Image.open(path) as image:
            image.seek(page)
            if image.width * image.height > MAX_PIXELS:
                raise InputError(
                    f"{path}: {image.width} x {image.height} pixels are too many; resize it"
                )
            image.load()  # decodes all of it: a truncated file fails here
            return _as_array(image, path)
    except UnidentifiedImageError:
        raise InputError(f"{path}: not an image; check the path or restore the file") from None
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: broken or truncated image ({error}); restore it") from None


def _as_array(image: Image.Image, path: Path) -> np.ndarray:
    if image.mode in ("P", "RGBA", "CMYK", "YCbCr", "LA", "PA"):
        image = image.convert("L" if image.mode == "LA" else "RGB")
    if image.mode == "1":
        image = image.convert("L")
    values = np.array(image)
    if image.mode in ("L", "RGB"):
        return values
    if image.mode.startswith("I"):
        # Pillow reads some 16-bit files as 32-bit integers.
        if values.size and not (values.min() >= 0 and values.max() <= 65535):
            raise InputError(f"{path}: integers beyond 16 bits; save raw counts as 16-bit")
        return values.astype(np.uint16)
    if image.mode == "F":
        return fill_dead_pixels(values.astype(np.float32), str(path))
    raise InputError(f"{path}: images of kind {image.mode} are not supported; save 8 or 16 bits")


def _read_array(path: Path) -> np.ndarray:
    try:
        values = np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise InputError(f"{path}: not a NumPy array ({error}); save it with numpy.save") from None
    if not isinstance(values, np.ndarray) or values.ndim != 2 or values.size == 0:
        raise InputError(f"{path}: not one (H, W) array; save degrees C per pixel")
    if values.dtype.kind not in "fiu":
        raise InputError(f"{path}: {values.dtype} values; save degrees C as floats")
    if values.dtype in (np.uint8, np.uint16):
        return values  # grey levels or raw counts, as in an image file
    return fill_dead_pixels(values.astype(np.float32), str(path))
