"""Two folders of images to one folder of aligned pairs, and a table that says how good they are.

out/rgb/ID.png      the RGB image warped into the thermal image's pixels
out/thermal/ID.*    the thermal file as it is, byte by byte
out/refused/        both again, of pairs above the limit: nothing is lost, nothing is mixed up
out/overlays/       a checkerboard and an edge picture of the first pairs
out/pairing.csv     a row a pair
out/landmarks.csv   RGB landmarks of the accepted pairs in thermal pixels, where there were any
"""

import csv
from dataclasses import dataclass, field
from pathlib import Path

from tqdm.auto import tqdm

from data_prep.readers.base import PAIRING
from data_prep.registration import (
    Limit,
    input_files,
)
from data_prep.registration.image_matching import images_below, partners
from data_prep.registration.pair import (
    BY_LANDMARKS,
    COLUMNS,
    METHODS,
    Method,
    Pair,
    moved_landmarks,
    pair_columns,
    register_pair,
    registration_columns,
)
from mlcmkd.utils.errors import InputError

LANDMARKS = "landmarks.csv"


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
    rig = input_files.read_calibration(calibration) if calibration is not None else None
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
        input_files.read_landmarks(path, folder, images) if path is not None else {}
        for path, folder, images in (
            (rgb_landmarks, rgb_folder, rgb),
            (thermal_landmarks, thermal_folder, thermal),
        )
    ]
    pairs = [
        Pair(b, rgb[a], thermal[b], apart, marks[0].get(a), marks[1].get(b))
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
                found = register_pair(
                    pair, method, rig, limit or Limit(), out, draw=number < overlays
                )
                told = registration_columns(found)
            except InputError as error:  # of this pair alone: the others are still made
                told = {"ok": False, "reason": str(error)}
            table.writerow(pair_columns(pair, method) | told)
            file.flush()  # what is done is told, however the run ends
            if told["ok"]:
                accepted.append(pair.id)
                points += moved_landmarks(pair, found)
            else:
                refused.append((pair.id, told["reason"]))
    if rgb_landmarks is not None:
        with (out / LANDMARKS).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("image", "scheme", "point", "x", "y"), *points])
    used = {path for pair in pairs for path in (pair.rgb, pair.thermal)}
    unmatched = [path for path in (*rgb.values(), *thermal.values()) if path not in used]
    return PairReport(out, accepted, refused, unmatched, offset)


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
    if method in BY_LANDMARKS and calibration is not None:
        raise InputError(f"method '{method}' makes no use of a calibration; leave it out")
    if method in BY_LANDMARKS and (rgb_landmarks is None or thermal_landmarks is None):
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
