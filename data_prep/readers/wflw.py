"""WFLW: one line per face with 98 (or iBUG's 68) points, a box, six attributes and a file name."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from data_prep.readers.base import Annotation, OnBad, already_reported, fail, reader, walk
from data_prep.readers.image_index import ImageIndex
from mlcmkd.schemes import IBUG68, WFLW98
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.texts import MAX_TABLE_BYTES, number, read_text

# In the order of the flags in the lists; each is also a subset of the test set.
ATTRIBUTES = ("pose", "expression", "illumination", "make-up", "occlusion", "blur")
_AFTER_POINTS = 4 + len(ATTRIBUTES)  # box and flags, before the file name
_SCHEMES = {2 * scheme.points: scheme for scheme in (WFLW98, IBUG68)}


@reader("wflw")
def read(source: Path, on_bad: OnBad = fail) -> Iterator[Annotation]:
    """WFLW's `list_98pt_rect_attr_*.txt` and its folder `WFLW_images`, anywhere below the source.

    Lists with "test" in their name are the test split; `prepare` splits the others into "train" and
    "val". The six attributes of a face are its groups. If there are lists of 98 points, those of 68
    are ignored. Faces of one photo share a subject.

    Raises:
        InputError: through `on_bad`, an invalid line, or a missing photo.
    """
    images = ImageIndex(source, on_bad)
    lists = [
        path
        for path in walk(source, already_reported)
        if path.suffix.lower() == ".txt" and path.name.lower().startswith("list_")
    ]
    full = [path for path in lists if "98pt" in path.name]
    seen: Counter[str] = Counter()
    for path in full or lists:
        name = path.relative_to(source).as_posix()
        try:
            lines = read_text(path, MAX_TABLE_BYTES).splitlines()
        except InputError as error:
            on_bad(name, error)
            continue
        for n, line in enumerate(lines, start=1):
            try:
                if line.strip():
                    yield _annotation(source, images, path, f"{path}, line {n}", line, seen)
            except InputError as error:
                on_bad(f"{name}:{n}", error)


def _annotation(
    source: Path, images: ImageIndex, path: Path, where: str, line: str, seen: Counter[str]
) -> Annotation:
    # A file name may contain blanks, so the numbers before it are counted from the front.
    for count in _SCHEMES:
        tokens = line.split(maxsplit=count + _AFTER_POINTS)
        if len(tokens) > count + _AFTER_POINTS and not _is_number(tokens[-1].split()[0]):
            break
    else:
        raise InputError(
            f"{where}: not 98 (or 68) points, a box, {len(ATTRIBUTES)} flags and a file name; "
            "download the list again"
        )
    values = np.array([number(token, where) for token in tokens[:-1]])
    x0, y0, x1, y1, *flags = values[count:].tolist()
    if not set(flags) <= {0, 1}:
        raise InputError(f"{where}: an attribute is neither 0 nor 1; download the list again")
    image = images.need(tokens[-1].strip(), where)
    photo = image.relative_to(source).with_suffix("").as_posix()
    seen[photo] += 1
    groups = [name for name, flag in zip(ATTRIBUTES, flags, strict=True) if flag]
    return Annotation(
        id=photo if seen[photo] == 1 else f"{photo}#{seen[photo]}",
        subject=photo,
        scheme=_SCHEMES[count].name,
        landmarks=values[:count].reshape(-1, 2),
        rgb_path=image,
        split="test" if "test" in path.name.lower().removesuffix(".txt").split("_") else None,
        labels="hand",
        group="+".join(groups) or None,
        box=(x0, y0, x1, y1),
        assumed="pixels begin at 0",
    )


def _is_number(token: str) -> bool:
    try:
        float(token)
    except ValueError:
        return False
    return True
