"""Face boxes (x0, y0, x1, y1) in 0-based pixels: checks, overlap, and tables in CSV files."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mlcmkd.data.file_names import path_parts, trailing_folders
from mlcmkd.data.landmark_faces import name_of
from mlcmkd.data.plausibility import MIN_INSIDE, Box, box_fault
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.texts import number, read_csv

_FRAME = re.compile(r"(.+)#\d{6,}")
COLUMNS = ("image", "x0", "y0", "x1", "y1")
_BY_SIZE = ("image", "x", "y", "width", "height")


def check_box(
    box: Sequence[float],
    name: str,
    size: tuple[int, int] | None = None,
    min_inside: float = MIN_INSIDE,
) -> Box:
    """Returns a box as four floats after checking it.

    Args:
        box: x0, y0, x1, y1 in pixels.
        name: name of the image or table row, for error messages.
        size: (width, height) of the image in pixels; None if unknown.
        min_inside: share of the box that must be inside the image, 0 to 1.

    Raises:
        InputError: not four finite numbers with x0 < x1 and y0 < y1, or a box that cannot be that of
            a face in its image (`mlcmkd.data.plausibility.box_fault`).
    """
    try:
        x0, y0, x1, y1 = (float(value) for value in box)
    except (TypeError, ValueError):
        raise InputError(f"{name}: a box is four numbers, x0 y0 x1 y1") from None
    text = f"{name}: the box {x0:g} {y0:g} {x1:g} {y1:g}"
    if not (np.isfinite([x0, y0, x1, y1]).all() and x0 < x1 and y0 < y1):
        raise InputError(
            f"{text} must be x0 y0 x1 y1 with x0 < x1 and y0 < y1, two corners instead of a size"
        )
    if fault := box_fault((x0, y0, x1, y1), size, min_inside=min_inside):
        raise InputError(f"{text} {fault.what}")
    return x0, y0, x1, y1


def iou(one: Box, other: Box) -> float:
    """Intersection over union (IoU) of two boxes (x0, y0, x1, y1), 0 to 1."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return width * height / (areas - width * height)


class BoxTable:
    """Face boxes from a CSV with the columns `image,x0,y0,x1,y1`, or `image,x,y,width,height`.

    The names of the columns decide whether the numbers are corners or a size. Other columns are ignored.

    Several rows of one image are several faces. Names are matched as in `mlcmkd prepare folder`: the
    file's name must be the same, with or without suffix, in upper or lower case. If several names match,
    the one with most trailing folders in common is used. `anna/001.png` and `C:/data/anna/001.PNG` match
    `frames/anna/001.png` and `001.png`, but not `ben/001.png`; backslashes count as slashes. In videos
    and stacks a row applies to one frame (`clip.mp4#000012`) or, without a number, to all frames.

    Args:
        path: the CSV.

    Raises:
        InputError: not such a CSV, an invalid box, or the same box twice; the message names file and
            line.
    """

    def __init__(self, path: Path):
        header, body = read_csv(path)
        by_size = "x0" not in header and set(_BY_SIZE) <= set(header)
        columns = _BY_SIZE if by_size else COLUMNS
        missing = [name for name in columns if name not in header]
        if missing:
            raise InputError(
                f"{path}: no column '{missing[0]}'; the header must contain {','.join(COLUMNS)}, or "
                f"{','.join(_BY_SIZE)}"
            )
        if twice := [name for name in columns if header.count(name) > 1]:
            raise InputError(f"{path}: two columns '{twice[0]}'; keep one")
        image, *sides = (header.index(name) for name in columns)
        self.path = path
        self._boxes: dict[str, list[Box]] = {}  # by the name in the table
        self._names: dict[str, list[str]] = {}  # names in the table, by their last part
        lines: dict[tuple[str, Box], int] = {}
        for line, cells in body:
            where, name = f"{path}, line {line}", cells[image].strip()
            x0, y0, x1, y1 = (number(cells[n], where) for n in sides)
            corners = (x0, y0, x0 + x1, y0 + y1) if by_size else (x0, y0, x1, y1)
            box = check_box(corners, where)
            if (first := lines.setdefault((name, box), line)) != line:
                raise InputError(
                    f"{where}: the box of '{name}' is the same as in line {first}; keep one"
                )
            if name not in self._boxes:
                self._names.setdefault(_last(name), []).append(name)
            self._boxes.setdefault(name, []).append(box)
        self._used: set[str] = set()

    def of(self, name: str) -> list[Box]:
        """Boxes of one image or frame; empty if the table has none.

        The rows of a frame take precedence over those of its whole file.

        Args:
            name: path of the image, or path and number of the frame (`clip.mp4#000012`).

        Raises:
            InputError: two names of the table match equally well.
        """
        frame = _FRAME.fullmatch(name)  # a file may be called `a#1.png`, too
        for candidate in (name, frame[1]) if frame else (name,):
            found = self._find(candidate)
            if found is not None:
                self._used.add(found)
                return self._boxes[found]
        return []

    def unused(self) -> list[str]:
        """Names in the table that `of` has not used yet."""
        return [name for name in self._boxes if name not in self._used]

    def _find(self, image: str) -> str | None:
        """Returns the name in the table that refers to an image; None if there is none."""
        names = self._names.get(_last(image), [])
        fits = {name: fit for name in names if (fit := _fit(name, image)) is not None}
        best = [name for name, fit in fits.items() if fit == max(fits.values())]
        if len(best) > 1:
            raise InputError(
                f"{self.path}: '{best[0]}' and '{best[1]}' both fit the image {image}; write more of "
                "their folders"
            )
        return best[0] if best else None


def _last(name: str) -> str:
    """Returns the last part of a path, in lower case and without an image suffix."""
    return (path_parts(name_of(name)) or ("",))[-1]


def _fit(name: str, image: str) -> tuple[int, bool, bool] | None:
    """Returns how well a name with the same last part matches an image; None if it does not.

    Larger tuples match better. The order of the criteria: the number of common folders; whether the name
    has no other folders; whether upper and lower case and the suffix are the same.
    """
    a, b = path_parts(name)[:-1], path_parts(image)[:-1]
    shared = trailing_folders(a, b)
    if shared is None:
        return None
    return shared, shared == len(a), image.endswith(name)
