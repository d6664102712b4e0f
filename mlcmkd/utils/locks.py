"""A lock between processes that is released when its holder ends, also if it is killed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlcmkd.utils.errors import InputError

try:
    import fcntl
except ImportError:  # Windows: there is no lock, so two processes must not write to the same folder
    fcntl = None  # type: ignore[assignment]


@contextmanager
def file_lock(path: Path, busy: str | None = None) -> Iterator[None]:
    """Lock a file or folder for this process, by `.NAME.lock` beside it.

    The system releases the lock when the process ends, also if it is killed. The lock's file is kept:
    deleting it could break the lock of another process that is waiting for it.

    Args:
        path: the file or folder to lock.
        busy: error message if another process holds the lock; None to wait for it.

    Raises:
        InputError: another process holds it, and `busy` is given.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path.parent / f".{path.name}.lock", os.O_RDWR | os.O_CREAT)
    try:
        if fcntl is not None:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | (fcntl.LOCK_NB if busy else 0))
            except BlockingIOError:
                raise InputError(f"{path}: {busy}") from None
        yield
    finally:
        os.close(handle)
