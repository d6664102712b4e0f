"""YOLO pose labels of a face, on 8-bit thermal frames.

`<sequence>/images/NAME.jpg` and `<sequence>/labels/NAME.txt`; one line per face,
`0 cx cy w h x0 y0 c0 x1 y1 c1 ...` or the same without confidences, every length divided by the
image's width or height. The number of points determines the scheme. YOLO measures from the image's
corner, so the centre of the first pixel is at 0.5 pixels: the 0-based pixel coordinate is
`value * width - 0.5`.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from data_prep.readers.base import (
    IMAGE_SUFFIXES,
    Annotation,
    OnBad,
    fail,
    image_beside,
    reader,
    walk,
)
from mlcmkd.data.manifest import inside
from mlcmkd.data.thermal.radiometry import GREY8
from mlcmkd.schemes import SCHEMES, SFTL54, Scheme
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.texts import number, read_text


@reader("yolo_pose")
def read(source: Path, on_bad: OnBad = fail) -> Iterator[Annotation]:
    """YOLO-pose text: frames in `images`, labels of any known scheme in `labels`, 8-bit thermal.

    The sequence's folder is the subject; splits are assigned by `prepare`.

    Raises:
        InputError: through `on_bad`, an invalid label, a frame with no face or more than one, a
            frame without a label or the reverse, or a link that leads out of `source`.
    """
    for path in walk(source, on_bad):
        kind, name = path.parent.name, str(path.relative_to(source))
        try:
            if kind == "labels" and path.suffix == ".txt":
                yield _annotation(source, path)
            elif kind == "images" and path.suffix.lower() in IMAGE_SUFFIXES:
                label = path.parent.parent / "labels" / f"{path.stem}.txt"
                if not label.is_file():
                    raise InputError(
                        f"{path}: its label {label} is missing; add it, or remove the frame"
                    )
        except InputError as error:
            on_bad(name, error)


@reader("thermal_knapik54")
def read_knapik54(source: Path, on_bad: OnBad = fail) -> Iterator[Annotation]:
    """Knapik's four drivers, 54 points of a detector: `1_Man_NoGlasses_Normal` is driver `1_Man`.

    Sequences `1_...` are the development data, split "val" (all tuning uses them); sequences
    `2_...` are the split "test". There is no split "train".

    Raises:
        InputError: as `read`; also a sequence whose name does not begin with 1 or 2.
    """
    for annotation in read(source, on_bad):
        sequence = annotation.subject.rsplit("/", 1)[-1]
        parts = sequence.split("_")
        if len(parts) < 3 or parts[0] not in ("1", "2"):
            on_bad(
                annotation.id,
                InputError(
                    f"{source / annotation.subject}: the sequence's name does not begin with 1_ or 2_; "
                    "expected a name such as 1_Man_NoGlasses_Normal"
                ),
            )
            continue
        if annotation.scheme != SFTL54.name:
            on_bad(
                annotation.id,
                InputError(
                    f"{source / annotation.id}: points of scheme {annotation.scheme} instead of the 54 "
                    "points of this data set; remove its label"
                ),
            )
            continue
        yield replace(
            annotation,
            subject="_".join(parts[:2]),
            split={"1": "val", "2": "test"}[parts[0]],
            labels="detector (silver)",
            assumed=None,
        )


def read_points(path: Path, width: int, height: int) -> tuple[Scheme, np.ndarray]:
    """Read the scheme and the landmarks of the only face in a label file.

    Returns:
        The scheme, and (K, 2) float64, 0-based pixels.

    Raises:
        InputError: no face, more than one, or an invalid line; the message names file and line.
    """
    lines = [
        (n, line) for n, line in enumerate(read_text(path).splitlines(), start=1) if line.strip()
    ]
    if len(lines) > 1:
        raise InputError(
            f"{path}, line {lines[1][0]}: {len(lines)} faces in one frame; keep one, or remove the frame"
        )
    line_number, line = lines[0]
    where, tokens = f"{path}, line {line_number}", line.split()
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
    if numbers == 3 and (marks[:, 2] <= 0).any():
        raise InputError(
            f"{where}: point {int(np.argmax(marks[:, 2] <= 0))} has confidence 0, so it is not "
            "labelled; remove the frame"
        )
    return scheme, marks[:, :2] * [width, height] - 0.5


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


def _annotation(source: Path, path: Path) -> Annotation:
    sequence = path.parent.parent
    image_path = image_beside(sequence / "images", path.stem)
    if image_path is None:
        raise InputError(f"{path}: no frame of the same name in ../images; remove the label")
    inside(source, str(image_path.relative_to(source)))
    image = cv2.imread(str(image_path), cv2.IMREAD_UNCHANGED)
    if image is None:
        raise InputError(f"{image_path}: not a readable image; download it again or remove it")
    below = sequence.relative_to(source)
    scheme, landmarks = read_points(path, image.shape[1], image.shape[0])
    return Annotation(
        id=(below / path.stem).as_posix(),
        subject=below.as_posix(),
        scheme=scheme.name,
        landmarks=landmarks,
        thermal_path=image_path,
        labels="unknown",
        radiometry=GREY8,
        assumed="8-bit thermal images, brighter is warmer",
    )
