"""Writing files atomically, and with the file's name in an error of the operating system."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def naming(path: Path | None) -> Iterator[None]:
    """Put `path` into an OSError of the block that names no file, such as that of a full disk.

    Args:
        path: the file or folder that the block writes; None if there is none.
    """
    try:
        yield
    except OSError as error:
        if error.filename is None and path is not None:
            error.filename = str(path)
        raise


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Write a file that is complete or unchanged.

    The block writes the yielded path, `path` with the suffix `.part`, which then replaces `path`. If the
    block fails, this partial file is removed.

    Args:
        path: the file to write; its folder exists.

    Raises:
        OSError: the file cannot be written; its `filename` is `path`.
    """
    part = path.with_name(path.name + ".part")
    try:
        yield part
        part.replace(path)
    except BaseException as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename in (None, str(part)):
            error.filename, error.filename2 = str(path), None
        raise
