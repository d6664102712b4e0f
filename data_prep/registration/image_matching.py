"""Which image of one folder belongs to which of another: by name, or by time."""

from collections.abc import Mapping
from pathlib import Path

from tqdm.auto import tqdm

from data_prep.readers.base import fail, walk
from data_prep.registration import estimate_offset, match_times, motion
from data_prep.registration.input_files import IMAGE_SUFFIXES, read_times
from mlcmkd.data.images import read_image
from mlcmkd.utils.errors import InputError


def images_below(folder: Path) -> dict[str, Path]:
    """All images below a folder by their paths without suffix, sorted."""
    found: dict[str, Path] = {}
    for path in walk(folder, fail):
        if path.suffix.lower() not in IMAGE_SUFFIXES:
            continue
        name = path.relative_to(folder).with_suffix("").as_posix()
        if name in found:
            raise InputError(f"{path}: {found[name].name} has the same name; remove one of the two")
        found[name] = path
    if not found:
        raise InputError(f"{folder}: no image in it")
    return found


Side = tuple[Path, Mapping[str, Path], Path | None]  # folder, its images, file of time stamps


def partners(
    rgb: Side, thermal: Side, tolerance: float, offset: float | None, progress: bool
) -> tuple[list[tuple[str, str, float | None]], float | None]:
    """(RGB name, thermal name, seconds apart) of every pair, and the offset that was used."""
    if (rgb[2] is None) != (thermal[2] is None):
        raise InputError("time stamps of one camera only; give both or neither")
    if rgb[2] is None:
        return [(name, name, None) for name in thermal[1] if name in rgb[1]], None
    times = []
    for folder, images, path in (rgb, thermal):
        read = read_times(path, folder, images)
        times.append(dict(sorted(read.items(), key=lambda pair: pair[1])))
    if offset is None:
        courses = [
            (list(stamps.values()), _motions([side[1][name] for name in stamps], progress))
            for side, stamps in zip((rgb, thermal), times, strict=True)
        ]
        offset = estimate_offset(*courses[0], *courses[1])
    names = [list(stamps) for stamps in times]
    matches = match_times(*(list(stamps.values()) for stamps in times), tolerance, offset)
    return [(names[0][m.rgb], names[1][m.thermal], m.apart) for m in matches], offset


def _motions(paths: list[Path], progress: bool) -> list[float]:
    """How much every image differs from the one before it."""
    courses, before = [], None
    for path in tqdm(paths, desc="motion", unit="image", disable=not progress):
        change, before = motion(read_image(path), before)
        courses.append(change)
    return courses
