"""Read landmarks from `.pts` files, a CSV, a manifest or COFW68's results."""

from pathlib import Path

import numpy as np

from mlcmkd.data.cofw68_results import read_cofw68_results
from mlcmkd.data.folders import files_below
from mlcmkd.data.landmark_faces import LandmarkFiles, name_of
from mlcmkd.data.landmark_tables import read_table
from mlcmkd.data.manifest import MANIFEST, inside, points_of, read_rows
from mlcmkd.data.pts import read_pts
from mlcmkd.schemes import IBUG68, get_scheme
from mlcmkd.utils.errors import InputError


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
        return read_table(path, scheme, bad, several)
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


def _read_pts_folder(folder: Path, scheme: str) -> LandmarkFiles:
    points = get_scheme(scheme).points
    faces: dict[str, np.ndarray] = {}
    for path in files_below(folder):
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
