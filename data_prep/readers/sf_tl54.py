"""SF-TL54: thermal faces with 54 points and aligned RGB images, 464 x 348 pixels.

The original folders are `{gray,iron}/{train,val,test}/{images,json}` and `rgb/{train,val,test}`. A
name such as `111_1_2_1_120_100_1.png` begins with the person and ends with the stream: 1 is the
thermal image, 3 the aligned RGB image (both from the data set SpeakingFaces).
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.readers.base import (
    Annotation,
    FaceIds,
    OnBad,
    already_reported,
    fail,
    reader,
    valid_faces,
    walk,
)
from data_prep.readers.image_index import (
    FALSE_COLOURS,
    ImageIndex,
    NamedImage,
    eight_bit_radiometry,
)
from data_prep.readers.parsing.dlib_xml import boxes
from data_prep.readers.parsing.landmarks import Marks, in_scheme_order
from mlcmkd.data.file_names import path_parts
from mlcmkd.data.manifest import SPLITS
from mlcmkd.data.thermal.radiometry import GREY8, Radiometry
from mlcmkd.schemes import SFTL54
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.texts import (
    MAX_TABLE_BYTES,
    declared_size,
    number,
    read_json,
    read_text,
    unique_keys,
)

_COLOURS = {"gray": GREY8, "iron": FALSE_COLOURS}
_MIRRORED = "images_mirr"  # mirrored copies for dlib's training; not additional data
# The parts of a face in the order of the points, and the number of points of each.
_PARTS = {
    **{"chin": 17, "left_eyebrow": 5, "right_eyebrow": 5, "nose_bridge": 4, "nose_tip": 5},
    **{"left_eye": 6, "right_eye": 6},
    **{f"lip_p{n}": 1 for n in range(1, 7)},
}
_WHOLE = "dlib's file holds whole pixels, cut off rather than rounded"


@reader("sf_tl54")
def read(source: Path, on_bad: OnBad = fail) -> Iterator[Annotation]:
    """SF-TL54 as published (JSON), as dlib XML, or as JSON lines: 54 points, RGB images.

    If there are grey and iron images, the grey ones are read: they are the same frames. JSON is
    preferred to XML, which has whole pixels only. The person is the first number of a name; the
    split is the folder's.

    Raises:
        InputError: through `on_bad`, an invalid annotation, or a missing image.
    """
    images, ids = ImageIndex(source, on_bad, skip=(_MIRRORED,)), FaceIds()
    paths = [path for path in walk(source, already_reported) if not _is_mirrored(path, source)]
    faces = [path for path in paths if path.suffix == ".json" and path.parent.name == "json"]
    if any("gray" in path.parts for path in faces):
        faces = [path for path in faces if "iron" not in path.relative_to(source).parts]
    tables = [path for path in paths if path.suffix in (".jsonl", ".xml")] if not faces else []
    if any("gray" in path.parts for path in tables):
        tables = [path for path in tables if "iron" not in path.relative_to(source).parts]
    for path in faces:
        name = path.relative_to(source).as_posix()
        try:
            points, box, size = _labelme(path)
            stem = path.parent.parent.joinpath("images", path.stem).relative_to(source).as_posix()
            yield _annotation(source, images, ids, stem, points, box, str(path), size=size)
        except InputError as error:
            on_bad(name, error)
    for path in tables:
        yield from (_xml if path.suffix == ".xml" else _lines)(source, images, ids, path, on_bad)


def _is_mirrored(path: Path, source: Path) -> bool:
    return _MIRRORED in path.relative_to(source).parts


def _annotation(
    source: Path,
    images: ImageIndex,
    ids: FaceIds,
    name: str,
    points: np.ndarray,
    box: tuple[float, float, float, float],
    where: str,
    assumed: str | None = None,
    size: tuple[int, int] | None = None,
) -> Annotation:
    if points.shape != (SFTL54.points, 2):
        raise InputError(
            f"{where}: {len(points)} points instead of {SFTL54.points}; "
            "download the file again, or leave the face out (--skip-bad)"
        )
    image = NamedImage.of(
        "thermal",
        lambda: images.need(name, where),
        lambda path: _radiometry(path, path.relative_to(source)),
    )
    below = image.below(source, name)
    stem, _, stream = below.stem.rpartition("_")
    has_photo = stream == "1" and bool(stem)
    photo = NamedImage.of(
        "rgb",
        lambda: images.find(_photo_name(below.as_posix(), f"{stem}_3")) if has_photo else None,
    )
    return Annotation(
        id=ids.add(source / below, below.with_suffix("").as_posix(), points, where),
        subject=below.stem.split("_")[0],
        scheme=SFTL54.name,
        landmarks=points,
        rgb_path=photo.path,
        thermal_path=image.path,
        split=next((part for part in below.parts if part in SPLITS), None),
        labels="hand",
        radiometry=image.radiometry,
        box=box,
        declared_size=size,
        absent={**image.absent, **photo.absent},
        assumed="; ".join(
            filter(
                None, ("pixels begin at 0", assumed, photo.path and "stream 3 is the aligned photo")
            )
        ),
    )


def _radiometry(image: Path, below: Path) -> Radiometry:
    by_folder = [_COLOURS[part] for part in below.parts if part in _COLOURS]
    return by_folder[0] if by_folder else eight_bit_radiometry(image)


def _photo_name(below: str, stem: str) -> str:
    """Return the name of a thermal frame's RGB image: `rgb/train/...` for `gray/train/images/...`."""
    parts = Path(below).parts
    split = next((part for part in parts if part in SPLITS), None)
    return "/".join(filter(None, ("rgb", split, f"{stem}.png")))


def _labelme(
    path: Path,
) -> tuple[np.ndarray, tuple[float, float, float, float], tuple[int, int] | None]:
    """Read points, box and, if it is given, size of the image of one of the data set's JSON files."""
    table = read_json(path, 1_000_000)
    shapes = table.get("shapes")
    if not isinstance(shapes, list):
        raise InputError(
            f"{path}: no list 'shapes'; download the file again, or leave it out (--skip-bad)"
        )
    parts: list[tuple[str, list[tuple[float, float]]]] = []
    box = None
    for n, shape in enumerate(shapes):
        where = f"{path}, shape {n}"
        marks = _points(shape.get("points") if isinstance(shape, dict) else None, where)
        if shape.get("label") == "face":
            box = _corners(marks, where)
        else:
            parts.append((str(shape.get("label")), marks))
    if box is None:
        raise InputError(
            f"{path}: no shape 'face' (the box); add it, or leave the file out (--skip-bad)"
        )
    # The names of all parts decide; with other labels the order of the file is that of the authors.
    if sorted(name for name, _ in parts) == sorted(_PARTS):
        points = _of_parts(dict(parts), str(path))
    else:
        points = [mark for _, marks in parts for mark in marks]
    size = declared_size(table.get("imageWidth"), table.get("imageHeight"))
    return np.array(points).reshape(-1, 2), box, size


def _of_parts(
    parts: Mapping[str, list[tuple[float, float]]], where: str
) -> list[tuple[float, float]]:
    """Join the named parts of a face in the order of the points."""
    for name, count in _PARTS.items():
        if len(parts[name]) != count:
            raise InputError(
                f"{where}: {len(parts[name])} points in '{name}' instead of {count}; "
                "download the file again, or leave the face out (--skip-bad)"
            )
    return [mark for name in _PARTS for mark in parts[name]]


def _lines(
    source: Path, images: ImageIndex, ids: FaceIds, path: Path, on_bad: OnBad
) -> Iterator[Annotation]:
    """Read a file with one JSON object per line, the points grouped by named parts."""
    for n, line in enumerate(read_text(path, MAX_TABLE_BYTES).splitlines(), start=1):
        where = f"{path}, line {n}"
        try:
            if not line.strip():
                continue
            try:
                face = json.loads(line, object_pairs_hook=unique_keys)
            except InputError as error:
                raise InputError(f"{where}: {error}") from None
            except (ValueError, RecursionError):
                face = None
            if not isinstance(face, dict):
                raise InputError(f"{where}: not a JSON object; download the file again")
            parts = {name: _points(face.get(name), f"{where}, {name}") for name in _PARTS}
            points = np.array(_of_parts(parts, where))
            box = _corners(_points(face.get("face"), f"{where}, face"), where)
            name = face.get("image")
            if not isinstance(name, str):
                raise InputError(f"{where}: no name of the image; download the file again")
            size = declared_size(face.get("width"), face.get("height"))
            yield _annotation(source, images, ids, name, points, box, where, size=size)
        except InputError as error:
            on_bad(f"{path.relative_to(source).as_posix()}:{n}", error)


def _xml(
    source: Path, images: ImageIndex, ids: FaceIds, path: Path, on_bad: OnBad
) -> Iterator[Annotation]:
    name = path.relative_to(source).as_posix()
    for face in valid_faces(name, boxes(path), on_bad):
        if _MIRRORED in path_parts(face.image):
            continue
        # Names are relative to the folder of the XML file.
        image = f"{path.parent.relative_to(source).as_posix()}/{face.image}"
        points = np.array([part[1:] for part in face.parts]).reshape(-1, 2)
        marks = Marks(image, points, face.where, names=tuple(part[0] for part in face.parts))
        try:
            _, points, _ = in_scheme_order(marks, SFTL54.name)
            yield _annotation(
                source, images, ids, image, points, face.box, face.where, _WHOLE, face.size
            )
        except InputError as error:
            on_bad(name, error)


def _points(value: Any, where: str) -> list[tuple[float, float]]:
    """Convert [[x, y], ...] to numbers."""
    if not isinstance(value, list) or not all(
        isinstance(mark, list) and len(mark) == 2 for mark in value
    ):
        raise InputError(
            f"{where}: no list of points (x, y); "
            "download the file again, or leave it out (--skip-bad)"
        )
    return [(number(str(x), where), number(str(y), where)) for x, y in value]


def _corners(marks: list[tuple[float, float]], where: str) -> tuple[float, float, float, float]:
    if len(marks) != 2:
        raise InputError(
            f"{where}: a box has two corners, not {len(marks)}; "
            "correct it, or leave the face out (--skip-bad)"
        )
    (x0, y0), (x1, y1) = marks
    return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)
