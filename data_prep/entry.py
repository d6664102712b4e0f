"""One row to be written: its checks, and its images stored under the hash of their bytes."""

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from data_prep.image_checks import as_rgb, check_photo, check_thermal, decode, read_bytes
from data_prep.readers.base import ImageLoader
from mlcmkd.data.crops import outside
from mlcmkd.data.manifest import PairRow
from mlcmkd.data.thermal.radiometry import Radiometry, to_centikelvin
from mlcmkd.utils.errors import InputError

# Called with the decoded photo, (H, W, 3) uint8 RGB, and the sha256 of its bytes; gives degrees C,
# (H, W).
Twin = Callable[[np.ndarray, str], np.ndarray]

_NAME_CHARACTERS = 20


@dataclass(frozen=True)
class Entry:
    """A row to be written, with its images.

    Functions are best instances of a dataclass that can be called: by its fields an interrupted
    preparation knows whether the row was finished. A plain function is called again.

    Attributes:
        id, subject, split, scheme, source, labels, group, box, facts, assumed: as in
            mlcmkd.data.manifest.PairRow.
        landmarks: (K, 2) pixels, or None.
        visible: (K,) bool, or None.
        rgb: an 8-bit photo; or a function that gives one, (H, W, 3) uint8 RGB; or None.
        thermal: a thermal file; or degrees C, (H, W); or a function that simulates them from the
            photo; or None.
        radiometry: how the thermal values are read; "centikelvin" for an array or a function.
    """

    id: str
    subject: str
    split: str
    scheme: str
    landmarks: np.ndarray | None = None
    rgb: Path | ImageLoader | None = None
    thermal: Path | np.ndarray | Twin | None = None
    radiometry: Radiometry | None = None
    source: str = ""
    labels: str = ""
    group: str | None = None
    box: tuple[float, float, float, float] | None = None
    visible: np.ndarray | None = None
    facts: Mapping[str, str | float] | None = None
    assumed: str | None = None


def store(entry: Entry, folder: Path) -> PairRow:
    """Check an entry, put its images into `folder` and give its row.

    Raises:
        InputError: an image is missing or does not decode, is not what the radiometry says, the
            two differ in size, or the landmarks or the box lie far outside.
    """
    names: dict[str, str | None] = {}
    rgb = thermal = None
    if callable(entry.rgb):
        rgb = entry.rgb()
        data = cv2.imencode(".png", rgb[..., ::-1])[1].tobytes()
        names |= _put(folder, "rgb", data, ".png")
    elif entry.rgb is not None:
        data = read_bytes(entry.rgb)
        rgb = decode(data, entry.rgb)
        check_photo(rgb, entry.rgb)
        names |= _put(folder, "rgb", data, entry.rgb.suffix)
    if isinstance(entry.thermal, Path):
        data = read_bytes(entry.thermal)
        thermal = decode(data, entry.thermal)
        if entry.radiometry is None:
            raise InputError(f"row '{entry.id}': a thermal file needs its radiometry")
        check_thermal(thermal, entry.radiometry, entry.thermal)
        names |= _put(folder, "thermal", data, entry.thermal.suffix)
    elif entry.thermal is not None:
        if entry.radiometry is None or entry.radiometry.kind != "centikelvin":
            raise InputError(f"row '{entry.id}': temperatures are stored as centikelvin; say so")
        thermal = entry.thermal
        if callable(thermal):
            if rgb is None:
                raise InputError(f"row '{entry.id}': a twin is simulated from a photo; give one")
            thermal = thermal(as_rgb(rgb), names["rgb_sha256"])
        data = cv2.imencode(".png", to_centikelvin(thermal))[1].tobytes()
        names |= _put(folder, "thermal", data, ".png")
    shapes = {image.shape[:2] for image in (rgb, thermal) if image is not None}
    if len(shapes) > 1:
        raise InputError(
            f"row '{entry.id}': the photo is {_size(rgb)} and the thermal image {_size(thermal)} "
            "pixels; register and resample them to one size first"
        )
    if shapes:
        (shape,) = shapes
        if entry.landmarks is not None:
            _check_landmarks(entry, shape)
        if entry.box is not None and outside(entry.box, shape[::-1]):
            raise InputError(
                f"row '{entry.id}': the box {entry.box} lies outside the image of {shape[1]} x "
                f"{shape[0]} pixels; correct it or leave it out"
            )
    try:
        return PairRow(
            id=entry.id,
            subject=entry.subject,
            split=entry.split,
            landmarks=None if entry.landmarks is None else np.asarray(entry.landmarks).tolist(),
            scheme=entry.scheme,
            radiometry=entry.radiometry if thermal is not None else None,
            source=entry.source,
            labels=entry.labels,
            group=entry.group,
            box=entry.box,
            visible=None if entry.visible is None else np.asarray(entry.visible).tolist(),
            facts=entry.facts,
            assumed=entry.assumed,
            **names,
        )
    except ValueError as error:
        reason = error.errors()[0]["msg"] if hasattr(error, "errors") else error
        raise InputError(f"row '{entry.id}': {reason}") from None


def _check_landmarks(entry: Entry, shape: tuple[int, int]) -> None:
    """A face may stick out of its image by some way, but not by a whole image."""
    size = np.array(shape[::-1], dtype=np.float64)
    marks = np.asarray(entry.landmarks, dtype=np.float64)
    if marks.ndim != 2 or marks.shape[1] != 2:
        raise InputError(f"row '{entry.id}': landmarks of shape {marks.shape} instead of (K, 2)")
    far = ~((marks > -size) & (marks < 2 * size)).all(axis=1)
    if far.any():
        point = int(np.argmax(far))
        raise InputError(
            f"row '{entry.id}': landmark {point} is at {tuple(marks[point].tolist())} in an image "
            f"of {shape[1]} x {shape[0]} pixels; are its units pixels?"
        )


def _size(image: np.ndarray) -> str:
    return f"{image.shape[1]} x {image.shape[0]}"


def _put(folder: Path, side: str, data: bytes, suffix: str) -> dict[str, str]:
    """Write the bytes under their hash; the row's two fields of that side."""
    digest = hashlib.sha256(data).hexdigest()
    name = f"{side}/{digest[:_NAME_CHARACTERS]}{suffix.lower()}"
    path = folder / name
    # It may be there already, of a photo's other twin, or of a try that broke off.
    if not (path.is_file() and path.read_bytes() == data):
        path.parent.mkdir(exist_ok=True)
        # Two processes may meet the same bytes: each writes its own file, the renames are atomic.
        partial_path = path.with_name(f"{path.name}.{os.getpid()}")
        partial_path.write_bytes(data)
        partial_path.replace(path)
    return {f"{side}_file_name": name, f"{side}_sha256": digest}
