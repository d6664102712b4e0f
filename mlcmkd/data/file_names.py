"""Compare the names of images in tables with the paths of files.

Tables come from other machines: with folders of their own, separators and case of Windows, other
suffixes. A name refers to a file if the last parts agree; folders decide between several.
"""

import unicodedata
from collections.abc import Sequence
from pathlib import PurePosixPath


def folded(name: str) -> str:
    """Return a name as it is compared: in lower case, and an accented letter as one character.

    Macs write `é` as two characters, other systems and most tables as one.
    """
    return unicodedata.normalize("NFC", name).lower()


def path_parts(name: str) -> tuple[str, ...]:
    """Return the folded parts of a path, whose separators may be those of Windows."""
    return PurePosixPath(folded(name.replace("\\", "/"))).parts


def same_spelling(paths: Sequence[PurePosixPath], name: str) -> Sequence[PurePosixPath]:
    """Select from paths that fit a name equally well the one that is written like it.

    Returns:
        That path, whose case and, if the name has one, suffix agree; all paths without such a one.
    """
    parts = PurePosixPath(name.replace("\\", "/")).parts

    def agrees(path: PurePosixPath) -> bool:
        count = min(len(parts), len(path.parts))
        ends = (path.parts[-count:], path.with_suffix("").parts[-count:])
        return parts[-count:] in ends

    exact = [path for path in paths if agrees(path)]
    return exact if len(exact) == 1 else paths


def trailing_folders(one: tuple[str, ...], other: tuple[str, ...]) -> int | None:
    """Count the trailing folders that two paths have in common.

    Args:
        one, other: parts of the folders, without the file's name.

    Returns:
        None if both have folders and the last ones differ: `anna/001.jpg` is not `ben/001.jpg`.
    """
    count = 0
    for folder, candidate in zip(reversed(one), reversed(other), strict=False):
        if folder != candidate:
            break
        count += 1
    return None if one and other and not count else count
