"""The text file in which results on COFW68 are published (https://github.com/golnazghiasi/cofw68-benchmark).

Four lines a face: the number of the photo in COFW's test file, 68 x, 68 y, and 68 flags of occlusion.
Coordinates count from 1, as Matlab does.
"""

from pathlib import Path

import numpy as np

from mlcmkd.schemes import IBUG68
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.texts import MAX_TABLE_BYTES, number, read_text


def read_cofw68_results(path: Path) -> dict[str, np.ndarray]:
    """Read the landmarks of each photo; the flags of occlusion are not used.

    Returns:
        Number of the photo as text, from "1" -> (68, 2) float64, 0-based pixels.

    Raises:
        InputError: not such a file, or two faces of a photo; the message names file and line.
    """
    lines = [
        (n, line.split())
        for n, line in enumerate(read_text(path, MAX_TABLE_BYTES).splitlines(), start=1)
        if line.strip()
    ]
    faces: dict[str, np.ndarray] = {}
    for start in range(0, len(lines), 4):
        n, head = lines[start]
        where, rows = f"{path}, line {n}", lines[start + 1 : start + 4]
        if len(head) != 1 or not head[0].isdecimal() or len(head[0]) > 9:
            raise InputError(
                f"{where}: no number of a photo; COFW68's results have four lines a face: the number of "
                f"the photo, {IBUG68.points} x, {IBUG68.points} y, {IBUG68.points} flags"
            )
        name = str(int(head[0]))
        if len(rows) < 3 or any(len(cells) != IBUG68.points for _, cells in rows):
            counts = ", ".join(str(len(cells)) for _, cells in rows) or "nothing"
            raise InputError(
                f"{where}: the lines after photo {name} have {counts} numbers instead of three lines "
                f"of {IBUG68.points}: x, y and flags; correct them"
            )
        if name in faces:
            raise InputError(f"{where}: photo {name} appears twice; keep one face of a photo")
        x, y = ([number(cell, f"{path}, line {k}") for cell in cells] for k, cells in rows[:2])
        faces[name] = np.stack([x, y], axis=1) - 1.0
    return faces
