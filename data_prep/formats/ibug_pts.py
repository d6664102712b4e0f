"""iBUG `.pts`: 68 hand-marked points beside each photo (300W, AFW, Helen, LFPW, iBUG).

Two dialects are in use: the owners' (`version: 1`, `n_points:  68`, braces) and bare `x y` lines.
In both, coordinates are Matlab's: the centre of the first pixel is (1, 1).
"""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from data_prep.formats.base import (
    IMAGE_SUFFIXES,
    Annotation,
    OnBad,
    fail,
    image_beside,
    number,
    read_text,
    walk,
)
from mlcmkd.errors import InputError
from mlcmkd.rows import inside
from mlcmkd.schemes import IBUG68

# `1051618982_2` is the second face of photo 1051618982; `image_0001` is a photo of its own.
_FACE_OF_PHOTO = re.compile(r"^(.*\d{3,})_\d{1,2}$")
_HEADER = re.compile(r"^\s*(version|n_points)\s*:\s*(\S+)\s*$")


def read(source: Path, on_bad: OnBad = fail) -> Iterator[Annotation]:
    """All faces below `source`, in order of their paths.

    The id is the path below `source` without its suffix. Faces of one photo share a subject.
    Folders called `test`, `testset` or `..._test` (`source` itself included) hold the test split;
    the rest is left to the project to split.

    Raises:
        InputError: by way of `on_bad`, a bad `.pts`, a photo without `.pts` or the reverse, or a
            link that leads out of `source`.
    """
    for path in walk(source, on_bad):
        name = str(path.relative_to(source))
        try:
            if path.suffix.lower() == ".pts":
                yield _annotation(source, path)
            elif path.suffix.lower() in IMAGE_SUFFIXES and not path.with_suffix(".pts").is_file():
                raise InputError(f"{path}: no .pts beside it; add one or remove the photo")
        except InputError as error:
            on_bad(name, error)


def read_points(path: Path) -> np.ndarray:
    """Landmarks of one `.pts` file, (68, 2) float64, 0-based pixels.

    Raises:
        InputError: not a `.pts` of 68 points; names file and line.
    """
    points: list[tuple[float, float]] = []
    opened = closed = False
    for line_number, line in enumerate(read_text(path).splitlines(), start=1):
        where = f"{path}, line {line_number}"
        header = _HEADER.match(line)
        if not line.strip():
            continue
        if closed:
            raise InputError(f"{where}: text after the closing brace; remove it")
        if header and not opened and not points:
            if header[1] == "n_points" and header[2] != str(IBUG68.points):
                raise InputError(
                    f"{where}: n_points is {header[2][:40]}, but the scheme has {IBUG68.points}; "
                    "remove the file"
                )
        elif line.strip() == "{" and not opened and not points:
            opened = True
        elif line.strip() == "}" and opened:
            closed = True
        else:
            tokens = line.split()
            if len(tokens) != 2:
                raise InputError(
                    f"{where}: '{line.strip()[:40]}' is not a point; write it as `x y`"
                )
            points.append((number(tokens[0], where), number(tokens[1], where)))
    if opened and not closed:
        raise InputError(f"{path}: the closing brace is missing; fetch the file again")
    if len(points) != IBUG68.points:
        raise InputError(
            f"{path}: {len(points)} points instead of {IBUG68.points}; fetch the file again"
        )
    return np.array(points, dtype=np.float64) - 1.0


def _annotation(source: Path, path: Path) -> Annotation:
    below = path.relative_to(source)
    image = image_beside(path.parent, path.stem)
    if image is None:
        raise InputError(f"{path}: no photo of that name beside it; add it or remove the .pts")
    inside(source, str(image.relative_to(source)))
    # A mirrored copy shows the same person.
    stem = path.stem.removesuffix("_mirror")
    photo = _FACE_OF_PHOTO.match(stem)
    folders = (source.resolve().name, *below.parts[:-1])
    return Annotation(
        id=below.with_suffix("").as_posix(),
        subject=(below.parent / (photo[1] if photo else stem)).as_posix(),
        scheme=IBUG68.name,
        landmarks=read_points(path),
        rgb_path=image,
        split="test" if any(_is_test(folder) for folder in folders) else None,
        labels="hand",
    )


def _is_test(folder: str) -> bool:
    return folder.lower() in ("test", "testset") or folder.lower().endswith("_test")
