"""Landmarks of single images from a CSV, COCO, labelme, dlib or `.pts` file."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.readers.parsing import coco, dlib_xml
from mlcmkd.data.landmark_files import read_landmarks
from mlcmkd.data.pts import read_pts
from mlcmkd.schemes import SCHEMES, get_scheme
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.texts import MAX_TABLE_BYTES, number, read_json, read_text


@dataclass(frozen=True)
class Marks:
    """The landmarks of one image, as an annotation file gives them.

    Attributes:
        image: the name that the file gives.
        points: (K, 2).
        where: file and row, for errors.
        visible: (K,) bool, or None.
        box: two corners, or None.
        names: of the points, where the file names them.
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
    """The scheme a wide table's number of columns says; any for a long one, which names its own."""
    columns = read_text(path, MAX_TABLE_BYTES).split("\n", 1)[0].count(",")
    by_columns = {2 * scheme.points: scheme.name for scheme in SCHEMES.values()}
    return by_columns.get(columns, next(iter(SCHEMES)))


def from_pts(path: Path, scheme: str | None, first_pixel: int) -> Iterator[Marks]:
    count = get_scheme(scheme).points if scheme else _count_pts(path)
    # `read_pts` has taken off the 1 of the format; the description's first pixel is not asked.
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
    """labelme: a shape a point, its label the point's number or name."""
    marks: list[tuple[str, float, float]] = []
    box = None
    shapes = table["shapes"] if isinstance(table["shapes"], list) else []
    for n, shape in enumerate(shapes):
        where = f"{path}, shape {n}"
        corners = shape.get("points") if isinstance(shape, dict) else None
        if not isinstance(corners, list) or not all(
            isinstance(corner, list) and len(corner) == 2 for corner in corners
        ):
            raise InputError(f"{where}: no points (x, y); remove it")
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
