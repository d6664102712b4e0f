"""Find which images of two folders belong together: by name, or by time."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from data_prep.readers.base import fail, walk
from data_prep.registration import estimate_offset, match_times, motion
from data_prep.registration.input_files import IMAGE_SUFFIXES, read_times
from mlcmkd.data.images import read_image
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.progress import tqdm


def images_below(folder: Path) -> dict[str, Path]:
    """Return all images below a folder, keyed by relative path without suffix, sorted.

    Raises:
        InputError: no folder, no image, or two images that differ only in their suffix.
    """
    images: dict[str, Path] = {}
    for path in walk(folder, fail):
        if path.suffix.lower() not in IMAGE_SUFFIXES:
            continue
        name = path.relative_to(folder).with_suffix("").as_posix()
        if name in images:
            raise InputError(
                f"{path}: {images[name].name} has the same name; remove one of the two"
            )
        images[name] = path
    if not images:
        raise InputError(f"{folder}: no image in it; give another folder")
    return images


class Stream(NamedTuple):
    """The images of one camera.

    Attributes:
        folder: where they are.
        images: relative path without suffix -> image.
        times: file of time stamps, or None.
    """

    folder: Path
    images: Mapping[str, Path]
    times: Path | None


def match_images(
    rgb: Stream, thermal: Stream, tolerance: float, offset: float | None, progress: bool
) -> tuple[list[tuple[str, str, float | None]], float | None]:
    """Match the images of two cameras, by time if there are time stamps, otherwise by name.

    Args:
        tolerance: largest time difference of a pair, seconds.
        offset: seconds to add to the RGB clock; None to estimate it from the motion in both streams.

    Returns:
        (RGB name, thermal name, time difference in seconds or None) of every pair, and the offset
        that was used, None when matching by name.

    Raises:
        InputError: time stamps of one camera only, or unusable ones.
    """
    if (rgb.times is None) != (thermal.times is None):
        raise InputError("time stamps of one camera only; give both or neither")
    if rgb.times is None:
        return [(name, name, None) for name in thermal.images if name in rgb.images], None
    times = []
    for stream in (rgb, thermal):
        stamps = read_times(stream.times, stream.folder, stream.images)
        times.append(dict(sorted(stamps.items(), key=lambda pair: pair[1])))
    if offset is None:
        motions = [
            (list(stamps.values()), _motions([stream.images[name] for name in stamps], progress))
            for stream, stamps in zip((rgb, thermal), times, strict=True)
        ]
        offset = estimate_offset(*motions[0], *motions[1])
    names = [list(stamps) for stamps in times]
    matches = match_times(*(list(stamps.values()) for stamps in times), tolerance, offset)
    return [(names[0][m.rgb], names[1][m.thermal], m.seconds_apart) for m in matches], offset


def _motions(paths: list[Path], progress: bool) -> list[float]:
    """Return how much every image differs from the previous one."""
    changes, previous = [], None
    for path in tqdm(paths, desc="motion", unit="image", disable=not progress):
        change, previous = motion(read_image(path), previous)
        changes.append(change)
    return changes
