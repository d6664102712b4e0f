"""Compare the names of images in tables with the paths of files.

Tables come from other machines: with folders of their own, separators and case of Windows, other
suffixes. A name refers to a file if the last parts agree; folders decide between several.
"""

from pathlib import PurePosixPath


def path_parts(name: str) -> tuple[str, ...]:
    """Return the parts of a path in lower case, whose separators may be those of Windows."""
    return PurePosixPath(name.replace("\\", "/").lower()).parts


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
