"""Landmarks by image from a CSV, COCO, labelme, dlib or `.pts` file.

Each `from_...` function takes a file, the landmark scheme (None to infer it) and the coordinate of
the first pixel's centre, and yields the landmarks of an image or the error of an invalid entry.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.readers.parsing import coco, dlib_xml
from mlcmkd.data.landmark_files import read_landmarks
from mlcmkd.data.pts import read_pts
from mlcmkd.schemes import SCHEMES, get_scheme, scheme_of_count
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.texts import MAX_TABLE_BYTES, number, read_json, read_text


@dataclass(frozen=True)
class Marks:
    """The landmarks of one image in an annotation file.

    Attributes:
        image: name of the image in the file.
        points: (K, 2), in the file's own pixel coordinates.
        where: file and row, for error messages.
        visible: (K,) bool, or None.
        box: (x0, y0, x1, y1), or None.
        names: names of the points, or None.
    """

    image: str
    points: np.ndarray
    where: str
    visible: np.ndarray | None = None
    box: tuple[float, float, float, float] | None = None
    names: tuple[str, ...] | None = None


def from_csv(path: Path, scheme: str | None, first_pixel: int) -> Iterator[Marks | InputError]:
    scheme = scheme or _scheme_of_header(path)
    bad: list[InputError] = []
    faces = read_landmarks(path, scheme, bad=bad).faces
    yield from bad
    for name, points in faces.items():
        where = f"{path}, image '{name}'"
        if np.isnan(points).any():
            missing = int(np.argmax(np.isnan(points).any(axis=1)))
            yield InputError(f"{where}: point {missing} is missing; label it, or remove the row")
        else:
            yield Marks(name, points, where)


def _scheme_of_header(path: Path) -> str:
    """Infer the scheme of a wide table from its columns; a long table names its scheme itself."""
    columns = read_text(path, MAX_TABLE_BYTES).split("\n", 1)[0].count(",")
    scheme = scheme_of_count(columns // 2) if columns % 2 == 0 else None
    return scheme.name if scheme else next(iter(SCHEMES))


def from_pts(path: Path, scheme: str | None, first_pixel: int) -> Iterator[Marks]:
    count = get_scheme(scheme).points if scheme else _count_pts(path)
    # `read_pts` returns 0-based pixels whatever `first_pixel` is; the caller subtracts that again.
    points = read_pts(path, count) + first_pixel
    yield Marks(path.stem, points, str(path))


def _count_pts(path: Path) -> int:
    rows = [line.split() for line in read_text(path).splitlines()]
    return sum(len(row) == 2 and not row[0].endswith(":") for row in rows)


def from_json(path: Path, scheme: str | None, first_pixel: int) -> Iterator[Marks | InputError]:
    table = read_json(path)
    if "shapes" in table:
        yield _labelme(path, table)
        return
    for face in coco.faces(path):
        if isinstance(face, InputError):
            yield face
        else:
            yield Marks(face.image, face.points, face.where, face.visible, face.box)


def _labelme(path: Path, table: dict[str, Any]) -> Marks:
    """Parse a labelme file: one shape per point, labelled by the point's number or name."""
    marks: list[tuple[str, float, float]] = []
    box = None
    shapes = table["shapes"] if isinstance(table["shapes"], list) else []
    for n, shape in enumerate(shapes):
        where = f"{path}, shape {n}"
        corners = shape.get("points") if isinstance(shape, dict) else None
        if not isinstance(corners, list) or not all(
            isinstance(corner, list) and len(corner) == 2 for corner in corners
        ):
            raise InputError(f"{where}: no list of points (x, y); remove the shape")
        values = [(number(str(x), where), number(str(y), where)) for x, y in corners]
        if len(values) == 1:
            marks.append((str(shape.get("label", "")), *values[0]))
        elif len(values) == 2 and shape.get("shape_type") == "rectangle":
            low, high = np.min(values, axis=0), np.max(values, axis=0)
            box = (*low.tolist(), *high.tolist())
    if all(label.isdecimal() for label, *_ in marks):
        marks.sort(key=lambda mark: int(mark[0]))
    image = table.get("imagePath")
    return Marks(
        image if isinstance(image, str) and image else path.stem,
        np.array([mark[1:] for mark in marks]).reshape(-1, 2),
        str(path),
        box=box,
        names=tuple(label for label, *_ in marks),
    )


def from_xml(path: Path, scheme: str | None, first_pixel: int) -> Iterator[Marks | InputError]:
    for box in dlib_xml.boxes(path):
        if isinstance(box, InputError):
            yield box
            continue
        points = np.array([part[1:] for part in box.parts]).reshape(-1, 2)
        names = tuple(part[0] for part in box.parts)
        yield Marks(box.image, points, box.where, box=box.box, names=names)
