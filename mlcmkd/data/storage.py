"""Memory for a data set: RAM, or a memory-mapped file if it would take too much; and of a device."""

import os
import tempfile

import numpy as np
import psutil
import torch

# Largest share of the machine's memory for one modality of a split; batches, networks and the other
# modality need memory as well.
SHARE = 0.25
# Largest share of a device's free memory for resident pairs; the training needs the rest.
DEVICE_SHARE = 0.5


def allocate(shape: tuple[int, ...], dtype: type, share: float = SHARE) -> np.ndarray:
    """Allocate an uninitialised array: in RAM, or memory-mapped if larger than `share` of the RAM.

    The file is in the system's folder for temporary files (see TMPDIR), has no name, and is deleted
    with the array or at the end of the process, also if it is killed.
    """
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    if size <= share * psutil.virtual_memory().total:
        return np.empty(shape, dtype)
    with tempfile.TemporaryFile(prefix="mlcmkd-") as file:
        os.truncate(file.fileno(), size)
        return np.memmap(file, dtype, "r+", shape=shape)


def fits(size: int, device: torch.device) -> bool:
    """Whether `size` bytes may be kept on a device during training; always true for a CPU."""
    if device.type != "cuda":
        return True
    free, _ = torch.cuda.mem_get_info(device)
    return size <= DEVICE_SHARE * free


def movable(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """A tensor in a type that a device has: Apple's GPUs have no uint16, which becomes int32."""
    if device.type == "mps" and tensor.dtype == torch.uint16:
        return tensor.to(torch.int32)
    return tensor
