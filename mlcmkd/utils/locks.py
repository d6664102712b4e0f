"""One process at a time: a lock that ends with its holder, however that ends."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlcmkd.utils.errors import InputError

try:
    import fcntl
except ImportError:  # Windows: two processes must not be given the same folder there
    fcntl = None  # type: ignore[assignment]


@contextmanager
def file_lock(path: Path, busy: str | None = None) -> Iterator[None]:
    """Holds `.NAME.lock` beside a file or folder, for this process alone.

    The system gives the lock back when its holder is gone, killed ones too. The lock's file stays: who
    removed it could take it from under another who waits for it.

    Args:
        path: what is locked.
        busy: what to say where another process holds it; None to wait until it is done.

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
