"""Memory of a process that computes the same sizes again and again."""

import ctypes
import os
import sys

# Parameters of mallopt, and the environment variables by which a user sets the same.
_TRIM, _MMAP = -1, -3
_SET_BY_USER = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_")
_LARGEST = 2**31 - 1  # mallopt takes a C int


def keep_freed_memory() -> bool:
    """Makes the process keep the memory that it frees, instead of returning it to the system.

    A training step frees its tensors, and the next one requests as much. By default the C library of
    Linux (glibc) returns large blocks at once, and the system clears each page of a new block: some
    percent of a step on a CPU (docs/performance/speed.md). The process then keeps the memory of its
    largest step until it ends.

    Nothing changes without glibc, or where the user has set `MALLOC_TRIM_THRESHOLD_` or
    `MALLOC_MMAP_THRESHOLD_`.

    Returns:
        Whether it was changed.
    """
    if not sys.platform.startswith("linux") or any(name in os.environ for name in _SET_BY_USER):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is None:
        return False
    # Of the threshold of mmap, older versions allow at most 32 MB.
    large = mallopt(_MMAP, _LARGEST) or mallopt(_MMAP, 2**25)
    return bool(large and mallopt(_TRIM, _LARGEST))
