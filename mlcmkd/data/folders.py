"""Files below a folder; a folder that cannot be listed is an error, and not an empty one."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from mlcmkd.utils.errors import InputError

_OF_THE_SYSTEM = "lost+found"  # of file systems, readable by root alone


def walk_folders(
    root: Path, on_bad: Callable[[Path, InputError], None]
) -> Iterator[tuple[str, list[str], list[str]]]:
    """Yield what `os.walk` yields: a folder, the names of its folders, and of its files.

    Args:
        root: the folder; links are not followed.
        on_bad: called with a folder that cannot be listed, and the error. Hidden ones are left out.
    """

    def report(error: OSError) -> None:
        folder = Path(error.filename)
        if folder == root or not (folder.name == _OF_THE_SYSTEM or folder.name.startswith(".")):
            on_bad(
                folder,
                InputError(
                    f"{folder}: the folder cannot be read ({error.strerror}); change its permissions, "
                    "or move it away"
                ),
            )

    yield from os.walk(root, onerror=report)


def files_below(root: Path) -> list[Path]:
    """Return all files below a folder, and links to missing files, sorted.

    Raises:
        InputError: a folder cannot be listed.
    """
    return sorted(
        path
        for folder, _, files in walk_folders(root, _fail)
        for path in (Path(folder) / name for name in files)
        if path.is_file() or (path.is_symlink() and not path.exists())
    )


def _fail(folder: Path, error: InputError) -> None:
    raise error
