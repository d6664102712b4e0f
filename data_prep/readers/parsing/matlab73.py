"""Matlab 7.3 files, which are HDF5: read without following what points out of the file."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from mlcmkd.utils.errors import InputError


@contextmanager
def opened(path: Path) -> Iterator[h5py.File]:
    """The file, for reading.

    Raises:
        InputError: it is no HDF5 file, or it breaks while it is read.
    """
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise InputError(f"{path}: not a whole Matlab 7.3 file ({error}); fetch it again") from None


def array(file: h5py.File, name: str) -> h5py.Dataset | None:
    """The variable of that name, unread; Matlab's axes come in reverse order. None without one.

    Raises:
        InputError: it is a link to another file, or its values lie in one.
    """
    link = file.get(name, getlink=True)
    if link is None:
        return None
    if not isinstance(link, h5py.HardLink):
        raise InputError(f"{file.filename}: '{name}' is a link; fetch the file again")
    return _own(file, file[name], name)


@dataclass(frozen=True)
class Cell:
    """An image in a cell array, read when it is called: (H, W, 3) uint8 RGB."""

    path: Path
    name: str
    index: int

    def __call__(self) -> np.ndarray:
        """The image.

        Raises:
            InputError: it is not an 8-bit image.
        """
        with opened(self.path) as file:
            cells = array(file, self.name)
            if cells is None:
                raise InputError(f"{self.path}: no variable '{self.name}'")
            stored = _own(file, file[cells[:].ravel()[self.index]], self.name)
            pixels = stored[()].T  # (3, W, H) or (W, H) as Matlab wrote it
        if pixels.dtype != np.uint8 or pixels.shape[2:] not in ((), (3,)) or pixels.ndim < 2:
            raise InputError(
                f"{self.path}: {self.name}{{{self.index + 1}}} is {pixels.dtype} of shape "
                f"{pixels.shape}, not an 8-bit image"
            )
        return np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels


def _own(file: h5py.File, found: object, name: str) -> h5py.Dataset:
    """`found`, once it is sure that its values lie in this very file."""
    if not isinstance(found, h5py.Dataset):
        raise InputError(f"{file.filename}: '{name}' is no array; fetch the file again")
    if found.external or found.is_virtual:
        raise InputError(f"{file.filename}: '{name}' lies in another file; fetch the file again")
    return found
