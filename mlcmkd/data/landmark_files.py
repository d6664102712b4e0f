"""Landmarks in files that come from anywhere: a folder of `.pts`, a CSV, a manifest.

A face is known by its name: the path of its file below the folder, or what a CSV says in its column
`image`, without the suffix. `match` finds which faces of two such collections are the same.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np

from mlcmkd.data.manifest import MANIFEST, inside, read_rows
from mlcmkd.data.pts import read_pts
from mlcmkd.schemes import get_scheme
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.texts import number_or_missing, read_csv

LONG = ["image", "scheme", "point", "x", "y"]  # as `mlcmkd predict` writes it
_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".npy")


@dataclass(frozen=True)
class LandmarkFiles:
    """Faces by name.

    Attributes:
        scheme: of all of them.
        faces: name -> (K, 2) float64, 0-based pixels; NaN where a point is missing.
        groups: name -> group, for those that have one.
        images: name -> other names it goes by: a manifest's row also by those of its images.
    """

    scheme: str
    faces: Mapping[str, np.ndarray]
    groups: Mapping[str, str] = field(default_factory=dict)
    images: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def read_landmarks(
    path: Path, scheme: str, split: str = "test", bad: list[InputError] | None = None
) -> LandmarkFiles:
    """All faces of a folder of `.pts` (1-based, as iBUG's), of a CSV (0-based), or of a manifest.

    Args:
        path: the folder, searched with its sub-folders; or the CSV file.
        scheme: of what does not name its own: `.pts` files and wide CSVs.
        split: of a manifest.
        bad: takes what is wrong with single faces of a CSV, which are left out then; None stops there.

    Raises:
        InputError: nothing there, or a file that cannot be used, with its name and the mend.
    """
    if path.is_file() and path.suffix.lower() == ".csv":
        return _read_csv(path, scheme, bad)
    if not path.is_dir():
        raise InputError(f"{path}: neither a folder nor a .csv file; give one of the two")
    if (path / MANIFEST).is_file():
        return _read_manifest(path, split)
    return _read_pts_folder(path, scheme)


def name_of(path: str) -> str:
    """The name of a face from the path of its file, without the suffix of an image."""
    name = PurePosixPath(path).as_posix()
    return name[: -len(_suffix(name))] if _suffix(name) else name


def match(predictions: LandmarkFiles, annotations: LandmarkFiles) -> dict[str, str]:
    """Name of an annotated face -> name of its prediction; predictions of no face are not in it.

    Names are the same where they are equal, or where one is the end of the other, part by part:
    `frames/anna/001` is `anna/001` and `001`.

    Raises:
        InputError: a prediction that fits several faces, or several that fit one; names them.
    """
    by_last: dict[str, dict[str, list[str]]] = {}
    for face in annotations.faces:
        for name in (face, *annotations.images.get(face, ())):
            by_last.setdefault(_parts(name)[-1], {}).setdefault(name, []).append(face)
    found: dict[str, str] = {}
    for prediction in predictions.faces:
        there = by_last.get(_parts(prediction)[-1], {})
        fits = there.get(prediction) or [
            face for name, faces in there.items() if _same(name, prediction) for face in faces
        ]
        if len(set(fits)) > 1:
            raise InputError(
                f"prediction '{prediction}' fits the annotated faces '{fits[0]}' and '{fits[1]}'; "
                "name it as one of them in full"
            )
        for face in fits[:1]:
            if face in found:
                raise InputError(
                    f"predictions '{found[face]}' and '{prediction}' both fit the annotated face "
                    f"'{face}'; keep one, or name the faces with their folders on both sides"
                )
            found[face] = prediction
    return found


def _suffix(name: str) -> str:
    suffix = PurePosixPath(name).suffix
    return suffix if suffix.lower() in _SUFFIXES else ""


def _parts(name: str) -> tuple[str, ...]:
    return PurePosixPath(name).parts or ("",)


def _same(one: str, other: str) -> bool:
    """Whether one name is the end of the other."""
    a, b = _parts(one), _parts(other)
    length = min(len(a), len(b))
    return a[-length:] == b[-length:]


def _read_pts_folder(folder: Path, scheme: str) -> LandmarkFiles:
    points = get_scheme(scheme).points
    faces: dict[str, np.ndarray] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() != ".pts" or not path.is_file():
            continue
        below = path.relative_to(folder)
        inside(folder, str(below))
        name = name_of(below.with_suffix("").as_posix())
        if name in faces:
            raise InputError(f"{path}: a second file for the face '{name}'; keep one")
        faces[name] = read_pts(path, points, missing=True)
    if not faces:
        raise InputError(f"{folder}: no .pts file and no {MANIFEST} in it; give another folder")
    return LandmarkFiles(scheme, faces)


def _read_manifest(folder: Path, split: str) -> LandmarkFiles:
    """The labelled rows of one split."""
    rows = [row for row in read_rows(folder) if row.split == split and row.landmarks is not None]
    if not rows:
        raise InputError(f"{folder}: no labelled row in split '{split}'; name another split")
    schemes = {row.scheme for row in rows}
    if len(schemes) > 1:
        raise InputError(f"{folder}: rows of split '{split}' differ in scheme; keep one")
    return LandmarkFiles(
        schemes.pop(),
        {row.id: np.array(row.landmarks) for row in rows},
        {row.id: row.group for row in rows if row.group},
        {
            row.id: tuple(name_of(n) for n in (row.rgb_file_name, row.thermal_file_name) if n)
            for row in rows
        },
    )


def _read_csv(path: Path, scheme: str, bad: list[InputError] | None) -> LandmarkFiles:
    header, body = read_csv(path)
    if header == LONG:
        return _long(path, body, bad)
    return _wide(path, header, body, scheme, bad)


def _told(error: InputError, bad: list[InputError] | None) -> None:
    if bad is None:
        raise error
    bad.append(error)


def _long(
    path: Path, body: Iterable[tuple[int, list[str]]], bad: list[InputError] | None
) -> LandmarkFiles:
    """A line a point."""
    scheme = ""
    spoilt: set[str] = set()
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
                f"{where}: point '{point[:40]}', but {scheme} has the points 0 to {points - 1}"
            )
        index = int(point)
        face = faces.setdefault(name, np.full((points, 2), np.nan))
        seen = given.setdefault(name, np.zeros(points, dtype=bool))
        if seen[index]:
            raise InputError(f"{where}: point {index} of '{image}' a second time; keep one face")
        seen[index] = True
        try:
            face[index] = _point(x, y, where)
        except InputError as error:
            _told(error, bad)
            spoilt.add(name)
    for name, seen in given.items():
        if not seen.all() and name not in spoilt:
            error = InputError(
                f"{path}: face '{name}' has {int(seen.sum())} of {len(seen)} points, "
                f"{int(np.argmin(seen))} is missing; write a line for each, with nan for x and y "
                "where it is not there"
            )
            _told(error, bad)
            spoilt.add(name)
    return LandmarkFiles(scheme, {n: face for n, face in faces.items() if n not in spoilt})


def _wide(
    path: Path,
    header: list[str],
    body: Iterable[tuple[int, list[str]]],
    scheme: str,
    bad: list[InputError] | None,
) -> LandmarkFiles:
    """A line a face: image, x0, y0, x1, y1, ..."""
    points = get_scheme(scheme).points
    expected = ["image", *(f"{axis}{n}" for n in range(points) for axis in "xy")]
    if header != expected:
        counted = f"{(len(header) - 1) // 2} points" if header[:2] == ["image", "x0"] else "others"
        raise InputError(
            f"{path}: the header has to be {','.join(LONG)}, or image,x0,y0 to "
            f"x{points - 1},y{points - 1} ({scheme}), but has {counted}; correct it, or name "
            "another scheme"
        )
    faces: dict[str, np.ndarray] = {}
    for line, (image, *cells) in body:
        where, name = f"{path}, line {line}", name_of(image)
        if name in faces:
            raise InputError(f"{where}: '{image}' a second time; keep one face an image")
        pairs = zip(cells[0::2], cells[1::2], strict=True)
        try:
            faces[name] = np.array([_point(x, y, where) for x, y in pairs])
        except InputError as error:
            _told(error, bad)
    return LandmarkFiles(scheme, faces)


def _point(x: str, y: str, where: str) -> tuple[float, float]:
    """A point, or NaN twice where one of the two is missing."""
    point = number_or_missing(x, where), number_or_missing(y, where)
    return (np.nan, np.nan) if np.isnan(point).any() else point
