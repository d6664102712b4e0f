"""Read landmarks from `.pts` files, a CSV, a manifest or COFW68's results, and match two sources.

A face is identified by its name: the path of its file below the folder, or the column `image` of a
CSV, without suffix. `match` finds the same faces in two sources.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

import numpy as np

from mlcmkd.data.cofw68_results import read_cofw68_results
from mlcmkd.data.file_names import path_parts
from mlcmkd.data.images import IMAGE_SUFFIXES
from mlcmkd.data.manifest import MANIFEST, inside, points_of, read_rows
from mlcmkd.data.pts import read_pts
from mlcmkd.schemes import IBUG68, get_scheme
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.texts import number_or_missing, read_csv

LONG = ["image", "scheme", "point", "x", "y"]  # header of the tables of `mlcmkd predict`


@dataclass(frozen=True)
class LandmarkFiles:
    """Faces by name.

    Attributes:
        scheme: landmark scheme of all faces.
        faces: name -> (K, 2) float64, 0-based pixels; NaN for a missing point.
        groups: name -> group, for faces with one.
        images: name -> alternative names: for a manifest's row, the names of its images; for COFW68's
            results, the number as `mlcmkd prepare cofw68` writes it; for a CSV with `several` faces of
            an image, the name of the image.
    """

    scheme: str
    faces: Mapping[str, np.ndarray]
    groups: Mapping[str, str] = field(default_factory=dict)
    images: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def read_landmarks(
    path: Path,
    scheme: str,
    split: str = "test",
    bad: list[InputError] | None = None,
    several: bool = False,
) -> LandmarkFiles:
    """Read all faces of a folder of `.pts` files (1-based), a CSV (0-based), or a manifest.

    A `.txt` file is read as the published results on COFW68 (1-based).

    Args:
        path: the folder, searched with its subfolders; or the file.
        scheme: landmark scheme of `.pts` files and wide CSVs, which do not name it.
        split: split of a manifest.
        bad: list for the errors of single faces of a CSV, which are then left out; None stops at
            the first error.
        several: whether an image of a CSV may have several faces, which are named `IMAGE`, `IMAGE@1`,
            ... in their order: rows of one image, or, in a table with one line per point, these names.

    Raises:
        InputError: no face, or an invalid file; the message names it and a fix.
    """
    if path.is_file() and path.suffix.lower() == ".csv":
        return _read_csv(path, scheme, bad, several)
    if path.is_file() and path.suffix.lower() == ".txt":
        faces = read_cofw68_results(path)
        return LandmarkFiles(
            IBUG68.name, faces, images={name: (f"{int(name):04d}",) for name in faces}
        )
    if not path.is_dir():
        raise InputError(
            f"{path}: neither a folder nor a .csv file (or .txt, of results on COFW68); give one"
        )
    if (path / MANIFEST).is_file():
        return _read_manifest(path, split)
    return _read_pts_folder(path, scheme)


def name_of(path: str) -> str:
    """Return the name of a face from the path of its file, without an image suffix."""
    name = PurePosixPath(path.replace("\\", "/")).as_posix()
    return name[: -len(_suffix(name))] if _suffix(name) else name


def match(predictions: LandmarkFiles, annotations: LandmarkFiles) -> dict[str, str]:
    """Match predictions to annotated faces by name.

    Two names match if they are equal, or if the parts of one path are the end of the other:
    `frames/anna/001` matches `anna/001` and `001`.

    Returns:
        Name of an annotated face -> name of its prediction, without unmatched names.

    Raises:
        InputError: a prediction that matches several faces, or several that match one.
    """
    by_last: dict[str, dict[str, list[str]]] = {}
    for face in annotations.faces:
        for name in (face, *annotations.images.get(face, ())):
            by_last.setdefault(_parts(name)[-1], {}).setdefault(name, []).append(face)
    matches: dict[str, str] = {}
    for prediction in predictions.faces:
        fits: list[str] = []
        for called in (prediction, *predictions.images.get(prediction, ())):
            candidates = by_last.get(_parts(called)[-1], {})
            fits = (
                fits
                or candidates.get(called)
                or [
                    face
                    for name, faces in candidates.items()
                    if _same(name, called)
                    for face in faces
                ]
            )
        if len(set(fits)) > 1:
            raise InputError(
                f"prediction '{prediction}' fits the annotated faces '{fits[0]}' and '{fits[1]}'; "
                "give it the full name of one of them"
            )
        for face in fits[:1]:
            if face in matches:
                raise InputError(
                    f"predictions '{matches[face]}' and '{prediction}' both fit the annotated face "
                    f"'{face}'; keep one, or include the folders in the names of both sources"
                )
            matches[face] = prediction
    return matches


def _suffix(name: str) -> str:
    suffix = PurePosixPath(name).suffix
    return suffix if suffix.lower() in IMAGE_SUFFIXES else ""


def _parts(name: str) -> tuple[str, ...]:
    return path_parts(name) or ("",)


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
    """Read the labelled rows of one split."""
    rows = [row for row in read_rows(folder) if row.split == split and row.landmarks is not None]
    if not rows:
        raise InputError(f"{folder}: no labelled row in split '{split}'; name another split")
    schemes = {row.scheme for row in rows}
    if len(schemes) > 1:
        raise InputError(f"{folder}: rows of split '{split}' differ in scheme; keep one")
    return LandmarkFiles(
        schemes.pop(),
        {row.id: points_of(row) for row in rows},
        {row.id: row.group for row in rows if row.group},
        {
            row.id: tuple(name_of(n) for n in (row.rgb_file_name, row.thermal_file_name) if n)
            for row in rows
        },
    )


def _read_csv(
    path: Path, scheme: str, bad: list[InputError] | None, several: bool
) -> LandmarkFiles:
    header, body = read_csv(path)
    if header != LONG:
        return _wide(path, header, body, scheme, bad, several)
    files = _long(path, body, bad)
    if not several:
        return files
    images = {name_of(cells[0]): (_image_of_face(cells[0]),) for _, cells in body}
    return replace(files, images=images)


def _image_of_face(name: str) -> str:
    """Return the image of `IMAGE@1`, the second face of an image as `mlcmkd predict` names it."""
    image, _, number = name.strip().rpartition("@")
    return image if number.isdecimal() and _suffix(image) else name.strip()


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
            raise InputError(f"{where}: point {index} of '{image}' a second time; keep one line")
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
                raise InputError(f"{where}: '{image}' a second time; keep one face per image")
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
