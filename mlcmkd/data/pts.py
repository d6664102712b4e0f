"""`.pts` files: the points of one face, in the format of the iBUG group.

There are two variants: with header (`version: 1`, `n_points:  68`, braces), and bare `x y` lines. In
both, coordinates are 1-based as in Matlab: the centre of the first pixel is (1, 1).
"""

import re
from pathlib import Path

import numpy as np

from mlcmkd.utils.errors import InputError
from mlcmkd.utils.texts import number, number_or_missing, read_text
from mlcmkd.utils.writing import replacing

_HEADER = re.compile(r"^\s*(version|n_points)\s*:\s*(\S+)\s*$")


def read_pts(path: Path, points: int, *, missing: bool = False) -> np.ndarray:
    """Read the landmarks of one `.pts` file, (points, 2) float64, 0-based pixels.

    Args:
        points: the expected number of points.
        missing: accept `nan nan` for a missing point.

    Raises:
        InputError: not a `.pts` file of this number of points; the message names file and line.
    """
    parse = number_or_missing if missing else number
    landmarks: list[tuple[float, float]] = []
    opened = closed = False
    for line_number, line in enumerate(read_text(path).splitlines(), start=1):
        where = f"{path}, line {line_number}"
        header = _HEADER.match(line)
        if not line.strip():
            continue
        if closed:
            raise InputError(f"{where}: text after the closing brace; correct the file")
        if header and not opened and not landmarks:
            if header[1] == "n_points" and header[2] != str(points):
                raise InputError(
                    f"{where}: n_points is {header[2][:40]}, but the scheme has {points}; "
                    "name another scheme, or leave the file out"
                )
        elif line.strip() == "{" and not opened and not landmarks:
            opened = True
        elif line.strip() == "}" and opened:
            closed = True
        else:
            tokens = line.split()
            if len(tokens) != 2:
                raise InputError(
                    f"{where}: '{line.strip()[:40]}' is not a point; write it as `x y`"
                )
            landmarks.append((parse(tokens[0], where), parse(tokens[1], where)))
    if opened and not closed:
        raise InputError(f"{path}: the closing brace is missing; download the file again")
    if len(landmarks) != points:
        raise InputError(
            f"{path}: {len(landmarks)} points instead of {points}; download the file again"
        )
    return np.array(landmarks, dtype=np.float64) - 1.0


def write_pts(path: Path, landmarks: np.ndarray) -> None:
    """Write landmarks (K, 2), 0-based pixels, with iBUG's header: 1-based pixels, three decimals.

    Raises:
        InputError: the file cannot be written, or a point is not a number.
    """
    if not np.isfinite(landmarks).all():
        raise InputError(
            f"{path}: a landmark is not a finite number and cannot be written; leave it out"
        )
    lines = [f"{x:.3f} {y:.3f}" for x, y in np.asarray(landmarks, dtype=np.float64) + 1.0]
    text = "\n".join(["version: 1", f"n_points: {len(lines)}", "{", *lines, "}", ""])
    try:
        with replacing(path) as part:
            part.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written ({error.strerror}); choose another folder"
        ) from None
