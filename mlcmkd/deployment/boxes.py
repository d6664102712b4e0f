"""Face boxes (x0, y0, x1, y1) in 0-based pixels: checks, overlap, and tables in CSV files."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mlcmkd.data.crops import outside
from mlcmkd.data.landmark_files import name_of
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.texts import number, read_csv

Box = tuple[float, float, float, float]
COLUMNS = ("image", "x0", "y0", "x1", "y1")


def check_box(box: Sequence[float], name: str, size: tuple[int, int] | None = None) -> Box:
    """Returns a box as four floats after checking it.

    Args:
        name: whose box it is, for error messages.
        size: (width, height) of the image in pixels, where it is known.

    Raises:
        InputError: not four finite numbers with x0 < x1 and y0 < y1, fractions of the image instead
            of pixels, or a box entirely outside its image.
    """
    try:
        x0, y0, x1, y1 = (float(value) for value in box)
    except (TypeError, ValueError):
        raise InputError(f"{name}: a box is four numbers, x0 y0 x1 y1") from None
    text = f"{name}: the box {x0:g} {y0:g} {x1:g} {y1:g}"
    if not (np.isfinite([x0, y0, x1, y1]).all() and x0 < x1 and y0 < y1):
        raise InputError(f"{text} must be x0 y0 x1 y1 with x0 < x1 and y0 < y1")
    # Some detectors return coordinates divided by the image size.
    if max(abs(x0), abs(y0), abs(x1), abs(y1)) <= 1:
        raise InputError(f"{text} looks like fractions of the image; give pixels")
    if size is not None and outside((x0, y0, x1, y1), size):
        raise InputError(
            f"{text} lies outside the image of {size[0]} x {size[1]} pixels; is it another image's?"
        )
    return x0, y0, x1, y1


def iou(one: Box, other: Box) -> float:
    """Intersection over union of two boxes, 0 to 1."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return width * height / (areas - width * height)


class BoxTable:
    """Face boxes from a CSV with the columns `image,x0,y0,x1,y1`; other columns are ignored.

    Several rows of one image are several faces. A row applies to the image whose path ends with its
    name, compared folder by folder, with or without the suffix: `anna/001.png` applies to
    `frames/anna/001.png`. In videos and stacks a row applies to one frame (`clip.mp4#000012`) or,
    without a number, to all frames.

    Args:
        path: the CSV.

    Raises:
        InputError: not such a CSV; the message names file and line.
    """

    def __init__(self, path: Path):
        header, body = read_csv(path)
        missing = [name for name in COLUMNS if name not in header]
        if missing:
            raise InputError(
                f"{path}: no column '{missing[0]}'; the header must contain {','.join(COLUMNS)}"
            )
        image, *corners = (header.index(name) for name in COLUMNS)
        self.path = path
        self._boxes: dict[tuple[str, ...], list[Box]] = {}
        for line, cells in body:
            location = f"{path}, line {line}"
            box = check_box([number(cells[n], location) for n in corners], location)
            self._boxes.setdefault(_path_parts(cells[image]), []).append(box)
        self._longest = max(len(parts) for parts in self._boxes)
        self._used: set[tuple[str, ...]] = set()

    def of(self, name: str) -> list[Box]:
        """Boxes of one image or frame; empty if the table has none.

        The longest matching row name is used, so a full path takes precedence over a file name, and
        the rows of a frame over those of its whole file.
        """
        file, hash_, _ = name.rpartition("#")
        for candidate in (name, file) if hash_ else (name,):
            parts = _path_parts(candidate)
            for length in range(min(self._longest, len(parts)), 0, -1):
                key = parts[-length:]
                if key in self._boxes:
                    self._used.add(key)
                    return self._boxes[key]
        return []

    def unused(self) -> list[str]:
        """Names of the rows that `of` has not returned yet."""
        return ["/".join(parts) for parts in self._boxes if parts not in self._used]


def _path_parts(name: str) -> tuple[str, ...]:
    return tuple(part for part in name_of(name.strip()).split("/") if part not in ("", "."))
