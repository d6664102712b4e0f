"""Files that `pair_folder` reads besides the images: landmarks, time stamps, a calibration."""

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cache
from pathlib import Path

import numpy as np
from pydantic import Field, model_validator

from data_prep.registration import Homography, Stereo, ThroughPlane
from mlcmkd.data.file_names import path_parts, trailing_folders
from mlcmkd.data.images import IMAGE_SUFFIXES
from mlcmkd.schemes import get_scheme
from mlcmkd.utils.config import Config
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.texts import number, number_or_missing, read_csv
from mlcmkd.utils.yaml_files import read_yaml

_MAX_POINTS = 1000  # more than any scheme; a larger index is an error in the file


class Calibration(Config):
    """A YAML or JSON file: either `homography`, or the seven fields of a stereo rig."""

    homography: list[list[float]] | None = Field(
        default=None,
        description="3 rows of 3, from RGB to thermal pixels; methods that compare the images' "
        "content start from it.",
    )
    K1: list[list[float]] | None = Field(
        default=None, description="Intrinsics of the RGB camera, see data_prep.registration.Stereo."
    )
    dist1: list[float] = Field(default=[], description="Lens distortion of the RGB camera.")
    K2: list[list[float]] | None = Field(
        default=None, description="Intrinsics of the thermal camera."
    )
    dist2: list[float] = Field(default=[], description="Lens distortion of the thermal camera.")
    R: list[list[float]] | None = Field(
        default=None, description="Rotation from the RGB to the thermal camera, 3 rows of 3."
    )
    t: list[float] | None = Field(
        default=None, description="Translation from the RGB to the thermal camera."
    )
    depth: float | None = Field(
        default=None, description="Depth of the plane that represents the face, in the unit of t."
    )
    normal: tuple[float, float, float] = Field(
        default=(0.0, 0.0, 1.0), description="Normal of that plane, in the RGB camera's frame."
    )

    @model_validator(mode="after")
    def _one_of_two(self) -> "Calibration":
        rig = (self.K1, self.K2, self.R, self.t, self.depth)
        if (self.homography is None) == all(part is None for part in rig):
            raise ValueError("give either homography, or K1, K2, R, t and depth")
        if self.homography is None and any(part is None for part in rig):
            raise ValueError("a stereo rig needs all of K1, K2, R, t and depth")
        return self

    def stereo(self) -> Stereo:
        """The rig of a stereo calibration, checked."""
        parts = (self.K1, self.dist1, self.K2, self.dist2, self.R, self.t)
        return Stereo(*(_array(part) for part in parts))


def _array(values: list) -> np.ndarray:
    try:
        return np.array(values, dtype=np.float64)
    except ValueError:
        raise InputError(
            f"calibration: rows of unequal length in {str(values)[:60]}; correct them"
        ) from None


def read_calibration(path: Path) -> Calibration:
    """Read and check a calibration file.

    Raises:
        InputError: no such file, not YAML, missing, invalid or unknown fields, or an impossible
            calibration (see Homography, Stereo and ThroughPlane).
    """
    fields = read_yaml(path)
    try:
        calibration = Calibration.validated("calibration", fields)
        if calibration.homography is not None:
            Homography(_array(calibration.homography))
        else:
            ThroughPlane(calibration.stereo(), calibration.depth, np.array(calibration.normal))
        return calibration
    except InputError as error:
        raise InputError(f"{path}, {error}") from None


Landmarks = tuple[str | None, np.ndarray]  # scheme, (K, 2) pixels with NaN for a missing point


def read_landmarks(path: Path, folder: Path, names: Mapping[str, Path]) -> dict[str, Landmarks]:
    """Read landmarks by image from a CSV of `mlcmkd predict`: image, scheme, point, x, y.

    Args:
        folder: folder of the images; image names in the file may be relative to it.
        names: id -> image, of all images in the folder; other rows of the file are ignored.

    Raises:
        InputError: not readable, a missing column, or an invalid row; the message names the line.
    """
    faces: dict[str, dict[int, tuple[float, float]]] = {}
    schemes: dict[str, str] = {}
    find = _finder(folder, names)
    for where, row in _rows(path, ("image", "scheme", "point", "x", "y")):
        name = find(row["image"])
        if name is None:
            continue
        if schemes.setdefault(name, row["scheme"]) != row["scheme"]:
            raise InputError(
                f"{where}: a second scheme, '{row['scheme']}', for one image; keep one"
            )
        index = number(row["point"], where)
        if not (index.is_integer() and 0 <= index < _MAX_POINTS):
            raise InputError(f"{where}: point '{row['point']}' is not an index from 0; correct it")
        points = faces.setdefault(name, {})
        if int(index) in points:
            raise InputError(
                f"{where}: point {int(index)} of '{row['image']}' appears twice; keep one"
            )
        points[int(index)] = tuple(number_or_missing(row[axis], where) for axis in "xy")
    if not faces:
        raise InputError(
            f"{path}: none of its images is in {folder}, where the first is called "
            f"'{next(iter(names))}'; use the names of the images"
        )
    return {name: _as_array(path, name, schemes[name], points) for name, points in faces.items()}


def _as_array(
    path: Path, name: str, scheme: str, points: dict[int, tuple[float, float]]
) -> Landmarks:
    try:
        count = get_scheme(scheme).points if scheme else max(points) + 1
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    if max(points) >= count:
        raise InputError(
            f"{path}: '{name}' has point {max(points)}, but scheme {scheme} has {count} points; "
            "correct one of the two"
        )
    marks = np.full((count, 2), np.nan)
    for index, place in points.items():
        marks[index] = place
    return scheme or None, marks


def read_times(path: Path, folder: Path, names: Mapping[str, Path]) -> dict[str, float]:
    """Read time stamps by image, seconds, from a CSV with the columns image and seconds.

    Raises:
        InputError: not readable, a missing column, or an image that does not exist or appears twice.
    """
    times: dict[str, float] = {}
    find = _finder(folder, names)
    for where, row in _rows(path, ("image", "seconds")):
        name = find(row["image"])
        if name is None:
            raise InputError(f"{where}: no image '{row['image']}' in {folder}; correct the name")
        if name in times:
            raise InputError(f"{where}: '{row['image']}' appears twice; keep one row")
        times[name] = number(row["seconds"], where)
    return times


def _finder(folder: Path, names: Collection[str]) -> Callable[[str], str | None]:
    """Return a function that finds the id that an image name in a table refers to, None without one.

    The name is a path of this machine, or as in the tables of `mlcmkd prepare folder`: of two ids with
    the same last part, that with more trailing folders in common.
    """
    by_last: dict[str, list[str]] = {}
    for name in names:
        by_last.setdefault(path_parts(name)[-1], []).append(name)

    @cache
    def find(image: str) -> str | None:
        name = _id(image, folder)
        if name in names:
            return name
        *folders, last = path_parts(_id(image.replace("\\", "/"), folder)) or ("",)
        shared = {
            other: trailing_folders(tuple(folders), path_parts(other)[:-1])
            for other in by_last.get(last, [])
        }
        shared = {other: count for other, count in shared.items() if count is not None}
        best = [other for other, count in shared.items() if count == max(shared.values())]
        return best[0] if len(best) == 1 else None

    return find


def _id(image: str, folder: Path) -> str:
    """Convert an image name in a table to an id: relative to the folder, without suffix."""
    path = Path(image)
    below = path.resolve().is_relative_to(folder.resolve())
    if below and (path.is_absolute() or not (folder / path).is_file()):
        path = path.resolve().relative_to(folder.resolve())
    # A name may contain further dots, such as `frame.0001`.
    known = path.suffix.lower() in IMAGE_SUFFIXES
    return (path.with_suffix("") if known else path).as_posix()


def _rows(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the rows of a CSV with a header, each with its location for error messages."""
    header, body = read_csv(path)
    missing = [name for name in columns if name not in header]
    if missing:
        raise InputError(f"{path}: no column '{missing[0]}'; name {', '.join(columns)}")
    for line, cells in body:
        yield f"{path}, line {line}", dict(zip(header, cells, strict=True))
