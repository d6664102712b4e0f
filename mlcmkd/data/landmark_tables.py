"""Tables of landmarks: one line per point, as `mlcmkd predict` writes them, or one per face."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from mlcmkd.data.landmark_faces import LandmarkFiles, image_of_face, name_of
from mlcmkd.schemes import get_scheme
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.texts import number_or_missing, read_csv

LONG = ["image", "scheme", "point", "x", "y"]  # header of the tables of `mlcmkd predict`
# Further columns of these tables, which may be missing and are not read.
MEASURED = ("deviation", "celsius")


def read_table(
    path: Path, scheme: str, bad: list[InputError] | None, several: bool
) -> LandmarkFiles:
    """Read a CSV of landmarks; the arguments are those of `landmark_files.read_landmarks`."""
    header, body = read_csv(path)
    if header[: len(LONG)] != LONG or not set(header[len(LONG) :]) <= set(MEASURED):
        return _wide(path, header, body, scheme, bad, several)
    files = _long(path, [(line, cells[: len(LONG)]) for line, cells in body], bad)
    if not several:
        return files
    images = {name_of(cells[0]): (image_of_face(cells[0]),) for _, cells in body}
    return replace(files, images=images)


def _report(error: InputError, bad: list[InputError] | None) -> None:
    if bad is None:
        raise error
    bad.append(error)


def _long(
    path: Path, body: Iterable[tuple[int, list[str]]], bad: list[InputError] | None
) -> LandmarkFiles:
    """Read a table with one line per point."""
    scheme = ""
    invalid: set[str] = set()
    faces: dict[str, np.ndarray] = {}
    given: dict[str, np.ndarray] = {}
    for line, (image, named, point, x, y) in body:
        where = f"{path}, line {line}"
        name, scheme = name_of(image), scheme or named
        try:
            points = get_scheme(scheme).points
        except InputError as error:
            raise InputError(f"{where}: {error}") from None
        if named != scheme:
            raise InputError(f"{where}: scheme '{named}' after '{scheme}'; keep one in a file")
        if not (point.strip().isdecimal() and int(point) < points):
            raise InputError(
                f"{where}: point '{point[:40]}', but {scheme} has the points 0 to {points - 1}; "
                "correct it"
            )
        index = int(point)
        face = faces.setdefault(name, np.full((points, 2), np.nan))
        seen = given.setdefault(name, np.zeros(points, dtype=bool))
        if seen[index]:
            raise InputError(f"{where}: point {index} of '{image}' appears twice; keep one line")
        seen[index] = True
        try:
            face[index] = _point(x, y, where)
        except InputError as error:
            _report(error, bad)
            invalid.add(name)
    for name, seen in given.items():
        if not seen.all() and name not in invalid:
            error = InputError(
                f"{path}: face '{name}' has {int(seen.sum())} of {len(seen)} points, "
                f"{int(np.argmin(seen))} is missing; write a line for each, with nan for x and y if "
                "a point is missing"
            )
            _report(error, bad)
            invalid.add(name)
    return LandmarkFiles(scheme, {n: face for n, face in faces.items() if n not in invalid})


def _wide(
    path: Path,
    header: list[str],
    body: Iterable[tuple[int, list[str]]],
    scheme: str,
    bad: list[InputError] | None,
    several: bool,
) -> LandmarkFiles:
    """Read a table with one line per face: image, x0, y0, x1, y1, ..."""
    points = get_scheme(scheme).points
    # The points are numbered from 0, or from 1 as in the figures of many schemes.
    first = 1 if header[1:2] == ["x1"] else 0
    expected = ["image", *(f"{axis}{n + first}" for n in range(points) for axis in "xy")]
    if header != expected:
        raise InputError(
            f"{path}: the header must be {','.join(LONG)}, or image,x0,y0 to "
            f"x{points - 1},y{points - 1} ({scheme}), but has {_difference(header, expected)}; correct "
            "it, or name another scheme"
        )
    faces: dict[str, np.ndarray] = {}
    images: dict[str, tuple[str, ...]] = {}
    count: Counter[str] = Counter()
    for line, (image, *cells) in body:
        where, name = f"{path}, line {line}", name_of(image)
        count[name] += 1
        if count[name] > 1:
            if not several:
                raise InputError(f"{where}: '{image}' appears twice; keep one face per image")
            name = f"{image.strip()}@{count[name] - 1}"
        if several:
            images[name] = (image.strip(),)
        pairs = zip(cells[0::2], cells[1::2], strict=True)
        try:
            faces[name] = np.array([_point(x, y, where) for x, y in pairs])
        except InputError as error:
            _report(error, bad)
    return LandmarkFiles(scheme, faces, images=images)


def _difference(header: list[str], expected: list[str]) -> str:
    """Say how a header differs from the expected one."""
    for column, (name, right) in enumerate(zip(header, expected, strict=False), start=1):
        if not name:
            return f"no name in column {column} (row numbers of pandas? export with index=False)"
        if name != right:
            return f"'{name[:40]}' instead of '{right}' in column {column}"
    return f"{(len(header) - 1) // 2} points"


def _point(x: str, y: str, where: str) -> tuple[float, float]:
    """Convert a point to numbers; both are NaN if one of them is missing."""
    point = number_or_missing(x, where), number_or_missing(y, where)
    return (np.nan, np.nan) if np.isnan(point).any() else point
