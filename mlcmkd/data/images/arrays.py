"""NumPy arrays in files (`.npy`): which axes are frames, rows, columns and channels."""

from pathlib import Path

import numpy as np

from mlcmkd.data.images.values import check_size
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.file_kinds import incomplete

MAGIC = b"\x93NUMPY"
# Sides of the frames of a stack: shorter ones, or much longer than wide, are not images of a face.
_MIN_SIDE, _MAX_RATIO = 16, 4
_LAYOUTS = "(H, W), (H, W, 1), (N, H, W), (N, H, W, 1), and uint8 RGB as (H, W, 3) or (N, H, W, 3)"


def open_array(path: Path) -> np.ndarray:
    """Open an array file as frames, (N, H, W) or (N, H, W, C); its values stay on disk.

    Raises:
        InputError: not such an array, or one without a frame.
    """
    try:
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError, SyntaxError) as error:
        fix = "save it by numpy.save, not as a pickle"
        raise incomplete(path, "NumPy array", str(error), fix) from None
    if not values.size:
        raise InputError(f"{path}: a stack without a frame, shape {values.shape}; save it again")
    frames = _as_frames(values, path)
    check_size(frames.shape[2], frames.shape[1], str(path))
    return frames


def _as_frames(values: np.ndarray, path: Path) -> np.ndarray:
    """Name the axes of an array by its shape and type, see `_LAYOUTS`."""
    shape, colours = values.shape, values.dtype == np.uint8
    channels = shape[-1] if shape else 0
    if len(shape) == 2:
        return values[None]
    if len(shape) == 3 and (channels == 1 or (colours and channels in (3, 4))):
        return values[None]
    if len(shape) == 4 and (channels == 1 or (colours and channels in (3, 4))):
        return values
    if len(shape) == 4 and shape[1] == 1:
        return values[:, 0]
    if len(shape) == 3 and channels not in (2, 3, 4) and _may_be_frames(*shape[1:]):
        return values
    raise InputError(
        f"{path}: {values.dtype} values of shape {shape}, not one (H, W) array or a stack; save "
        f"{_LAYOUTS}"
    )


def _may_be_frames(height: int, width: int) -> bool:
    """Whether the last two axes of a stack may be rows and columns, as in (N, H, W).

    In (H, W, N), which Matlab and HDF5 files have, the frames would be strips of H x N pixels.
    """
    low, high = sorted((height, width))
    return low >= _MIN_SIDE and high <= _MAX_RATIO * low
