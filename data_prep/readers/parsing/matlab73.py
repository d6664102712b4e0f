"""Matlab 7.3 files (HDF5), read without following references to other files."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from mlcmkd.utils.errors import InputError


@contextmanager
def opened(path: Path) -> Iterator[h5py.File]:
    """Open a file for reading.

    Raises:
        InputError: not an HDF5 file, or a damaged one.
    """
    try:
        with h5py.File(path, "r") as file:
            yield file
    except InputError:
        raise
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise InputError(
            f"{path}: not a complete Matlab 7.3 file ({error}); download it again"
        ) from None


def array(file: h5py.File, name: str) -> h5py.Dataset | None:
    """Return a variable without reading it; its axes are in the reverse of Matlab's order.

    Returns:
        None if the file has no such variable.

    Raises:
        InputError: the variable is a link, or its values are stored in another file.
    """
    link = file.get(name, getlink=True)
    if link is None:
        return None
    if not isinstance(link, h5py.HardLink):
        raise InputError(f"{file.filename}: '{name}' is a link; download the file again")
    return _checked(file, file[name], name)


@dataclass(frozen=True)
class Cell:
    """An image in a cell array; a call loads it as (H, W, 3) uint8 RGB."""

    path: Path
    name: str
    index: int

    def __call__(self) -> np.ndarray:
        """Load the image.

        Raises:
            InputError: not an 8-bit image.
        """
        with opened(self.path) as file:
            cells = array(file, self.name)
            if cells is None:
                raise InputError(f"{self.path}: no variable '{self.name}'; download the file again")
            stored = _checked(file, file[cells[:].ravel()[self.index]], self.name)
            pixels = stored[()].T  # (3, W, H) or (W, H) as Matlab wrote it
        if pixels.dtype != np.uint8 or pixels.shape[2:] not in ((), (3,)) or pixels.ndim < 2:
            raise InputError(
                f"{self.path}: {self.name}{{{self.index + 1}}} is {pixels.dtype} of shape "
                f"{pixels.shape}, not an 8-bit image; leave it out (--skip-bad)"
            )
        return np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels


def _checked(file: h5py.File, value: object, name: str) -> h5py.Dataset:
    """Return `value` if it is an array whose data are stored in this file."""
    if not isinstance(value, h5py.Dataset):
        raise InputError(f"{file.filename}: '{name}' is not an array; download the file again")
    if value.external or value.is_virtual:
        raise InputError(
            f"{file.filename}: '{name}' is stored in another file; download the file again"
        )
    return value
