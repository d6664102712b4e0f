"""Recognise radiometric JPEGs: pictures of thermal cameras whose files also hold the temperatures.

The picture is read, 8-bit levels of a palette, and a notice says so. The temperatures have a size of
their own, often half of the picture's, so landmarks of the picture would not fit them.
"""

from collections.abc import Iterable
from pathlib import Path

from PIL import Image

_SUFFIXES = (".jpg", ".jpeg")
# Segments of a JPEG that hold thermal data: FLIR's own, and the parameters of DJI's.
_SEGMENTS = (("APP1", b"FLIR\0"), ("APP4", b"\xaa\x55\x12\x06"))


def holds_temperatures(path: Path) -> bool:
    """Whether a file is a JPEG with FLIR's or DJI's thermal data; False if it cannot be read."""
    if path.suffix.lower() not in _SUFFIXES or not path.is_file():
        return False
    try:
        with Image.open(path) as image:  # reads the header only
            segments = getattr(image, "applist", [])
    except (
        Exception
    ):  # Pillow raises many types of errors for damaged files; reading it reports them
        return False
    return any(
        name == marker and data.startswith(magic)
        for name, data in segments
        for marker, magic in _SEGMENTS
    )


def radiometric_notice(paths: Iterable[Path]) -> str:
    """One line about the radiometric JPEGs among thermal images; empty if there is none."""
    found = [path for path in paths if holds_temperatures(path)]
    if not found:
        return ""
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    return (
        f"notice: {found[0]}{more}: a radiometric JPEG, of which the picture is read (8-bit levels), "
        "not the temperatures; to use those, export them as TIFF or .npy in degrees C"
    )
