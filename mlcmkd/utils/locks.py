"""A lock between processes that is released when its holder ends, also if it is killed."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mlcmkd.utils.errors import InputError

try:
    import fcntl
except ImportError:  # Windows: there is no lock, so two processes must not write to the same folder
    fcntl = None  # type: ignore[assignment]

# Errors of file systems without locks, such as Lustre without `flock`, or NFS without lock service.
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL, errno.EBADF}


@contextmanager
def file_lock(path: Path, busy: str | None = None) -> Iterator[None]:
    """Lock a file or folder for this process, by `.NAME.lock` beside it.

    The system releases the lock when the process ends, also if it is killed. The lock's file is kept:
    deleting it could break the lock of another process that is waiting for it. On a file system without
    locks nothing is locked, and a line on stderr reports this.

    Args:
        path: the file or folder to lock.
        busy: error message if another process holds the lock; None to report this on stderr and wait.

    Raises:
        InputError: another process holds it, and `busy` is given; or the lock belongs to another user
            and may not be read.
    """
    place = path.resolve()
    place.parent.mkdir(parents=True, exist_ok=True)
    handle = _open_lock(place)
    try:
        if fcntl is not None:
            _lock(handle, path, busy)
        yield
    finally:
        os.close(handle)


def _lock(handle: int, path: Path, busy: str | None) -> None:
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if busy:
                raise InputError(f"{path}: {busy}") from None
            _say(f"{path}: another command is writing it; waiting for its end")
            fcntl.flock(handle, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        _say(
            f"{path}: its file system has no locks ({error.strerror}); do not let two commands "
            "write it at the same time"
        )


def _open_lock(path: Path) -> int:
    """The file of a lock: beside `path`, or inside it if only the folder itself can be written."""
    beside = path.parent / f".{path.name}.lock"
    try:
        return _open(beside)
    except OSError as error:
        writable = path.is_dir() and os.access(path, os.W_OK)
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS) or not writable:
            raise
        return _open(path / ".lock")


def _open(lock: Path) -> int:
    try:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT)
    except PermissionError:
        if not lock.exists():
            raise
        return _open_of_another_user(lock)
    with suppress(OSError, AttributeError):  # not ours, or a system without modes
        os.fchmod(handle, 0o666)  # everyone who may write in the folder may lock it
    return handle


def _open_of_another_user(lock: Path) -> int:
    """A lock that may only be read, which is enough to lock it."""
    try:
        return os.open(lock, os.O_RDONLY)
    except PermissionError:
        raise InputError(
            f"{lock}: the lock of another user, which you may not read; choose another folder, or let "
            "its owner run chmod a+rw on it"
        ) from None


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
