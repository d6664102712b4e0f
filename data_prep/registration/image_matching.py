"""Find which images of two folders belong together: by name, or by time."""

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from data_prep.readers.base import fail, walk
from data_prep.registration import estimate_offset, match_times, motion
from data_prep.registration.input_files import read_times
from mlcmkd.data.file_names import folded
from mlcmkd.data.images import IMAGE_SUFFIXES, read_image
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.progress import tqdm

_FLIR = re.compile(r"^(.*/|)IR_(\d+)$")


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
                f"{path}: {images[name].name} has the same name; keep one of the two in this folder"
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

    Names match if they are equal, in upper or lower case; or, if no name has an equal one, by the
    numbering of FLIR cameras.

    Args:
        tolerance: largest time difference of a pair, seconds.
        offset: seconds to add to the RGB clock; None to estimate it from the motion in both streams.

    Returns:
        (RGB name, thermal name, time difference in seconds or None) of every pair, and the offset
        that was used, None when matching by name.

    Raises:
        InputError: time stamps of one camera only, or unusable ones; or an unclear numbering.
    """
    if (rgb.times is None) != (thermal.times is None):
        raise InputError("time stamps of one camera only; give both or neither")
    if rgb.times is None:
        pairs = _same_names(rgb.images, thermal.images) or _flir_names(rgb.images, thermal.images)
        return [(*pair, None) for pair in pairs], None
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


def _same_names(rgb: Collection[str], thermal: Collection[str]) -> list[tuple[str, str]]:
    """Match equal names; where there is none, names that differ in upper and lower case only."""
    other_case: dict[str, list[str]] = {}
    for name in rgb:
        if name not in thermal:
            other_case.setdefault(folded(name), []).append(name)
    pairs = []
    for name in thermal:
        candidates = [name] if name in rgb else other_case.pop(folded(name), [])
        if len(candidates) == 1:
            pairs.append((candidates[0], name))
    return pairs


def _flir_names(rgb: Collection[str], thermal: Collection[str]) -> list[tuple[str, str]]:
    """Match the names of FLIR cameras, which number all files in turn: IR_0001 with photo DC_0002.

    Raises:
        InputError: a thermal image and a photo have one number, so they are not numbered in turn.
    """
    pairs = []
    for name in thermal:
        if named := _FLIR.match(name):
            folder, number = named.groups()
            if f"{folder}DC_{number}" in rgb:
                raise InputError(
                    f"'{name}' and '{folder}DC_{number}' have one number, but FLIR cameras number all "
                    "files in turn, so the photo of a thermal image is unknown; give the images of a "
                    "pair the same name, or give time stamps"
                )
            photo = f"{folder}DC_{int(number) + 1:0{len(number)}d}"
            if photo in rgb:
                pairs.append((photo, name))
    return pairs


def _motions(paths: list[Path], progress: bool) -> list[float]:
    """Return how much every image differs from the previous one."""
    changes, previous = [], None
    for path in tqdm(paths, desc="motion", unit="image", disable=not progress):
        change, previous = motion(read_image(path), previous)
        changes.append(change)
    return changes
