"""Where a data set lies: in memory, or in a file that is paged in, where it would fill most of that."""

import os
import tempfile

import numpy as np
import psutil
import torch

# Largest share of the machine's memory that one side of a split may take; batches, networks and the
# other side need room as well.
SHARE = 0.25
# Largest share of a device's free memory that resident pairs may take: a training needs the rest.
DEVICE_SHARE = 0.5


def allocate(shape: tuple[int, ...], dtype: type, share: float = SHARE) -> np.ndarray:
    """An array to be filled: in memory, or memory-mapped where it is larger than `share` of it.

    The file lies in the system's folder for temporary files (TMPDIR moves it), has no name, and is
    gone with the array or the process, killed ones too.
    """
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    if size <= share * psutil.virtual_memory().total:
        return np.empty(shape, dtype)
    with tempfile.TemporaryFile(prefix="mlcmkd-") as file:
        os.truncate(file.fileno(), size)
        return np.memmap(file, dtype, "r+", shape=shape)


def fits(size: int, device: torch.device) -> bool:
    """Whether `size` bytes may stay on a device beside a training; a CPU has them already."""
    if device.type != "cuda":
        return True
    free, _ = torch.cuda.mem_get_info(device)
    return size <= DEVICE_SHARE * free
