"""Suffixes of the files that are read, and of related files that are not, in lower case."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

# Where several files differ only in their suffix, the first one of this order is the image.
PICTURE_SUFFIXES = (
    ".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".pgm", ".ppm", ".pnm", ".jfif",
)  # fmt: skip
IMAGE_SUFFIXES = (*PICTURE_SUFFIXES, ".npy")
VIDEO_SUFFIXES = (".mp4", ".avi", ".mkv", ".mov", ".m4v", ".webm", ".mpg", ".mpeg", ".wmv")
# Images and recordings that no function of this package reads.
UNREAD_SUFFIXES = (
    ".seq", ".csq", ".fff", ".ptw", ".sfmov", ".ats", ".is2", ".irb", ".raw", ".dng", ".gif", ".heic",
    ".heif", ".avif", ".jp2", ".j2k", ".jxl", ".exr", ".hdr", ".img", ".dcm",
)  # fmt: skip
_RECORDINGS = (".seq", ".csq", ".fff", ".ptw", ".sfmov", ".ats", ".is2", ".irb")


def unread_summary(files: Iterable[Path]) -> str:
    """Describe files that are not read: their number by suffix, and how to convert them.

    Returns:
        For example "3 files are not read (2 .seq, 1 .gif); ..."; empty without a file.
    """
    counts = Counter(path.suffix.lower() or "without a suffix" for path in files)
    if not counts:
        return ""
    total = sum(counts.values())
    kinds = ", ".join(f"{count} {suffix}" for suffix, count in counts.most_common())
    fix = "save images as PNG or TIFF, temperatures as .npy"
    if any(suffix in counts for suffix in _RECORDINGS):
        fix = "export recordings as TIFF or .npy with the camera's software"
    verb = "files are" if total > 1 else "file is"
    return f"{total} other {verb} not read ({kinds}); {fix} to use them"
