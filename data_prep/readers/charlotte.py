"""Charlotte-ThermalFace: 16-bit frames of ten people, 73 points of a face or 43 of a profile.

`S1.csv` to `S10.csv` have one row per frame: `ID,x0,y0,...,x72,y72` and the recording conditions. In
rows of a profile the last thirty points are blank.
"""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from data_prep.readers.base import Annotation, OnBad, already_reported, fail, reader, walk
from data_prep.readers.image_index import ImageIndex
from mlcmkd.data.thermal.radiometry import FACE_CENTIKELVIN
from mlcmkd.schemes import CHARLOTTE43, CHARLOTTE73, Scheme
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.texts import number, read_csv

_SUBJECT = re.compile(r"^S\d+", re.IGNORECASE)
_COORDINATES = [f"{axis}{n}" for n in range(CHARLOTTE73.points) for axis in "xy"]
_ASSUMED = (
    "pixels begin at 0; counts are hundredths of a kelvin; the order of the points was read off the "
    "first rows"
)


@reader("charlotte")
def read(source: Path, on_bad: OnBad = fail) -> Iterator[Annotation]:
    """Charlotte-ThermalFace's frames with all 73 points; recording conditions are kept as facts.

    Rows of a profile have another scheme; the format `charlotte_profiles` reads them. The file's
    name is the person; splits are assigned by `prepare`.

    Raises:
        InputError: through `on_bad`, an invalid table or row, or a missing frame.
    """
    return _read(source, on_bad, CHARLOTTE73)


@reader("charlotte_profiles")
def read_profiles(source: Path, on_bad: OnBad = fail) -> Iterator[Annotation]:
    """Charlotte-ThermalFace's frames with the 43 points of a profile.

    Raises:
        InputError: as `read`.
    """
    return _read(source, on_bad, CHARLOTTE43)


def _read(source: Path, on_bad: OnBad, scheme: Scheme) -> Iterator[Annotation]:
    images = ImageIndex(source, on_bad)
    for path in walk(source, already_reported):
        subject = _SUBJECT.match(path.stem)
        if path.suffix.lower() != ".csv" or not subject:
            continue
        name = path.relative_to(source).as_posix()
        try:
            header, body = read_csv(path)
            _check_header(path, header)
        except InputError as error:
            on_bad(name, error)
            continue
        for line, cells in body:
            try:
                row = dict(zip(header, map(str.strip, cells), strict=True))
                where = f"{path}, line {line}"
                annotation = _annotation(images, subject[0].upper(), row, where, scheme)
            except InputError as error:
                on_bad(f"{name}:{line}", error)
                continue
            if annotation is not None:
                yield annotation


def _annotation(
    images: ImageIndex, subject: str, row: dict[str, str], where: str, scheme: Scheme
) -> Annotation | None:
    """Return the row's face; None if it has the other scheme."""
    cells = [row[name] for name in _COORDINATES]
    given = next((n for n, cell in enumerate(cells) if not cell), len(cells))
    if any(cells[given:]) or given not in (2 * CHARLOTTE43.points, 2 * CHARLOTTE73.points):
        raise InputError(
            f"{where}: {sum(map(bool, cells))} coordinates, expected {2 * CHARLOTTE73.points}, or "
            f"the first {2 * CHARLOTTE43.points} for a profile; "
            "correct the row, or leave it out (--skip-bad)"
        )
    if given != 2 * scheme.points:
        return None
    points = np.array([number(cell, where) for cell in cells[:given]]).reshape(-1, 2)
    image = images.need(f"{subject}/{row['ID']}", where)
    facts = {name: _fact(value) for name, value in row.items() if name not in (*_COORDINATES, "ID")}
    return Annotation(
        id=f"{subject}/{row['ID']}",
        subject=subject,
        scheme=scheme.name,
        landmarks=points,
        thermal_path=image,
        labels="hand",
        radiometry=FACE_CENTIKELVIN,
        facts={name: value for name, value in facts.items() if value != ""} or None,
        assumed=_ASSUMED,
    )


def _check_header(path: Path, header: list[str]) -> None:
    missing = [name for name in ("ID", *_COORDINATES) if name not in header]
    if missing:
        raise InputError(f"{path}: no column '{missing[0]}'; download the table again")
    twice = [name for name, count in Counter(header).items() if count > 1]
    if twice:
        raise InputError(f"{path}: column '{twice[0]}' appears twice; download the table again")


def _fact(cell: str) -> str | float:
    try:
        return number(cell, "")
    except InputError:
        return cell
