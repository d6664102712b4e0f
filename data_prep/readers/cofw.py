"""COFW: photos with 29 points and occlusion flags in Matlab 7.3 files, and its 68-point test set."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import scipy.io

from data_prep.readers.base import Annotation, OnBad, already_reported, fail, reader, walk
from data_prep.readers.parsing.matlab73 import Cell, array, opened
from mlcmkd.schemes import COFW29, IBUG68
from mlcmkd.utils.errors import InputError

_ASSUMED = "pixels begin at 1, as Matlab counts"
# Matlab variables of photos and points, split
_PARTS = (("IsTr", "phisTr", None), ("IsT", "phisT", "test"))
_POINTS_FILE = re.compile(r"^(\d+)_points$")


@reader("cofw")
def read(source: Path, on_bad: OnBad = fail) -> Iterator[Annotation]:
    """COFW's `COFW_train*.mat` and `COFW_test*.mat` (Matlab 7.3): 29 points, occlusion flags.

    The test file is the test split. If there are colour and grey files, those in colour are read.
    The persons are unknown, so each photo is one subject.

    Raises:
        InputError: through `on_bad`, an invalid file or row.
    """
    files = _mat_files(source, on_bad)
    colour = [path for path in files if "color" in path.name.lower()]
    for path in colour or files:
        name = path.relative_to(source).as_posix()
        try:
            tables = list(_tables(path))
        except InputError as error:
            on_bad(name, error)
            continue
        for images, split, values in tables:
            for index, row in enumerate(values):
                try:
                    yield _annotation(path, images, split, index, row)
                except InputError as error:
                    on_bad(f"{name}:{images}{{{index + 1}}}", error)


@reader("cofw68")
def read68(source: Path, on_bad: OnBad = fail) -> Iterator[Annotation]:
    """COFW68: `N_points.mat`, 68 points of the N-th test photo of COFW, and COFW's own test file.

    All faces are the test split. `COFW_test_color.mat` must also be below the source.

    Raises:
        InputError: through `on_bad`, an invalid file, or no file of photos.
    """
    files = [
        (int(number[1]), path)
        for path in walk(source, on_bad)
        if path.suffix.lower() == ".mat" and (number := _POINTS_FILE.match(path.stem))
    ]
    photos = [
        path
        for path in _mat_files(source, already_reported)
        if "test" in path.name.lower() and not _POINTS_FILE.match(path.stem)
    ]
    photos.sort(key=lambda path: "color" not in path.name.lower())
    for number, path in sorted(files):
        try:
            if not photos:
                raise InputError(
                    f"{source}: no COFW_test_color.mat, the file of the photos; add it"
                )
            points, hidden = _points68(path)
            yield Annotation(
                id=f"test/{number:04d}",
                subject=f"test/{number:04d}",
                scheme=IBUG68.name,
                landmarks=points - 1,
                rgb_path=Cell(photos[0], "IsT", number - 1),
                split="test",
                labels="hand",
                visible=~hidden,
                assumed=_ASSUMED,
            )
        except InputError as error:
            on_bad(path.relative_to(source).as_posix(), error)


def _mat_files(source: Path, on_bad: OnBad) -> list[Path]:
    return [
        path
        for path in walk(source, on_bad)
        if path.suffix.lower() == ".mat" and path.name.lower().startswith("cofw_t")
    ]


def _tables(path: Path) -> Iterator[tuple[str, str | None, np.ndarray]]:
    """Yield (variable of the photos, split, (N, 87) rows) for every part in a file."""
    found = False
    with opened(path) as file:
        for images, points, split in _PARTS:
            cells, values = array(file, images), array(file, points)
            if cells is None or values is None:
                continue
            found = True
            rows = values[:].T
            if rows.ndim != 2 or rows.shape != (cells.size, 3 * COFW29.points):
                raise InputError(
                    f"{path}: {points} is {rows.shape} for {cells.size} photos, expected "
                    f"{3 * COFW29.points} numbers per photo; download it again"
                )
            yield images, split, rows.astype(np.float64)
    if not found:
        raise InputError(f"{path}: neither IsTr with phisTr nor IsT with phisT; download it again")


def _annotation(
    path: Path, images: str, split: str | None, index: int, row: np.ndarray
) -> Annotation:
    x, y, hidden = row.reshape(3, COFW29.points)
    if not np.isfinite(row).all() or not np.isin(hidden, (0, 1)).all():
        raise InputError(
            f"{path}, row {index + 1}: a coordinate is not finite, or a flag neither 0 nor 1; download "
            "the file again"
        )
    name = f"{split or 'train'}/{index + 1:04d}"
    return Annotation(
        id=name,
        subject=name,
        scheme=COFW29.name,
        landmarks=np.stack([x, y], axis=1) - 1,
        rgb_path=Cell(path, images, index),
        split=split,
        labels="hand",
        visible=hidden == 0,
        assumed=_ASSUMED,
    )


def _points68(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read the points, (68, 2) 1-based pixels, and the occlusion flags, (68,) bool."""
    try:
        stored = scipy.io.loadmat(path, variable_names=["Points", "Occ"])
        points = np.asarray(stored["Points"], dtype=np.float64)
        hidden = np.asarray(stored["Occ"], dtype=np.float64).ravel()
    except Exception as error:  # scipy raises many types of errors for damaged files
        raise InputError(
            f"{path}: not a Matlab file with Points and Occ ({error}); download it again"
        ) from None
    if points.shape != (IBUG68.points, 2) or hidden.shape != (IBUG68.points,):
        raise InputError(
            f"{path}: Points {points.shape} and Occ {hidden.shape} instead of (68, 2) and 68; "
            "download it again"
        )
    if not np.isfinite(points).all():
        raise InputError(
            f"{path}: a coordinate is not finite; "
            "download the file again, or leave it out (--skip-bad)"
        )
    return points, hidden != 0
