"""Two folders of images to one folder of aligned pairs, and a table that says how good they are.

out/rgb/ID.png      the RGB image warped into the thermal image's pixels
out/thermal/ID.*    the thermal file as it is, byte by byte
out/refused/        both again, of pairs above the limit: nothing is lost, nothing is mixed up
out/overlays/       a checkerboard and an edge picture of the first pairs
out/pairing.csv     a row a pair
out/landmarks.csv   RGB landmarks of the accepted pairs in thermal pixels, where there were any
"""

import csv
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image
from tqdm.auto import tqdm

from data_prep.readers.base import OVERLAYS, PAIRING, REFUSED
from data_prep.registration import (
    Limit,
    Registration,
    from_content,
    from_homography,
    from_landmarks,
    from_stereo,
    tables,
)
from data_prep.registration.image_matching import images_below, partners
from mlcmkd.data.images import read_image
from mlcmkd.data.overlays import checkerboard, edge_overlay
from mlcmkd.utils.errors import InputError

Method = Literal["calibration", "similarity", "affine", "tps", "ecc", "mutual information"]
METHODS = ("calibration", "similarity", "affine", "tps", "ecc", "mutual information")
_BY_LANDMARKS = ("similarity", "affine", "tps")
LANDMARKS = "landmarks.csv"
COLUMNS = (
    "id", "rgb", "thermal", "method", "seconds_apart", "residual_px", "residual_percent", "kept",
    "given", "ok", "reason",
)  # fmt: skip


@dataclass(frozen=True)
class PairReport:
    """What became of two folders.

    Attributes:
        folder: what was written.
        accepted: ids of the pairs in `pairs`.
        refused: (id, reason) of the others, see the table.
        unmatched: images without a partner.
        offset: what was added to the RGB clock, seconds; None where pairs go by name.
    """

    folder: Path
    accepted: list[str]
    refused: list[tuple[str, str]]
    unmatched: list[Path] = field(default_factory=list)
    offset: float | None = None

    def __str__(self) -> str:
        lines = [
            f"{self.folder}: {len(self.accepted)} pairs, {len(self.refused)} refused, "
            f"{len(self.unmatched)} images without a partner; see {self.folder / PAIRING}"
        ]
        if self.offset is not None:
            lines.append(f"RGB clock plus {self.offset:.3f} s is the thermal clock")
        lines += [f"refused {name}: {reason}" for name, reason in self.refused[:10]]
        if len(self.refused) > 10:
            lines.append(f"... and {len(self.refused) - 10} more")
        return "\n".join(lines)


@dataclass(frozen=True)
class _Pair:
    """Two files, how far apart in time, and what is known of them."""

    id: str
    rgb: Path
    thermal: Path
    apart: float | None
    rgb_marks: tables.Landmarks | None
    thermal_marks: tables.Landmarks | None


def pair_folder(
    rgb_folder: Path | str,
    thermal_folder: Path | str,
    out: Path | str,
    *,
    method: Method = "ecc",
    calibration: Path | None = None,
    rgb_landmarks: Path | None = None,
    thermal_landmarks: Path | None = None,
    rgb_times: Path | None = None,
    thermal_times: Path | None = None,
    tolerance: float = 0.02,
    offset: float | None = 0.0,
    limit: Limit | None = None,
    overlays: int = 8,
    progress: bool = True,
) -> PairReport:
    """Register every pair of two folders and write the aligned pairs to `out`.

    Images are partners where their paths below the two folders agree but for the suffix, or, with
    time stamps, where they lie within the tolerance; then the pair has the thermal image's name.

    Args:
        method: "calibration"; "similarity", "affine" or "tps" by landmarks; "ecc" or "mutual
            information" by content.
        calibration: YAML file, see `_pair_tables.Calibration`; for the methods by content an
            optional homography to start from.
        rgb_landmarks, thermal_landmarks: CSV as `mlcmkd predict` writes it. For methods that do not
            fit landmarks they are optional, and what the residual is measured on.
        rgb_times, thermal_times: CSV with columns image and seconds; both or neither.
        tolerance: seconds.
        offset: what to add to the RGB clock, seconds; None to estimate it from the motion in both.
        limit: the residual above which a pair is refused; None for the default.
        overlays: how many pairs are drawn, the first ones.
        progress: show a progress bar.

    Raises:
        InputError: a parameter, table or folder that cannot be used, no pair at all, or `out` is
            not empty or not apart from the sources. A pair that cannot be used is a row of the
            table instead.
    """
    rgb_folder, thermal_folder, out = Path(rgb_folder), Path(thermal_folder), Path(out)
    _check(method, calibration, rgb_landmarks, thermal_landmarks, overlays)
    _check_out(out, rgb_folder, thermal_folder)
    rig = tables.read_calibration(calibration) if calibration is not None else None
    rgb, thermal = images_below(rgb_folder), images_below(thermal_folder)
    names, offset = partners(
        (rgb_folder, rgb, rgb_times),
        (thermal_folder, thermal, thermal_times),
        tolerance,
        offset,
        progress,
    )
    if not names:
        raise InputError(
            f"{rgb_folder} and {thermal_folder}: no two images belong together; name partners "
            "alike, or give time stamps"
        )
    marks = [
        tables.read_landmarks(path, folder, images) if path is not None else {}
        for path, folder, images in (
            (rgb_landmarks, rgb_folder, rgb),
            (thermal_landmarks, thermal_folder, thermal),
        )
    ]
    pairs = [
        _Pair(b, rgb[a], thermal[b], apart, marks[0].get(a), marks[1].get(b))
        for a, b, apart in names
    ]
    out.mkdir(parents=True, exist_ok=True)
    accepted, refused, points = [], [], []
    with (out / PAIRING).open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        for number, pair in enumerate(tqdm(pairs, desc="pair", unit="pair", disable=not progress)):
            found = None
            try:
                found = _made(pair, method, rig, limit or Limit(), out, draw=number < overlays)
                told = _told(found)
            except InputError as error:  # of this pair alone: the others are still made
                told = {"ok": False, "reason": str(error)}
            table.writerow(_named(pair, method) | told)
            file.flush()  # what is done is told, however the run ends
            if told["ok"]:
                accepted.append(pair.id)
                points += _moved(pair, found)
            else:
                refused.append((pair.id, told["reason"]))
    if rgb_landmarks is not None:
        with (out / LANDMARKS).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("image", "scheme", "point", "x", "y"), *points])
    used = {path for pair in pairs for path in (pair.rgb, pair.thermal)}
    unmatched = [path for path in (*rgb.values(), *thermal.values()) if path not in used]
    return PairReport(out, accepted, refused, unmatched, offset)


# --- what is asked for ----------------------------------------------------------------------------


def _check(
    method: str,
    calibration: Path | None,
    rgb_landmarks: Path | None,
    thermal_landmarks: Path | None,
    overlays: int,
) -> None:
    if method not in METHODS:
        raise InputError(f"method '{method}' is unknown; use one of {', '.join(METHODS)}")
    if method == "calibration" and calibration is None:
        raise InputError("method 'calibration' needs a calibration file; name one")
    if method in _BY_LANDMARKS and calibration is not None:
        raise InputError(f"method '{method}' makes no use of a calibration; leave it out")
    if method in _BY_LANDMARKS and (rgb_landmarks is None or thermal_landmarks is None):
        raise InputError(f"method '{method}' needs rgb_landmarks and thermal_landmarks")
    if overlays < 0:
        raise InputError(f"overlays must be 0 or more, not {overlays}")


def _check_out(out: Path, *sources: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out}: not an empty folder; choose another place")
    for source in sources:
        inner, outer = out.resolve(), source.resolve()
        if inner.is_relative_to(outer) or outer.is_relative_to(inner):
            raise InputError(f"{out}: the pairs and their source {source} must be separate folders")


# --- one pair -------------------------------------------------------------------------------------


def _made(
    pair: _Pair,
    method: Method,
    rig: tables.Calibration | None,
    limit: Limit,
    out: Path,
    draw: bool,
) -> Registration:
    """Register a pair and write it.

    Raises:
        InputError: images or landmarks of this pair that cannot be used.
    """
    rgb, thermal = _read(pair)
    found = _registered(pair, rgb, thermal, method, rig, limit)
    warped = found.warp(rgb) if found.transform is not None else None
    place = out if found.ok else out / REFUSED
    if warped is not None:
        _save(place / "rgb" / f"{pair.id}.png", warped)
    copied = place / _thermal_name(pair)
    copied.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(pair.thermal, copied)
    if draw and warped is not None:
        for kind, drawing in (("checkerboard", checkerboard), ("edges", edge_overlay)):
            _save(out / OVERLAYS / f"{pair.id}_{kind}.png", drawing(warped, thermal))
    return found


def _read(pair: _Pair) -> tuple[np.ndarray, np.ndarray]:
    rgb, thermal = read_image(pair.rgb), read_image(pair.thermal)
    if rgb.dtype != np.uint8:
        raise InputError(
            f"{pair.rgb}: {rgb.dtype} instead of 8-bit colour; are the folders swapped?"
        )
    return rgb, thermal


def _registered(
    pair: _Pair,
    rgb: np.ndarray,
    thermal: np.ndarray,
    method: Method,
    rig: tables.Calibration | None,
    limit: Limit,
) -> Registration:
    size = (thermal.shape[1], thermal.shape[0])
    scheme, rgb_marks, thermal_marks = _marks(pair)
    if method in _BY_LANDMARKS:
        for name, marks in (("RGB", rgb_marks), ("thermal", thermal_marks)):
            if marks is None:
                raise InputError(f"no {name} landmarks of this pair in the table")
        return from_landmarks(
            rgb_marks, thermal_marks, size, kind=method, scheme=scheme, limit=limit
        )
    checks = {"rgb_landmarks": rgb_marks, "thermal_landmarks": thermal_marks, "scheme": scheme}
    if method != "calibration":
        start = rig.homography if rig is not None else None
        return from_content(rgb, thermal, method=method, start=start, limit=limit, **checks)
    if rgb_marks is None or thermal_marks is None:
        checks = {}
    if rig.homography is not None:
        return from_homography(rig.homography, size, limit=limit, **checks)
    return from_stereo(rig.stereo(), rig.depth, size, normal=rig.normal, limit=limit, **checks)


def _marks(pair: _Pair) -> tuple[str | None, np.ndarray | None, np.ndarray | None]:
    """Scheme and landmarks of both sides, None where there are none."""
    sides = (pair.rgb_marks, pair.thermal_marks)
    schemes = {side[0] for side in sides if side is not None}
    if len(schemes) > 1:
        raise InputError(f"landmarks of two schemes, {' and '.join(map(str, schemes))}; use one")
    rgb, thermal = (None if side is None else side[1] for side in sides)
    return (schemes.pop() if schemes else None), rgb, thermal


def _thermal_name(pair: _Pair) -> str:
    return f"thermal/{pair.id}{pair.thermal.suffix}"


def _save(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)


# --- what is told ---------------------------------------------------------------------------------


def _named(pair: _Pair, method: Method) -> dict[str, object]:
    """A pair's columns of the table."""
    return {
        "id": pair.id,
        "rgb": str(pair.rgb),
        "thermal": str(pair.thermal),
        "method": method,
        "seconds_apart": _rounded(pair.apart),
    }


def _told(found: Registration) -> dict[str, object]:
    """A registration's columns of the table."""
    return {
        "residual_px": _rounded(found.residual_px),
        "residual_percent": _rounded(found.residual_percent),
        "kept": found.kept,
        "given": found.given,
        "ok": found.ok,
        "reason": found.reason,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _moved(pair: _Pair, found: Registration) -> Iterator[tuple]:
    """RGB landmarks in thermal pixels, rows of a table; those that have no place are left out."""
    if pair.rgb_marks is None:
        return
    scheme, marks = pair.rgb_marks
    for index, (x, y) in enumerate(found.apply(marks)):
        if np.isfinite((x, y)).all():
            yield _thermal_name(pair), scheme or "", index, round(float(x), 3), round(float(y), 3)
