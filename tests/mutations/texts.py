"""Mutations of annotation files: tables, lists of points, JSON, XML, YAML."""

import json
import re
from collections.abc import Callable

import numpy as np

from tests.data_prep.sources import HEIGHT, WIDTH
from tests.mutations.kinds import Mutation, mutation

TEXTS: list[Mutation] = []
Point = tuple[str, ...]  # x, y, and a flag where the file has one

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?![\w.])"
# What may be between two numbers of one face, in any of the formats.
_BETWEEN = (
    r'(?:\]\][^\[\]]*\[\[|[\s,;\[\]]+|"\s*y="|"[^"<]*<part name="[^"]*" x=")'  # JSON, text, XML
)
_FACE = re.compile(rf"{_NUMBER}(?:{_BETWEEN}{_NUMBER}){{9,}}")
_STEP = re.compile(rf"({_NUMBER})({_BETWEEN})?")
_FLAGS = {"0", "1", "2", "0.0", "1.0", "2.0"}
# A name may contain blanks before letters; numbers before it belong to the line.
_IMAGE_NAME = re.compile(
    r"(?<![\w/.\\-])(?:[A-Za-z][\w/.-]*(?: [A-Za-z][\w/.-]*)*|\d[\w/.-]*)\.(?:png|jpg|bmp|tiff?)\b"
)
_PART = re.compile(r'<part name="([^"]*)"')
_POINT_NAMES = (_PART, re.compile(r'"label": "([^"]*)"'), re.compile(r'"(p\d+)"'))
_FACE_OF_PARTS = re.compile(r"(?:<part [^>]*/>)+")
_DECLARED = re.compile(r'(<image width="|"(?:imageWidth|width)": )(\d+)')


def _is_json(text: str) -> bool:
    return text.lstrip("\ufeff \n").startswith("{")


def text_mutation(expect: str = "either") -> Callable:
    """Decorate a function of a text as a mutation of UTF-8 bytes."""

    def add(change: Callable[[str, np.random.Generator], str | None]) -> Callable:
        def apply(data: bytes, rng: np.random.Generator) -> bytes | None:
            try:
                changed = change(data.decode("utf-8"), rng)
            except UnicodeDecodeError:  # an earlier mutation
                return None
            return None if changed is None else changed.encode()

        apply.__name__ = change.__name__
        return mutation(TEXTS, expect)(apply)

    return add


def _change_faces(
    text: str, rng: np.random.Generator, change: Callable[[list[Point]], list[Point]]
) -> str:
    """Change the points of one face of a file, or of all of them."""
    faces = list(_FACE.finditer(text))
    chosen = faces if rng.random() < 0.5 else faces[rng.integers(len(faces) or 1) :][:1]
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
def byte_order_mark(text: str, rng: np.random.Generator) -> str:
    return "\ufeff" + text.removeprefix("\ufeff")


@text_mutation("same")
def lines_of_windows(text: str, rng: np.random.Generator) -> str:
    return text.replace("\r\n", "\n").replace("\n", "\r\n")


@text_mutation("same")
def blank_lines_at_the_end(text: str, rng: np.random.Generator) -> str:
    return text + "\n\n"


@text_mutation("same")
def names_of_images_after_a_dot(text: str, rng: np.random.Generator) -> str:
    return _IMAGE_NAME.sub(lambda name: "./" + name[0], text)


@text_mutation("same")
def names_of_images_with_backslashes(text: str, rng: np.random.Generator) -> str:
    slash = "\\\\" if _is_json(text) else "\\"
    return _IMAGE_NAME.sub(lambda name: name[0].replace("/", slash), text)


@text_mutation("same")
def names_of_images_in_upper_case(text: str, rng: np.random.Generator) -> str:
    return _IMAGE_NAME.sub(lambda name: name[0].upper(), text)


@text_mutation("same")
def names_of_images_of_another_machine(text: str, rng: np.random.Generator) -> str:
    slash = "\\\\" if _is_json(text) else "\\"
    folder = slash.join(("C:", "Users", "Me", "data", ""))
    return _IMAGE_NAME.sub(lambda name: folder + name[0].replace("/", slash), text)


@text_mutation("same")
def points_in_another_order_with_their_names(text: str, rng: np.random.Generator) -> str | None:
    if _is_json(text):
        return _in_another_order(text, rng)
    box = _FACE_OF_PARTS.search(text)
    if box is None:
        return None
    parts = re.findall(r"<part [^>]*/>", box[0])
    shuffled = "".join(parts[n] for n in rng.permutation(len(parts)))
    return text[: box.start()] + shuffled + text[box.end() :]


def _in_another_order(text: str, rng: np.random.Generator) -> str | None:
    """Permute the shapes of labelme, or the named points of COCO."""
    try:
        table = json.loads(text.removeprefix("\ufeff"))
    except ValueError:  # an earlier mutation
        return None
    if "shapes" in table and any(shape["label"] == "0" for shape in table["shapes"]):
        table["shapes"] = [table["shapes"][n] for n in rng.permutation(len(table["shapes"]))]
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


@text_mutation("refused")
def columns_separated_by_semicolons(text: str, rng: np.random.Generator) -> str | None:
    return text.replace(",", ";") if "," in text and not _is_json(text) else None


@text_mutation("refused")
def decimal_commas(text: str, rng: np.random.Generator) -> str | None:
    return re.sub(r"(\d)\.(\d)", r"\1,\2", text) if re.search(r"\d\.\d", text) else None


@mutation(TEXTS, "refused")
def utf_16(data: bytes, rng: np.random.Generator) -> bytes | None:
    return data.decode("utf-8", "replace").encode("utf-16")


@mutation(TEXTS, "refused")
def letter_of_latin_1(data: bytes, rng: np.random.Generator) -> bytes:
    place = int(rng.integers(len(data) + 1))
    return data[:place] + "é".encode("latin-1") + data[place:]


@text_mutation()
def x_and_y_exchanged(text: str, rng: np.random.Generator) -> str:
    return _change_faces(text, rng, lambda points: [(p[1], p[0], *p[2:]) for p in points])


@text_mutation("refused")
def coordinates_as_shares(text: str, rng: np.random.Generator) -> str:
    def share(point: Point) -> Point:
        x, y, *flag = point
        return (f"{float(x) / WIDTH:.5f}", f"{float(y) / HEIGHT:.5f}", *flag)

    return _change_faces(text, rng, lambda points: [share(point) for point in points])


@text_mutation()
def a_point_twice(text: str, rng: np.random.Generator) -> str:
    def change(points: list[Point]) -> list[Point]:
        a, b = rng.integers(len(points), size=2)
        return [*points[:a], points[b], *points[a + 1 :]]

    return _change_faces(text, rng, change)


@text_mutation("refused")
def all_points_at_one_place(text: str, rng: np.random.Generator) -> str:
    return _change_faces(text, rng, lambda points: [points[-1]] * len(points))


@text_mutation()
def a_point_missing(text: str, rng: np.random.Generator) -> str:
    token = ("-1", "0", "nan", "NaN", "", "null", "None", "1e9", "-")[rng.integers(9)]

    def change(points: list[Point]) -> list[Point]:
        a = int(rng.integers(len(points)))
        return [*points[:a], (token, token, *points[a][2:]), *points[a + 1 :]]

    return _change_faces(text, rng, change)


@text_mutation()
def a_line_twice(text: str, rng: np.random.Generator) -> str:
    lines = text.splitlines(keepends=True)
    place = int(rng.integers(len(lines) or 1))
    return "".join(lines[: place + 1] + lines[place:])


@text_mutation("refused")
def a_key_twice(text: str, rng: np.random.Generator) -> str | None:
    """The second value of a key of JSON is another one."""
    keys = list(re.finditer(r'"(\w+)": ', text)) if _is_json(text) else []
    if not keys:
        return None
    key = keys[rng.integers(len(keys))]
    return f'{text[: key.start()]}"{key[1]}": 0, {text[key.start() :]}'


@text_mutation("refused")
def declared_size_of_another_image(text: str, rng: np.random.Generator) -> str | None:
    changed, count = _DECLARED.subn(lambda size: f"{size[1]}{int(size[2]) + 10}", text)
    return changed if count else None


@text_mutation("refused")
def declared_number_of_points_changed(text: str, rng: np.random.Generator) -> str | None:
    changed, count = re.subn(r"n_points: *\d+", "n_points: 66", text)
    return changed if count else None
