"""Mutations of the points in annotation files: their order, names, coordinates, and declared sizes."""

import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.data_prep.sources import HEIGHT, WIDTH
from tests.mutations.texts import is_json, text_mutation

Point = tuple[str, ...]  # x, y, and a flag where the file has one

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?![\w.])"
# What may be between two numbers of one face, in any of the formats.
_BETWEEN = (
    r'(?:\]\][^\[\]]*\[\[|[\s,;\[\]]+|"\s*y="|"[^"<]*<part name="[^"]*" x=")'  # JSON, text, XML
)
_FACE = re.compile(rf"{_NUMBER}(?:{_BETWEEN}{_NUMBER}){{9,}}")
_STEP = re.compile(rf"({_NUMBER})({_BETWEEN})?")
_FLAGS = {"0", "1", "2", "0.0", "1.0", "2.0"}
_PART = re.compile(r'<part name="([^"]*)"')
_POINT_NAMES = (_PART, re.compile(r'"label": "([^"]*)"'), re.compile(r'"(p\d+)"'))
_FACE_OF_PARTS = re.compile(r"(?:<part [^>]*/>)+")
_DECLARED = re.compile(r'(<image width="|"(?:imageWidth|width)": )(\d+)')


def _change_faces(
    text: str,
    rng: np.random.Generator,
    change: Callable[[list[Point]], list[Point]],
    every: bool = False,
) -> str:
    """Change the points of one face of a file, or of all of them: by chance, or of `every` one."""
    faces = list(_FACE.finditer(text))
    every = every or rng.random() < 0.5
    chosen = faces if every else faces[rng.integers(len(faces) or 1) :][:1]
    for face in reversed(chosen):
        steps = _STEP.findall(face[0])
        values = [value for value, _ in steps]
        width = 3 if _has_flags(values) else 2
        start = len(values) % width  # what is before the points, such as a box
        points = [tuple(values[n : n + width]) for n in range(start, len(values), width)]
        values[start:] = [value for point in change(points) for value in point]
        between = [separator for _, separator in steps]
        joined = "".join(
            value + separator for value, separator in zip(values, between, strict=True)
        )
        text = text[: face.start()] + joined + text[face.end() :]
    return text


def _has_flags(values: list[str]) -> bool:
    return set(values[-1:-13:-3]) <= _FLAGS


@text_mutation("same")
def points_in_another_order_with_their_names(text: str, rng: np.random.Generator) -> str | None:
    if is_json(text):
        return _in_another_order(text, rng)
    box = _FACE_OF_PARTS.search(text)
    if box is None:
        return None
    parts = re.findall(r"<part [^>]*/>", box[0])
    shuffled = "".join(parts[n] for n in rng.permutation(len(parts)))
    return text[: box.start()] + shuffled + text[box.end() :]


def _in_another_order(text: str, rng: np.random.Generator) -> str | None:
    """Permute the shapes of labelme, or the named points of COCO."""
    table = _table(text)
    shapes = table.get("shapes", [])
    if "0" in [shape.get("label") for shape in shapes]:
        table["shapes"] = [shapes[n] for n in rng.permutation(len(shapes))]
        return json.dumps(table)
    category = next(iter(table.get("categories", [])), {})
    if "keypoints" not in category:
        return None
    order = rng.permutation(len(category["keypoints"])).tolist()
    category["keypoints"] = [category["keypoints"][n] for n in order]
    for face in table["annotations"]:
        marks = face["keypoints"]
        face["keypoints"] = [mark for n in order for mark in marks[3 * n : 3 * n + 3]]
    return json.dumps(table)


def _table(text: str) -> dict[str, Any]:
    """The object of a JSON file; an empty one for other files."""
    try:
        table = json.loads(text.removeprefix("\ufeff"))
    except ValueError:
        return {}
    return table if isinstance(table, dict) else {}


@text_mutation()
def names_of_points_exchanged(text: str, rng: np.random.Generator) -> str | None:
    for pattern in _POINT_NAMES:
        names = list(pattern.finditer(text))
        if len(names) > 2:
            a, b = (names[n] for n in sorted(rng.choice(len(names), 2, replace=False)))
            between = text[a.end(1) : b.start(1)]
            return text[: a.start(1)] + b[1] + between + a[1] + text[b.end(1) :]
    return None


@text_mutation()
def names_of_points_removed(text: str, rng: np.random.Generator) -> str | None:
    text, count = re.subn(r'<part name="[^"]*"', "<part", text)
    text, more = re.subn(r'"label": "(?!face)[^"]*"', '"label": ""', text)
    return text if count + more else None


@text_mutation("refused")
def name_of_a_point_unknown(text: str, rng: np.random.Generator) -> str | None:
    names = list(_PART.finditer(text))
    if not names:
        return None
    name = names[rng.integers(len(names))]
    return text[: name.start(1)] + "left_ear" + text[name.end(1) :]


@text_mutation()
def x_and_y_exchanged(text: str, rng: np.random.Generator) -> str:
    return _change_faces(text, rng, lambda points: [(p[1], p[0], *p[2:]) for p in points])


@text_mutation("refused")
def coordinates_as_shares(text: str, rng: np.random.Generator) -> str:
    def share(point: Point) -> Point:
        x, y, *flag = point
        return (f"{float(x) / WIDTH:.5f}", f"{float(y) / HEIGHT:.5f}", *flag)

    return _change_faces(text, rng, lambda points: [share(point) for point in points], every=True)


@text_mutation()
def a_point_twice(text: str, rng: np.random.Generator) -> str:
    def change(points: list[Point]) -> list[Point]:
        a, b = rng.integers(len(points), size=2)
        return [*points[:a], points[b], *points[a + 1 :]]

    return _change_faces(text, rng, change)


@text_mutation("refused")
def all_points_at_one_place(text: str, rng: np.random.Generator) -> str:
    return _change_faces(text, rng, lambda points: [points[-1]] * len(points), every=True)


@text_mutation()
def a_point_missing(text: str, rng: np.random.Generator) -> str:
    token = ("-1", "0", "nan", "NaN", "", "null", "None", "1e9", "-")[rng.integers(9)]

    def change(points: list[Point]) -> list[Point]:
        a = int(rng.integers(len(points)))
        return [*points[:a], (token, token, *points[a][2:]), *points[a + 1 :]]

    return _change_faces(text, rng, change)


@text_mutation("refused")
def a_face_twice(text: str, rng: np.random.Generator) -> str | None:
    """The last annotation of COCO, or the last shape of labelme."""
    table = _table(text)
    for entries in (table.get("annotations"), table.get("shapes")):
        if entries:
            entries.append(entries[-1])
            return json.dumps(table)
    return None


@text_mutation("refused")
def declared_size_of_another_image(text: str, rng: np.random.Generator) -> str | None:
    changed, count = _DECLARED.subn(lambda size: f"{size[1]}{int(size[2]) + 10}", text)
    return changed if count else None


@text_mutation("refused")
def declared_number_of_points_changed(text: str, rng: np.random.Generator) -> str | None:
    changed, count = re.subn(r"n_points: *\d+", "n_points: 66", text)
    return changed if count else None
