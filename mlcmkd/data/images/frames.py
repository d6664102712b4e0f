"""Reads images and stacks of images, one frame at a time, with a clear error for what is unreadable."""

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError

from mlcmkd.data.images.arrays import MAGIC as ARRAY_MAGIC
from mlcmkd.data.images.arrays import open_array
from mlcmkd.data.images.pictures import Picture
from mlcmkd.data.images.values import image_values
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.file_kinds import incomplete

_FIX = "save images as PNG or TIFF, and temperatures as .npy by numpy.save"


class Decoded(NamedTuple):
    """One image.

    Attributes:
        values: as `read_image` returns them.
        as_stored: whether every program sees these values in a copy of the file; false if an
            orientation tag was applied, and for NumPy arrays.
    """

    values: np.ndarray
    as_stored: bool


class Frames:
    """The frames of an open file, decoded one at a time.

    Args:
        path: of the file.
        source: what decodes it.
    """

    def __init__(self, path: Path, source: "Picture | _Array"):
        self._path, self._source = path, source

    def __len__(self) -> int:
        return self._source.count

    def name(self, number: int) -> str:
        """The path; of a stack followed by `#` and the number of the frame."""
        return str(self._path) if len(self) == 1 else f"{self._path}#{number:06d}"

    def size(self, number: int) -> tuple[int, int]:
        """Width and height of a frame, upright, without decoding it."""
        with _explained(self._path, self.name(number)):
            return self._source.size(number)

    def read(self, number: int) -> Decoded:
        """Decode a frame, see `read_image`; the first is 0.

        Raises:
            InputError: the frame is damaged.
        """
        with _explained(self._path, self.name(number)):
            values, turned = self._source.read(number)
            is_array = isinstance(self._source, _Array)
            return Decoded(image_values(values, self.name(number)), not (turned or is_array))


class _Array:
    """The frames of a `.npy` file, as those of a `Picture`."""

    def __init__(self, path: Path):
        self._frames = open_array(path)
        self.count = len(self._frames)

    def size(self, number: int) -> tuple[int, int]:
        return self._frames.shape[2], self._frames.shape[1]

    def read(self, number: int) -> tuple[np.ndarray, bool]:
        return np.array(self._frames[number]), False


def read_image(path: Path | str) -> np.ndarray:
    """Read the stored values of an image file, upright, in their full depth.

    An orientation tag is applied, so that landmarks on the upright image fit. Nothing is rounded:
    16 bits stay 16 bits. Dead pixels (NaN, infinite) are filled.

    Returns:
        (H, W, 3) uint8 in RGB order, (H, W) uint8, (H, W) uint16, (H, W, 3) uint16 for colours of 16
        bits, or (H, W) float32 (floating-point TIFFs and `.npy`).

    Raises:
        InputError: missing, empty, truncated, not an image, of an unsupported format, a stack of
            several frames, or with more dead pixels than mlcmkd.data.thermal.dead_pixels fills.
    """
    return read_decoded(path).values


def read_decoded(path: Path | str) -> Decoded:
    """Read an image as `read_image`, and whether its file can be copied as it is."""
    with open_frames(path) as frames:
        return _single(frames, path).read(0)


def image_size(path: Path | str) -> tuple[int, int]:
    """Return width and height of an image, upright, without decoding it.

    Raises:
        InputError: as `read_image`, as far as the file's header shows it.
    """
    with open_frames(path) as frames:
        return _single(frames, path).size(0)


def _single(frames: Frames, path: Path | str) -> Frames:
    if len(frames) > 1:
        raise InputError(
            f"{path}: a stack of {len(frames)} frames instead of one image; save each as a file"
        )
    return frames


@contextmanager
def open_frames(path: Path | str) -> Iterator[Frames]:
    """Open an image or a stack: a `.npy` array or a TIFF of several pages.

    Raises:
        InputError: missing, empty, not an image, or of an unsupported format.
    """
    path = Path(path)
    with ExitStack() as stack:
        with _explained(path, str(path)):
            if not path.is_file():
                what = "a folder, not an image" if path.is_dir() else "no such file"
                raise InputError(f"{path}: {what}; check the path")
            file = stack.enter_context(path.open("rb"))
            head = file.read(len(ARRAY_MAGIC))
            if not head:
                raise InputError(f"{path}: the file is empty; restore it")
            is_array = head == ARRAY_MAGIC or path.suffix.lower() == ".npy"
            frames = Frames(path, _Array(path) if is_array else Picture(file, path))
        yield frames


@contextmanager
def _explained(path: Path, name: str) -> Iterator[None]:
    """Turn every error of a decoder into an InputError that starts with `name`.

    Warnings are ignored: they are about metadata, or about sizes, which `check_size` limits.
    """
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    except InputError:
        raise
    except UnidentifiedImageError:
        raise incomplete(path, "image", "damaged, or of an unknown kind", _FIX) from None
    except Image.DecompressionBombError:
        raise InputError(f"{name}: too many pixels; cut it into parts") from None
    except MemoryError:
        raise InputError(f"{name}: too large for the memory; cut it into parts") from None
    except Exception as error:  # decoders raise many types of errors for damaged files
        if isinstance(error, OSError) and error.errno is not None:
            reason = f"cannot be read ({error.strerror}); check its permissions"
        else:
            text = " ".join(str(error).split())[:200] or type(error).__name__
            reason = f"not a complete image ({text}); restore it"
        raise InputError(f"{name}: {reason}") from None
