"""One pair of files: registration, the files written, and its row of the table."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from data_prep.image_checks import read_with_copy
from data_prep.readers.base import OVERLAYS, REFUSED
from data_prep.registration import (
    Limit,
    Registration,
    from_content,
    from_homography,
    from_landmarks,
    from_stereo,
    input_files,
)
from mlcmkd.data.blank_image import check_content
from mlcmkd.data.images import read_image
from mlcmkd.data.overlays import checkerboard, edge_overlay
from mlcmkd.data.plausibility import collapsed, outside_fault
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.writing import replacing

Method = Literal["calibration", "similarity", "affine", "tps", "ecc", "mutual information"]
METHODS = ("calibration", "similarity", "affine", "tps", "ecc", "mutual information")
BY_LANDMARKS = ("similarity", "affine", "tps")
COLUMNS = (
    "id", "rgb", "thermal", "method", "seconds_apart", "residual_px", "residual_percent", "kept",
    "given", "ok", "reason",
)  # fmt: skip


@dataclass(frozen=True)
class Pair:
    """Two image files, their time difference in seconds, and their landmarks; None if unknown."""

    id: str
    rgb: Path
    thermal: Path
    seconds_apart: float | None
    rgb_marks: input_files.Landmarks | None
    thermal_marks: input_files.Landmarks | None


def register_pair(
    pair: Pair,
    method: Method,
    calibration: input_files.Calibration | None,
    limit: Limit,
    out: Path,
    draw: bool,
) -> tuple[Registration, str]:
    """Register a pair and write its images, and overlays if `draw`.

    Returns:
        The registration, and the name of the thermal image in the folder.

    Raises:
        InputError: images or landmarks of this pair that cannot be used.
    """
    rgb, thermal, data, suffix = _read(pair)
    registration = _register(pair, rgb, thermal, method, calibration, limit)
    warped = registration.warp(rgb) if registration.transform is not None else None
    folder = out if registration.ok else out / REFUSED
    if warped is not None:
        _save(folder / "rgb" / f"{pair.id}.png", warped)
    name = f"thermal/{pair.id}{suffix}"
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    with replacing(folder / name) as part:
        part.write_bytes(data)
    if draw and warped is not None:
        for kind, overlay in (("checkerboard", checkerboard), ("edges", edge_overlay)):
            _save(out / OVERLAYS / f"{pair.id}_{kind}.png", overlay(warped, thermal))
    return registration, name


def _read(pair: Pair) -> tuple[np.ndarray, np.ndarray, bytes, str]:
    """Return both images, and the bytes and suffix of the thermal one's copy."""
    rgb = read_image(pair.rgb)
    thermal, data, suffix = read_with_copy(pair.thermal)
    if rgb.dtype != np.uint8:
        raise InputError(
            f"{pair.rgb}: {rgb.dtype} instead of 8-bit colour; give 8-bit photos, or swap the folders"
        )
    check_content(rgb, str(pair.rgb))
    check_content(thermal, str(pair.thermal))
    return rgb, thermal, data, suffix


def _register(
    pair: Pair,
    rgb: np.ndarray,
    thermal: np.ndarray,
    method: Method,
    calibration: input_files.Calibration | None,
    limit: Limit,
) -> Registration:
    size = (thermal.shape[1], thermal.shape[0])
    scheme, rgb_marks, thermal_marks = _marks(pair)
    _check_marks("RGB", rgb_marks, rgb)
    _check_marks("thermal", thermal_marks, thermal)
    if method in BY_LANDMARKS:
        for name, marks in (("RGB", rgb_marks), ("thermal", thermal_marks)):
            if marks is None:
                raise InputError(f"no {name} landmarks of this pair in the table; add them")
        return from_landmarks(
            rgb_marks, thermal_marks, size, kind=method, scheme=scheme, limit=limit
        )
    checks = {"rgb_landmarks": rgb_marks, "thermal_landmarks": thermal_marks, "scheme": scheme}
    if method != "calibration":
        start = calibration.homography if calibration is not None else None
        return from_content(rgb, thermal, method=method, start=start, limit=limit, **checks)
    if rgb_marks is None or thermal_marks is None:
        checks = {}
    if calibration.homography is not None:
        return from_homography(calibration.homography, size, limit=limit, **checks)
    return from_stereo(
        calibration.stereo(),
        calibration.depth,
        size,
        normal=calibration.normal,
        limit=limit,
        **checks,
    )


def _marks(pair: Pair) -> tuple[str | None, np.ndarray | None, np.ndarray | None]:
    """Return the scheme and the landmarks of both modalities; None for missing ones."""
    modalities = (pair.rgb_marks, pair.thermal_marks)
    schemes = {marks[0] for marks in modalities if marks is not None}
    if len(schemes) > 1:
        raise InputError(f"landmarks of two schemes, {' and '.join(map(str, schemes))}; use one")
    rgb, thermal = (None if marks is None else marks[1] for marks in modalities)
    return (schemes.pop() if schemes else None), rgb, thermal


def _check_marks(name: str, marks: np.ndarray | None, image: np.ndarray) -> None:
    """Check that landmarks (K, 2) are pixels of this image; single wrong ones are left to the fit.

    Raises:
        InputError: they are shares of the image size, or mostly outside the image.
    """
    if marks is None:
        return
    fault = collapsed(marks)
    if fault is None or fault.kind != "shares":
        fault = outside_fault(marks, image.shape[1::-1])
    if fault is not None:
        raise InputError(f"{name} landmarks: {fault.what}")


def _save(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as part:
        Image.fromarray(image).save(part, format="PNG")


def pair_columns(pair: Pair, method: Method) -> dict[str, object]:
    """Return a pair's columns of the table."""
    return {
        "id": pair.id,
        "rgb": str(pair.rgb),
        "thermal": str(pair.thermal),
        "method": method,
        "seconds_apart": _rounded(pair.seconds_apart),
    }


def registration_columns(registration: Registration) -> dict[str, object]:
    """Return a registration's columns of the table."""
    return {
        "residual_px": _rounded(registration.residual_px),
        "residual_percent": _rounded(registration.residual_percent),
        "kept": registration.kept,
        "given": registration.given,
        "ok": registration.ok,
        "reason": registration.reason,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def moved_landmarks(pair: Pair, registration: Registration, image: str) -> Iterator[tuple]:
    """Yield the RGB landmarks in pixels of the thermal `image` as table rows, without unmapped ones."""
    if pair.rgb_marks is None:
        return
    scheme, marks = pair.rgb_marks
    for index, (x, y) in enumerate(registration.apply(marks)):
        if np.isfinite((x, y)).all():
            yield image, scheme or "", index, round(float(x), 3), round(float(y), 3)
