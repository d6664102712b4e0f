"""FaceSynthetics, and T-FAKE's thermal images of the same heads: 70 points in `<id>_ldmks.txt`."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

import numpy as np

from data_prep.readers.base import Annotation, OnBad, already_reported, fail, reader, walk
from data_prep.readers.image_index import ImageIndex
from mlcmkd.data.thermal.radiometry import Radiometry
from mlcmkd.schemes import IBUG70
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.texts import number, read_text

_POINTS = "_ldmks.txt"
_THERMAL = re.compile(r"^(\d+)_thermal", re.IGNORECASE)
_CONDITIONS = ("warm", "cold")
# The authors state a range of 20 to 40 degrees C and divide the counts by 65,535.
T_FAKE = Radiometry(kind="counts", low=20.0, high=40.0, gain=20 / 65535, offset=20.0)


@reader("face_synthetics")
def read(source: Path, on_bad: OnBad = fail) -> Iterator[Annotation]:
    """FaceSynthetics' photos `<id>.png` with `<id>_ldmks.txt` beside: 70 points, one face per head.

    Raises:
        InputError: through `on_bad`, an invalid file of points, or a missing photo.
    """
    for path, points in _heads(source, walk(source, on_bad), on_bad):
        photo = path.with_name(f"{_id(path)}.png")
        if photo.is_file():
            yield _annotation(source, path, points, rgb_path=photo)
        else:
            on_bad(path.name, InputError(f"{path}: no {photo.name} beside it; add it"))


@reader("t_fake")
def read_t_fake(source: Path, on_bad: OnBad = fail) -> Iterator[Annotation]:
    """T-FAKE's `<id>_thermal.png` (warm, cold or both) with FaceSynthetics' points and photos.

    The thermal images may be anywhere below the source; a folder with "warm" or "cold" in its name
    gives the condition. A head with both conditions is two rows of one subject.

    Raises:
        InputError: through `on_bad`, an invalid file of points.
    """
    thermal: defaultdict[str, list[PurePosixPath]] = defaultdict(list)
    for below in ImageIndex(source, on_bad):
        if named := _THERMAL.match(below.name):
            thermal[named[1]].append(below)
    for path, points in _heads(source, walk(source, already_reported), on_bad):
        photo = path.with_name(f"{_id(path)}.png")
        for below in thermal[_id(path)]:
            folder = below.parent.as_posix().lower()
            condition = next((word for word in _CONDITIONS if word in folder), None)
            yield _annotation(
                source,
                path,
                points,
                condition=condition,
                rgb_path=photo if photo.is_file() else None,
                thermal_path=source / below,
                radiometry=T_FAKE,
                facts={"condition": condition} if condition else None,
                assumed="pixels begin at 0; counts 0 to 65535 are 20 to 40 degrees C",
            )


def _heads(source: Path, paths: Iterable[Path], on_bad: OnBad) -> Iterator[tuple[Path, np.ndarray]]:
    for path in paths:
        if path.name.endswith(_POINTS):
            try:
                yield path, _read_points(path)
            except InputError as error:
                on_bad(path.relative_to(source).as_posix(), error)


def _id(path: Path) -> str:
    return path.name.removesuffix(_POINTS)


def _annotation(
    source: Path, path: Path, points: np.ndarray, condition: str | None = None, **fields
) -> Annotation:
    head = path.with_name(_id(path)).relative_to(source).as_posix()
    return Annotation(
        id=f"{head}/{condition}" if condition else head,
        subject=head,
        scheme=IBUG70.name,
        landmarks=points,
        labels="rendered",
        **{"assumed": "pixels begin at 0", **fields},
    )


def _read_points(path: Path) -> np.ndarray:
    """Read the points, (70, 2) pixels."""
    points = []
    for n, line in enumerate(read_text(path).splitlines(), start=1):
        where, tokens = f"{path}, line {n}", line.split()
        if len(tokens) not in (0, 2):
            raise InputError(f"{where}: '{line.strip()[:40]}' is not a point `x y`; correct it")
        if tokens:
            points.append([number(token, where) for token in tokens])
    if len(points) != IBUG70.points:
        raise InputError(
            f"{path}: {len(points)} points instead of {IBUG70.points}; "
            "download the file again, or leave it out (--skip-bad)"
        )
    return np.array(points)
