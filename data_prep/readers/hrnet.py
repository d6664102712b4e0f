"""CSV files of the HRNet repository: 300W (68 points) and WFLW (98), one row per face.

`image_name,scale,center_w,center_h,original_0_x,original_0_y,...`. The image names are relative to
the data set's own folder (`helen/testset/30427236_2.jpg`), which is somewhere below the source.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from data_prep.readers.base import (
    Annotation,
    OnBad,
    already_reported,
    fail,
    photo_name,
    reader,
    walk,
)
from data_prep.readers.image_index import ImageIndex
from mlcmkd.schemes import IBUG68, WFLW98, Scheme
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.texts import number, read_csv

_LEADING = ["image_name", "scale", "center_w", "center_h"]
_SCHEMES = {scheme.points: scheme for scheme in (IBUG68, WFLW98)}
# `..._300w_valid_challenge.csv` is one subset of the test set, `..._300w_valid.csv` all of it.
_PART = re.compile(r"_(?:valid|val|test)_([a-z]+)$")
# 300W's lists repeat the 1-based coordinates of its `.pts` files.
_FIRST_PIXEL = {IBUG68.name: 1.0, WFLW98.name: 0.0}
_ASSUMED = {
    IBUG68.name: "pixels begin at 1, as in the .pts files that the list repeats",
    WFLW98.name: "pixels begin at 0",
}


@dataclass
class _Face:
    """A face, which several lists may repeat."""

    image: Path
    scheme: Scheme
    points: np.ndarray
    split: str
    groups: set[str] = field(default_factory=set)


@reader("hrnet_csv")
def read(source: Path, on_bad: OnBad = fail) -> Iterator[Annotation]:
    """HRNet's CSVs of 300W (68 points) or WFLW (98), with the photos below the same folder.

    `prepare` splits the faces of a list with "train" in its name; every other list ("valid", "val",
    "test") is the test split, as in the repository. A face in several files is one row; its group is
    what follows "valid_" or "test_" in a file's name. Scale and centre, which describe HRNet's crop, are
    not used.

    Raises:
        InputError: through `on_bad`, an invalid table or row, a missing photo, or a face in the lists
            of both splits.
    """
    images = ImageIndex(source, on_bad)
    faces: dict[tuple[Path, bytes], _Face] = {}
    for path in walk(source, already_reported):
        if path.suffix.lower() != ".csv":
            continue
        try:
            header, body = read_csv(path)
            scheme = _scheme(path, header)
        except InputError as error:
            on_bad(str(path.relative_to(source)), error)
            continue
        part = _PART.search(path.stem.lower())
        for line, cells in body:
            where = f"{path}, line {line}"
            try:
                image = images.need(cells[0], where)
                values = np.array([number(cell, where) for cell in cells[4:]]).reshape(-1, 2)
            except InputError as error:
                on_bad(f"{path.relative_to(source)}:{line}", error)
                continue
            split = "train" if "train" in path.stem.lower() else "test"
            face = faces.setdefault((image, values.tobytes()), _Face(image, scheme, values, split))
            if face.split != split:
                error = (
                    f"{where}: the face is in a list of the split {face.split}, too; keep it in one"
                )
                on_bad(f"{path.relative_to(source)}:{line}", InputError(error))
                continue
            if part:
                face.groups.add(part[1])
    yield from _annotations(source, list(faces.values()))


def _annotations(source: Path, faces: list[_Face]) -> Iterator[Annotation]:
    seen: Counter[str] = Counter()
    for face in faces:
        name = face.image.relative_to(source).with_suffix("").as_posix()
        seen[name] += 1
        yield Annotation(
            id=name if seen[name] == 1 else f"{name}#{seen[name]}",
            subject=photo_name(name),
            scheme=face.scheme.name,
            landmarks=face.points - _FIRST_PIXEL[face.scheme.name],
            rgb_path=face.image,
            split="test" if face.split == "test" else None,
            labels="hand",
            group="+".join(sorted(face.groups)) or None,
            assumed=_ASSUMED[face.scheme.name],
        )


def _scheme(path: Path, header: list[str]) -> Scheme:
    points, odd = divmod(len(header) - len(_LEADING), 2)
    if header[:4] != _LEADING or odd or points not in _SCHEMES:
        raise InputError(
            f"{path}: the header must be {','.join(_LEADING)},original_0_x,original_0_y,... with "
            f"{' or '.join(map(str, _SCHEMES))} points; leave the file out (--skip-bad)"
        )
    return _SCHEMES[points]
