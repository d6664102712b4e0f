"""`.pts` files: the points of one face, as the iBUG group publishes them.

Two dialects are in use: the owners' (`version: 1`, `n_points:  68`, braces) and bare `x y` lines.
In both, coordinates are Matlab's: the centre of the first pixel is (1, 1).
"""

import re
from pathlib import Path

import numpy as np

from mlcmkd.utils.errors import InputError
from mlcmkd.utils.texts import number, number_or_missing, read_text

_HEADER = re.compile(r"^\s*(version|n_points)\s*:\s*(\S+)\s*$")


def read_pts(path: Path, points: int, *, missing: bool = False) -> np.ndarray:
    """Landmarks of one `.pts` file, (points, 2) float64, 0-based pixels.

    Args:
        points: how many there have to be.
        missing: also read `nan nan`, a point that is not there, as NaN.

    Raises:
        InputError: not a `.pts` of so many points; names file and line.
    """
    parse = number_or_missing if missing else number
    found: list[tuple[float, float]] = []
    opened = closed = False
    for line_number, line in enumerate(read_text(path).splitlines(), start=1):
        where = f"{path}, line {line_number}"
        header = _HEADER.match(line)
        if not line.strip():
            continue
        if closed:
            raise InputError(f"{where}: text after the closing brace; remove it")
        if header and not opened and not found:
            if header[1] == "n_points" and header[2] != str(points):
                raise InputError(
                    f"{where}: n_points is {header[2][:40]}, but the scheme has {points}; "
                    "remove the file"
                )
        elif line.strip() == "{" and not opened and not found:
            opened = True
        elif line.strip() == "}" and opened:
            closed = True
        else:
            tokens = line.split()
            if len(tokens) != 2:
                raise InputError(
                    f"{where}: '{line.strip()[:40]}' is not a point; write it as `x y`"
                )
            found.append((parse(tokens[0], where), parse(tokens[1], where)))
    if opened and not closed:
        raise InputError(f"{path}: the closing brace is missing; fetch the file again")
    if len(found) != points:
        raise InputError(f"{path}: {len(found)} points instead of {points}; fetch the file again")
    return np.array(found, dtype=np.float64) - 1.0


def write_pts(path: Path, landmarks: np.ndarray) -> None:
    """Landmarks (K, 2), 0-based pixels, in the owners' dialect: pixels from 1, three decimals.

    Raises:
        InputError: the file cannot be written, or a point is not a number.
    """
    if not np.isfinite(landmarks).all():
        raise InputError(f"{path}: a landmark that is not a number cannot be written")
    lines = [f"{x:.3f} {y:.3f}" for x, y in np.asarray(landmarks, dtype=np.float64) + 1.0]
    text = "\n".join(["version: 1", f"n_points: {len(lines)}", "{", *lines, "}", ""])
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from None
