"""YOLO pose labels of a face, on 8-bit thermal frames.

`<sequence>/images/NAME.jpg` and `<sequence>/labels/NAME.txt`; one line per face,
`0 cx cy w h x0 y0 c0 x1 y1 c1 ...` or the same without confidences, every length divided by the
image's width or height. A point of confidence 0, or without confidences at `0 0`, is not labelled. The
number of points determines the scheme. YOLO measures from the image's
corner, so the centre of the first pixel is at 0.5 pixels: the 0-based pixel coordinate is
`value * width - 0.5`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from data_prep.errors import Unlabelled
from data_prep.readers.base import (
    Annotation,
    FaceIds,
    OnBad,
    fail,
    image_beside,
    reader,
    valid_faces,
    walk,
)
from mlcmkd.data.images import PICTURE_SUFFIXES, image_size
from mlcmkd.data.manifest import inside
from mlcmkd.data.thermal.radiometry import GREY8
from mlcmkd.schemes import SCHEMES, SFTL54, Scheme
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.texts import MAX_FACE_BYTES, number, read_text


@reader("yolo_pose")
def read(source: Path, on_bad: OnBad = fail) -> Iterator[Annotation]:
    """YOLO-pose text: frames in `images`, labels of any known scheme in `labels`, 8-bit thermal.

    The sequence's folder is the subject; splits are assigned by `prepare`.

    Raises:
        InputError: through `on_bad`, an invalid label, a frame without a label or the reverse, or a
            link that leads out of `source`.
    """
    ids = FaceIds()
    for path in walk(source, on_bad):
        kind, name = path.parent.name, str(path.relative_to(source))
        try:
            if kind == "labels" and path.suffix == ".txt":
                yield from _annotations(source, path, ids, on_bad)
            elif kind == "images" and path.suffix.lower() in PICTURE_SUFFIXES:
                label = path.parent.parent / "labels" / f"{path.stem}.txt"
                if not label.is_file():
                    raise InputError(
                        f"{path}: its label {label} is missing; "
                        "add it, or leave the frame out (--skip-bad)"
                    )
        except InputError as error:
            on_bad(name, error)


@reader("thermal_knapik54")
def read_knapik54(source: Path, on_bad: OnBad = fail) -> Iterator[Annotation]:
    """Knapik's sequences, 54 points of a detector: `1_Man_NoGlasses_Normal` is person `1_Man`.

    Sequences `1_...` are the development data, split "val" (all tuning uses them); sequences
    `2_...` are the split "test". There is no split "train". Sequences of further people, `3_...` and
    so on, are in the split "test" too; then each number is a group of the split, "drivers 2",
    "drivers 3", so that the scores of `2_...` are still given alone.

    Raises:
        InputError: as `read`; also a sequence whose name is not a number, a person and more.
    """
    annotations = []
    for annotation in read(source, on_bad):
        sequence = annotation.subject.rsplit("/", 1)[-1]
        parts = sequence.split("_")
        if len(parts) < 3 or not parts[0].isdecimal():
            error = (
                f"{source / annotation.subject}: the sequence's name does not begin with a number and a "
                "person; expected a name such as 1_Man_NoGlasses_Normal"
            )
        elif annotation.scheme != SFTL54.name:
            error = (
                f"{source / annotation.id}: points of scheme {annotation.scheme} instead of the 54 "
                "points of this data set; leave its label out"
            )
        else:
            annotations.append(
                replace(
                    annotation,
                    subject="_".join(parts[:2]),
                    split="val" if parts[0] == "1" else "test",
                    labels="detector (silver)",
                    assumed=None,
                )
            )
            continue
        on_bad(annotation.id, InputError(error))
    tested = {_number(annotation) for annotation in annotations if annotation.split == "test"}
    for annotation in annotations:
        grouped = annotation.split == "test" and tested != {"2"}
        yield replace(annotation, group=f"drivers {_number(annotation)}" if grouped else None)


def _number(annotation: Annotation) -> str:
    return annotation.subject.partition("_")[0]


@dataclass(frozen=True)
class LabelledFace:
    """A line of a label file.

    Attributes:
        scheme: landmark scheme, by the number of points.
        points: (K, 2) float64, 0-based pixels; NaN where a point is not labelled.
        box: (x0, y0, x1, y1), 0-based pixels.
        where: file and line, for messages.
    """

    scheme: Scheme
    points: np.ndarray
    box: tuple[float, float, float, float]
    where: str


def read_faces(path: Path, width: int, height: int) -> Iterator[LabelledFace | InputError]:
    """Yield the faces of a label file, or the error of an invalid line.

    Raises:
        Unlabelled: the file is empty, as YOLO writes it for a frame without a face.
        InputError: not a text file.
    """
    if path.stat().st_size <= MAX_FACE_BYTES and not path.read_bytes().strip():
        raise Unlabelled(f"{path}: empty, so the frame has no face")
    for line_number, line in enumerate(read_text(path).splitlines(), start=1):
        if line.strip():
            try:
                yield _face(line, f"{path}, line {line_number}", width, height)
            except InputError as error:
                yield error


def _face(line: str, where: str, width: int, height: int) -> LabelledFace:
    tokens = line.split()
    layout = _layout(len(tokens))
    if layout is None:
        known = ", ".join(str(scheme.points) for scheme in SCHEMES.values())
        raise InputError(
            f"{where}: {len(tokens)} numbers, expected 5 (class, box) and x, y and an optional "
            f"confidence for each of {known} points; download the file again"
        )
    scheme, numbers = layout
    values = np.array([number(token, where) for token in tokens])
    marks = values[5:].reshape(scheme.points, numbers)
    points = marks[:, :2] * [width, height] - 0.5
    unlabelled = marks[:, 2] <= 0 if numbers == 3 else (marks == 0).all(axis=1)
    points[unlabelled] = np.nan
    if np.isnan(points).all():
        raise Unlabelled(f"{where}: no point is labelled")
    centre, size = values[1:3] * [width, height] - 0.5, values[3:5] * [width, height]
    box = (*(centre - size / 2).tolist(), *(centre + size / 2).tolist())
    return LabelledFace(scheme, points, box, where)


def _layout(count: int) -> tuple[Scheme, int] | None:
    """Return the scheme and the numbers per point of a line of `count` numbers; None if none fits.

    No two of the library's schemes give the same count.
    """
    layouts = (
        (scheme, numbers)
        for scheme in SCHEMES.values()
        for numbers in (2, 3)
        if count == 5 + numbers * scheme.points
    )
    return next(layouts, None)


def _annotations(source: Path, path: Path, ids: FaceIds, on_bad: OnBad) -> Iterator[Annotation]:
    sequence = path.parent.parent
    image_path = image_beside(sequence / "images", path.stem)
    if image_path is None:
        raise InputError(
            f"{path}: no frame of the same name in ../images; "
            "add it, or leave the label out (--skip-bad)"
        )
    inside(source, str(image_path.relative_to(source)))
    below, name = sequence.relative_to(source), path.relative_to(source).as_posix()
    for face in valid_faces(name, read_faces(path, *image_size(image_path)), on_bad):
        try:
            identity = ids.add(image_path, (below / path.stem).as_posix(), face.points, face.where)
        except InputError as error:
            on_bad(name, error)
            continue
        yield Annotation(
            id=identity,
            subject=below.as_posix(),
            scheme=face.scheme.name,
            landmarks=face.points,
            thermal_path=image_path,
            labels="unknown",
            radiometry=GREY8,
            # A detector's box; the tight box of all points is the better one where there are all.
            box=face.box if np.isnan(face.points).any() else None,
            assumed="8-bit thermal images, brighter is warmer",
        )
