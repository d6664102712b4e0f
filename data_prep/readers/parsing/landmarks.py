"""Landmarks by face from a CSV, COCO, labelme, dlib or `.pts` file.

Each `from_...` function takes a file, the landmark scheme (None to infer it) and the coordinate of
the first pixel's centre, and yields the landmarks of a face or the error of an invalid entry.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.errors import Unlabelled
from data_prep.readers.parsing import coco, dlib_xml
from data_prep.readers.parsing.foreign import foreign_json
from data_prep.readers.parsing.point_names import places
from mlcmkd.data.landmark_files import read_landmarks
from mlcmkd.data.pts import read_pts
from mlcmkd.schemes import SCHEMES, Scheme, get_scheme, scheme_of_count
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.texts import declared_size, number, read_csv, read_json_value, read_text

# Types of labelme's shapes of many points, which have one label together.
_OUTLINES = ("linestrip", "polygon", "points")


@dataclass(frozen=True)
class Marks:
    """The landmarks of one face in an annotation file.

    Attributes:
        image: name of the image in the file.
        points: (N, 2), in the file's own pixel coordinates and order; NaN where a point is not
            labelled.
        where: file and row, for error messages.
        visible: (N,) bool, or None.
        box: (x0, y0, x1, y1), or None.
        names: names of the points, which decide their order (`point_names.places`), or None.
        size: (width, height) of the image in the file, or None.
    """

    image: str
    points: np.ndarray
    where: str
    visible: np.ndarray | None = None
    box: tuple[float, float, float, float] | None = None
    names: tuple[str, ...] | None = None
    size: tuple[int, int] | None = None


def in_scheme_order(
    marks: Marks, declared: str | None
) -> tuple[Scheme, np.ndarray, np.ndarray | None]:
    """Return the scheme, and the points and flags in its order, by the points' names if they have any.

    Args:
        marks: N points.
        declared: name of the scheme; None to infer it from N.

    Returns:
        The scheme of K points; (K, 2), NaN where a point is not labelled; (K,) bool or None.

    Raises:
        Unlabelled: no point is labelled.
        InputError: no scheme has this number of points, or the names do not fit the scheme.
    """
    if np.isnan(marks.points).all():
        raise Unlabelled(f"{marks.where}: no point is labelled")
    count = len(marks.points)
    scheme = get_scheme(declared) if declared else scheme_of_count(count)
    order = places(marks.names, scheme, marks.where) if scheme and marks.names else None
    if order is not None:
        points = np.full((scheme.points, 2), np.nan)
        points[order] = marks.points
        if marks.visible is None:
            return scheme, points, None
        visible = np.zeros(scheme.points, dtype=bool)
        visible[order] = marks.visible
        return scheme, points, visible
    if scheme is None or count != scheme.points:
        counts = sorted({other.points for other in SCHEMES.values()})
        expected = scheme.points if scheme else f"one of {counts}"
        raise InputError(
            f"{marks.where}: {count} points, expected {expected}; label them all, or name the scheme "
            "in dataset.yaml"
        )
    return scheme, marks.points, marks.visible


def from_csv(path: Path, scheme: str | None, first_pixel: int) -> Iterator[Marks | InputError]:
    scheme = scheme or _scheme_of_header(path)
    bad: list[InputError] = []
    table = read_landmarks(path, scheme, bad=bad, several=True)
    yield from bad
    for name, points in table.faces.items():
        yield Marks(*table.images[name], points, f"{path}, image '{name}'")


def _scheme_of_header(path: Path) -> str:
    """Infer the scheme of a wide table from its columns; a long table names its scheme itself."""
    # Of an odd number one is too many, and is named when the table is read.
    scheme = scheme_of_count((len(read_csv(path)[0]) - 1) // 2)
    return scheme.name if scheme else next(iter(SCHEMES))


def from_pts(path: Path, scheme: str | None, first_pixel: int) -> Iterator[Marks]:
    count = get_scheme(scheme).points if scheme else _count_pts(path)
    # `read_pts` returns 0-based pixels whatever `first_pixel` is; the caller subtracts that again.
    points = read_pts(path, count, missing=True) + first_pixel
    yield Marks(path.stem, points, str(path))


def _count_pts(path: Path) -> int:
    rows = [line.split() for line in read_text(path).splitlines()]
    return sum(len(row) == 2 and not row[0].endswith(":") for row in rows)


def from_json(path: Path, scheme: str | None, first_pixel: int) -> Iterator[Marks | InputError]:
    table = read_json_value(path)
    if kind := foreign_json(table):
        raise InputError(f"{path}: {kind}")
    if isinstance(table, dict) and "shapes" in table:
        yield from _labelme(path, table, scheme)
        return
    for face in coco.faces(path):
        if isinstance(face, InputError):
            yield face
        else:
            yield Marks(
                face.image,
                face.points,
                face.where,
                face.visible,
                face.box,
                face.names,
                face.size,
            )


def _labelme(path: Path, table: dict[str, Any], scheme: str | None) -> Iterator[Marks | InputError]:
    """Parse a labelme file: one shape per point, labelled by the point's number or name.

    Shapes of one `group_id` are one face. Of several rectangles none is the box.
    """
    faces: dict[Any, list[tuple[str, float, float]]] = {}
    boxes: dict[Any, tuple[float, ...] | None] = {}
    outline = ""
    shapes = table["shapes"] if isinstance(table["shapes"], list) else []
    for n, shape in enumerate(shapes):
        where = f"{path}, shape {n}"
        corners = shape.get("points") if isinstance(shape, dict) else None
        if not isinstance(corners, list) or not all(
            isinstance(corner, list) and len(corner) == 2 for corner in corners
        ):
            raise InputError(f"{where}: no list of points (x, y); correct the shape")
        values = [(number(str(x), where), number(str(y), where)) for x, y in corners]
        group = str(shape.get("group_id"))
        if len(values) == 1:
            faces.setdefault(group, []).append((str(shape.get("label", "")), *values[0]))
        elif shape.get("shape_type") == "rectangle" and len(values) in (2, 4):  # corners
            low, high = np.min(values, axis=0), np.max(values, axis=0)
            boxes[group] = None if group in boxes else (*low.tolist(), *high.tolist())
        elif len(values) > 2 and shape.get("shape_type") in _OUTLINES:
            kind = shape["shape_type"]
            outline = outline or f"{where}: {len(values)} points in one {kind} shape"
    if not faces and outline:
        raise InputError(
            f"{outline}; make each landmark a shape of type 'point' with its own label"
        )
    if not faces:
        yield Unlabelled(f"{path}: no shape is a point")
    image = table.get("imagePath")
    only_box = next(iter(boxes.values())) if len(boxes) == len(faces) == 1 else None
    for group, marks in faces.items():
        names = tuple(label for label, *_ in marks)
        where = str(path) if len(faces) == 1 else f"{path}, group_id {group[:40]}"
        if (several := _faces_in(names, scheme)) > 1:
            how = "without group_id" if group == "None" else "with one group_id"
            yield InputError(
                f"{where}: {len(names)} points, as of {several} faces, {how}; give the shapes of each "
                "face a group_id of their own, or write a file for each face"
            )
            continue
        yield Marks(
            image if isinstance(image, str) and image else path.stem,
            np.array([mark[1:] for mark in marks]).reshape(-1, 2),
            where,
            box=boxes.get(group, only_box),
            names=names,
            size=declared_size(table.get("imageWidth"), table.get("imageHeight")),
        )


def _faces_in(labels: Sequence[str], scheme: str | None) -> int:
    """Return how many faces the points of a group seem to belong to.

    Most labels of several faces occur as often as there are faces. If all points have one label, their
    number is a multiple of a scheme's.
    """
    counts = Counter(labels)
    if len(counts) > 1:
        times, number = Counter(counts.values()).most_common(1)[0]
        return times if 2 * number > len(counts) else 1
    if scheme is None and scheme_of_count(len(labels)):
        return 1
    schemes = SCHEMES.values() if scheme is None else [get_scheme(scheme)]
    return min((len(labels) // s.points for s in schemes if len(labels) % s.points == 0), default=1)


def from_xml(path: Path, scheme: str | None, first_pixel: int) -> Iterator[Marks | InputError]:
    for box in dlib_xml.boxes(path):
        if isinstance(box, InputError):
            yield box
            continue
        points = np.array([part[1:] for part in box.parts]).reshape(-1, 2)
        names = tuple(part[0] for part in box.parts)
        yield Marks(box.image, points, box.where, box=box.box, names=names, size=box.size)
