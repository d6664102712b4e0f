"""One row to be written: its checks, and its images stored under the hash of their bytes."""

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from data_prep.geometry_checks import check_box, check_declared_size, check_landmarks, image_size
from data_prep.image_checks import (
    as_rgb,
    as_thermal_array,
    check_photo,
    check_thermal,
    read_with_copy,
    without_dead_pixels,
)
from data_prep.readers.base import ImageLoader
from mlcmkd.data.crops import face_box
from mlcmkd.data.images import encode_image
from mlcmkd.data.manifest import PairRow
from mlcmkd.data.modality import Modality
from mlcmkd.data.thermal.radiometry import Radiometry, to_centikelvin
from mlcmkd.utils.errors import InputError

# Called with the decoded photo, (H, W, 3) uint8 RGB, and the sha256 of its bytes; returns (H, W)
# degrees C.
ThermalSimulator = Callable[[np.ndarray, str], np.ndarray]

_NAME_CHARACTERS = 20  # of the hash, in file names


@dataclass(frozen=True)
class Entry:
    """A row to be written, with its images.

    Functions should be callable dataclass instances: an interrupted preparation recognises by their
    fields whether the row is finished. A plain function is always called again.

    Attributes:
        id, subject, split, scheme, source, labels, group, box, facts, assumed: as in
            mlcmkd.data.manifest.PairRow.
        landmarks: (K, 2) pixels, NaN for a point without a label; or None.
        visible: (K,) bool, or None.
        declared_size: (width, height) pixels of the image that was annotated, or None.
        rgb: an 8-bit photo file; or a function that returns one, (H, W, 3) uint8 RGB; or None.
        thermal: a thermal file; or an array, (H, W): degrees C as floats, or values as cameras store
            them, uint16 or uint8 (false colours (H, W, 3), RGB); or a function that simulates degrees
            C from the photo; or None.
        radiometry: radiometry of the thermal values, or a mapping of its fields; kind "centikelvin"
            for degrees C.

    Raises:
        InputError: a photo that is neither a file nor a function, or an invalid radiometry.
    """

    id: str
    subject: str
    split: str
    scheme: str
    landmarks: np.ndarray | None = None
    rgb: Path | ImageLoader | None = None
    thermal: Path | np.ndarray | ThermalSimulator | None = None
    radiometry: Radiometry | None = None
    source: str = ""
    labels: str = ""
    group: str | None = None
    box: tuple[float, float, float, float] | None = None
    visible: np.ndarray | None = None
    facts: Mapping[str, str | float] | None = None
    assumed: str | None = None
    declared_size: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        for field in ("rgb", "thermal"):
            if isinstance(path := getattr(self, field), str):
                object.__setattr__(self, field, Path(path))
        if self.radiometry is not None:  # a mapping of its fields becomes one
            radiometry = Radiometry.validated(f"row '{self.id}': radiometry", self.radiometry)
            object.__setattr__(self, "radiometry", radiometry)
        if isinstance(self.rgb, np.ndarray):
            raise InputError(
                f"row '{self.id}': a photo as an array; give its file, or a function that returns it"
            )


def store(entry: Entry, folder: Path) -> PairRow:
    """Check an entry, write its images into `folder` and return its row.

    Raises:
        InputError: an image is missing, cannot be decoded, has only one value or does not agree with
            the radiometry, the two images differ in size, the annotation is of an image of another
            size, or the landmarks or the box cannot be those of a face in this image.
    """
    rgb, rgb_fields = _store_rgb(entry, folder)
    thermal, thermal_fields = _store_thermal(entry, folder, rgb, rgb_fields)
    _check_geometry(entry, rgb, thermal)
    try:
        return PairRow(
            id=entry.id,
            subject=entry.subject,
            split=entry.split,
            landmarks=_labels(entry.landmarks),
            scheme=entry.scheme,
            radiometry=entry.radiometry if thermal is not None else None,
            source=entry.source,
            labels=entry.labels,
            group=entry.group,
            box=entry.box,
            visible=None if entry.visible is None else np.asarray(entry.visible).tolist(),
            facts=entry.facts,
            assumed=entry.assumed,
            **rgb_fields,
            **thermal_fields,
        )
    except ValidationError as error:
        raise InputError(f"row '{entry.id}': {error.errors()[0]['msg']}") from None
    except ValueError as error:
        raise InputError(f"row '{entry.id}': {error}") from None


def _store_rgb(entry: Entry, folder: Path) -> tuple[np.ndarray | None, dict[str, str]]:
    """Write the RGB image; return its pixels as decoded or loaded, and the row's fields of it."""
    if entry.rgb is None:
        return None, {}
    if callable(entry.rgb):
        pixels = entry.rgb()
        check_photo(pixels, f"row '{entry.id}'")
        return pixels, _write(folder, "rgb", *encode_image(pixels))
    pixels, data, suffix = read_with_copy(entry.rgb)
    check_photo(pixels, entry.rgb)
    return pixels, _write(folder, "rgb", data, suffix)


def _store_thermal(
    entry: Entry, folder: Path, rgb: np.ndarray | None, rgb_fields: Mapping[str, str]
) -> tuple[np.ndarray | None, dict[str, str]]:
    """Write the thermal image, simulated if needed; return it and the row's fields of it."""
    if entry.thermal is None:
        return None, {}
    if isinstance(entry.thermal, Path):
        thermal, data, suffix = read_with_copy(entry.thermal)
        if entry.radiometry is None:
            raise InputError(f"row '{entry.id}': a thermal file without radiometry; give it")
        check_thermal(thermal, entry.radiometry, entry.thermal, _face(entry))
        return thermal, _write(folder, "thermal", data, suffix)
    thermal = entry.thermal
    if callable(thermal):
        if rgb is None:
            raise InputError(f"row '{entry.id}': thermal simulation needs a photo; give one")
        thermal = thermal(as_rgb(rgb), rgb_fields["rgb_sha256"])
    stored = _stored_values(entry, as_thermal_array(thermal, f"row '{entry.id}'"))
    return stored, _write(folder, "thermal", *encode_image(stored))


def _stored_values(entry: Entry, values: np.ndarray) -> np.ndarray:
    """Return an array as it is stored in a PNG, after the checks that files undergo."""
    where, radiometry = f"row '{entry.id}'", entry.radiometry
    centikelvin = radiometry is not None and radiometry.kind == "centikelvin"
    if values.dtype == np.uint8 and (radiometry is None or centikelvin):
        raise InputError(
            f"{where}: an array of uint8 holds grey levels, not degrees C; give the radiometry of its "
            "levels (such as GREY8), or temperatures as floats"
        )
    if values.dtype not in (np.uint8, np.uint16):
        if not centikelvin:
            raise InputError(
                f"{where}: temperatures are stored as centikelvin; give this radiometry"
            )
        celsius = Radiometry(kind="celsius", low=radiometry.low, high=radiometry.high)
        check_thermal(values.astype(np.float64), celsius, where, _face(entry))
        return to_centikelvin(without_dead_pixels(values, where))
    if radiometry is None:
        raise InputError(f"{where}: a thermal array without radiometry; give it")
    check_thermal(values, radiometry, where, _face(entry))
    return values


def _face(entry: Entry) -> tuple[float, float, float, float] | None:
    """Return the box of the entry's face, None if it is unknown."""
    marks = entry.landmarks
    usable = marks is not None and np.shape(marks)[1:] == (2,) and np.isfinite(marks).any()
    return face_box(entry.box, np.asarray(marks, dtype=np.float64) if usable else None)


def _check_geometry(entry: Entry, rgb: np.ndarray | None, thermal: np.ndarray | None) -> None:
    """Check that both images have one size, and that landmarks and box fit it."""
    where = f"row '{entry.id}'"
    size = image_size(rgb, thermal, where)
    if size is None:
        return
    if entry.declared_size is not None:
        check_declared_size(entry.declared_size, size, where)
    if entry.landmarks is not None:
        check_landmarks(entry.landmarks, entry.scheme, size, where)
    if entry.box is not None:
        check_box(entry.box, size, entry.landmarks, where)


def _labels(landmarks: np.ndarray | None) -> list[list[float] | None] | None:
    """Convert landmarks (K, 2) to JSON: None for a point that is NaN."""
    if landmarks is None:
        return None
    points = np.asarray(landmarks, dtype=np.float64)
    return [None if np.isnan(point).all() else point.tolist() for point in points]


def _write(folder: Path, modality: Modality, data: bytes, suffix: str) -> dict[str, str]:
    """Write an image file named by its hash; return the row's fields of that modality."""
    digest = hashlib.sha256(data).hexdigest()
    name = f"{modality}/{digest[:_NAME_CHARACTERS]}{suffix.lower()}"
    path = folder / name
    # The file may exist: several rows may share a photo, or an earlier preparation was interrupted.
    if not (path.is_file() and path.read_bytes() == data):
        path.parent.mkdir(exist_ok=True)
        # Two processes may write the same image: each writes its own file, and renaming is atomic.
        partial_path = path.with_name(f"{path.name}.{os.getpid()}")
        partial_path.write_bytes(data)
        partial_path.replace(path)
    return {f"{modality}_file_name": name, f"{modality}_sha256": digest}
