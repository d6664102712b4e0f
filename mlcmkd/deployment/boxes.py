"""Face boxes from a CSV: `image,x0,y0,x1,y1`, 0-based pixels; other columns are passed over.

Several rows of one image are several faces. A row means the image whose path ends in its name, part by
part, with or without the suffix: `anna/001.png` is `frames/anna/001.png`. In videos and stacks a row is
for one frame (`clip.mp4#000012`) or, without a number, for all of them.
"""

from pathlib import Path

from mlcmkd.data.landmark_files import name_of
from mlcmkd.deployment.detector import Box, check_box
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.texts import number, read_csv

COLUMNS = ("image", "x0", "y0", "x1", "y1")


class Boxes:
    """The boxes of a file, asked for by an image's name; it knows which rows nobody asked for."""

    def __init__(self, path: Path):
        """
        Raises:
            InputError: not such a CSV; names file and line.
        """
        header, body = read_csv(path)
        missing = [name for name in COLUMNS if name not in header]
        if missing:
            raise InputError(
                f"{path}: no column '{missing[0]}'; the header has to hold {','.join(COLUMNS)}"
            )
        image, *corners = (header.index(name) for name in COLUMNS)
        self.path = path
        self._boxes: dict[tuple[str, ...], list[Box]] = {}
        for line, cells in body:
            where = f"{path}, line {line}"
            box = check_box([number(cells[n], where) for n in corners], where)
            self._boxes.setdefault(_parts(cells[image]), []).append(box)
        self._longest = max(len(parts) for parts in self._boxes)
        self._used: set[tuple[str, ...]] = set()

    def of(self, name: str) -> list[Box]:
        """Boxes of one image or frame; empty where the file names none.

        The longest row name that the image's name ends in counts, so a full path outranks a bare name,
        and a frame's own rows outrank those of its whole file.
        """
        file, hash_, _ = name.rpartition("#")
        for asked in (name, file) if hash_ else (name,):
            parts = _parts(asked)
            for length in range(min(self._longest, len(parts)), 0, -1):
                key = parts[-length:]
                if key in self._boxes:
                    self._used.add(key)
                    return self._boxes[key]
        return []

    def unused(self) -> list[str]:
        """Names of rows that no image asked for."""
        return ["/".join(parts) for parts in self._boxes if parts not in self._used]


def _parts(name: str) -> tuple[str, ...]:
    return tuple(part for part in name_of(name.strip()).split("/") if part not in ("", "."))
