"""Register two folders of images: one folder of aligned pairs, and a table of their residuals.

out/rgb/ID.png      the RGB image warped to the thermal image's pixels
out/thermal/ID.*    the thermal image: an unchanged copy, or upright where it has an orientation tag
out/refused/        the same two folders for pairs above the limit
out/overlays/       a checkerboard and an edge overlay of the first pairs
out/pairing.csv     one row per pair
out/landmarks.csv   RGB landmarks of the accepted pairs in thermal pixels, if there are RGB landmarks
"""

import csv
from dataclasses import dataclass, field
from pathlib import Path

from data_prep.readers.base import PAIRING
from data_prep.registration import (
    Limit,
    input_files,
)
from data_prep.registration.image_matching import Stream, images_below, match_images
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
from data_prep.registration.residual import DEFAULT_LIMIT
from mlcmkd.data.file_names import folded
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.progress import tqdm
from mlcmkd.utils.writing import replacing

LANDMARKS = "landmarks.csv"


@dataclass(frozen=True)
class PairReport:
    """The result of `pair_folder`.

    Attributes:
        folder: the folder that was written.
        accepted: ids of the accepted pairs.
        refused: (id, reason) of the other pairs.
        unmatched: images without a partner.
        offset: seconds added to the RGB clock; None for pairs matched by name.
        numbered: (RGB name, thermal name) of the first pair, if pairs were matched by the numbering
            of FLIR cameras.
    """

    folder: Path
    accepted: list[str]
    refused: list[tuple[str, str]]
    unmatched: list[Path] = field(default_factory=list)
    offset: float | None = None
    numbered: tuple[str, str] | None = None

    def check(self) -> None:
        """Check that at least one pair was accepted; what was written stays.

        Raises:
            InputError: all pairs were refused.
        """
        if self.accepted:
            return
        name, reason = self.refused[0]
        raise InputError(
            f"{self.folder}: all pairs ({len(self.refused)}) were refused, the first, '{name}': "
            f"{reason.partition('; ')[0]}; {self.folder / PAIRING} lists the reasons; correct them, or "
            "try another method or landmarks, with a new folder"
        )

    def __str__(self) -> str:
        lines = [
            f"{self.folder}: {len(self.accepted)} pairs, {len(self.refused)} refused, "
            f"{len(self.unmatched)} images without a partner; see {self.folder / PAIRING}"
        ]
        if self.offset is not None:
            lines.append(f"RGB clock plus {self.offset:.3f} s is the thermal clock")
        if self.numbered is not None:
            photo, thermal = self.numbered
            lines.append(
                f"no equal names: matched by FLIR's numbering, such as {thermal} with {photo}"
            )
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

    Two images are a pair if their paths below the two folders agree except for the suffix, or by the
    numbering of FLIR cameras (IR_0001, DC_0002); with time stamps, if their time difference is within
    the tolerance. The pair has the thermal image's name.

    Args:
        method: "calibration"; "similarity", "affine" or "tps" by landmarks; "ecc" or "mutual
            information" by content.
        calibration: YAML file, see `input_files.Calibration`; for the methods by content an
            optional homography to start from.
        rgb_landmarks, thermal_landmarks: CSV as `mlcmkd predict` writes it. They are optional for
            methods that do not fit landmarks; the residual is then measured on them.
        rgb_times, thermal_times: CSV with columns image and seconds; both or neither.
        tolerance: largest time difference of a pair, seconds.
        offset: seconds to add to the RGB clock; None to estimate it from the motion in both streams.
        limit: the residual above which a pair is refused; None for the default.
        overlays: number of pairs to draw, the first ones.
        progress: show a progress bar.

    Raises:
        InputError: an invalid parameter, table or folder, no pair at all, or `out` is not empty or
            overlaps with the sources. A single pair that cannot be registered is refused instead.
    """
    rgb_folder, thermal_folder, out = Path(rgb_folder), Path(thermal_folder), Path(out)
    limit = DEFAULT_LIMIT if limit is None else limit
    if not isinstance(limit, Limit):
        raise InputError(f"limit: {limit!r}; give a Limit, such as Limit(percent=8)")
    _check(method, calibration, rgb_landmarks, thermal_landmarks, overlays)
    _check_out(out, rgb_folder, thermal_folder)
    calibration_data = (
        input_files.read_calibration(calibration) if calibration is not None else None
    )
    rgb = Stream(rgb_folder, images_below(rgb_folder), rgb_times)
    thermal = Stream(thermal_folder, images_below(thermal_folder), thermal_times)
    names, offset = match_images(rgb, thermal, tolerance, offset, progress)
    if not names:
        raise InputError(
            f"{rgb_folder} and {thermal_folder}: no pair of images, the first are called "
            f"'{next(iter(rgb.images))}' and '{next(iter(thermal.images))}'; give the images of a pair "
            "the same name, or give time stamps"
        )
    rgb_marks, thermal_marks = (
        input_files.read_landmarks(path, stream.folder, stream.images) if path is not None else {}
        for path, stream in ((rgb_landmarks, rgb), (thermal_landmarks, thermal))
    )
    pairs = [
        Pair(
            id=thermal_name,
            rgb=rgb.images[rgb_name],
            thermal=thermal.images[thermal_name],
            seconds_apart=seconds,
            rgb_marks=rgb_marks.get(rgb_name),
            thermal_marks=thermal_marks.get(thermal_name),
        )
        for rgb_name, thermal_name, seconds in names
    ]
    out.mkdir(parents=True, exist_ok=True)
    accepted, refused, points = _register_all(
        pairs, method, calibration_data, limit, out, overlays, progress
    )
    if rgb_landmarks is not None:
        table = out / LANDMARKS
        with replacing(table) as part, part.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("image", "scheme", "point", "x", "y"), *points])
    used = {path for pair in pairs for path in (pair.rgb, pair.thermal)}
    images = (*rgb.images.values(), *thermal.images.values())
    unmatched = [path for path in images if path not in used]
    first = names[0][:2]
    by_number = offset is None and folded(first[0]) != folded(first[1])
    return PairReport(
        out, accepted, refused, unmatched, offset, numbered=first if by_number else None
    )


def _register_all(
    pairs: list[Pair],
    method: Method,
    calibration: input_files.Calibration | None,
    limit: Limit,
    out: Path,
    overlays: int,
    progress: bool,
) -> tuple[list[str], list[tuple[str, str]], list[tuple]]:
    """Register all pairs and write their table.

    Returns:
        The ids of the accepted pairs, (id, reason) of the refused ones, and the rows of the RGB
        landmarks in thermal pixels.
    """
    accepted, refused, points = [], [], []
    with (out / PAIRING).open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        for number, pair in enumerate(tqdm(pairs, desc="pair", unit="pair", disable=not progress)):
            draw = number < overlays
            registration, image = None, ""
            try:
                registration, image = register_pair(
                    pair, method, calibration, limit, out, draw=draw
                )
                columns = registration_columns(registration)
            except InputError as error:  # refuses this pair only
                columns = {"ok": False, "reason": str(error)}
            table.writerow(pair_columns(pair, method) | columns)
            file.flush()  # keeps the finished rows if the process is interrupted
            if columns["ok"]:
                accepted.append(pair.id)
                points += moved_landmarks(pair, registration, image)
            else:
                refused.append((pair.id, columns["reason"]))
    return accepted, refused, points


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
        raise InputError(f"method '{method}' does not use a calibration; leave it out")
    if method in BY_LANDMARKS and (rgb_landmarks is None or thermal_landmarks is None):
        raise InputError(f"method '{method}' needs rgb_landmarks and thermal_landmarks; give both")
    if overlays < 0:
        raise InputError(f"overlays must be 0 or more, not {overlays}")


def _check_out(out: Path, *sources: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out}: not an empty folder; choose another place")
    for source in sources:
        inner, outer = out.resolve(), source.resolve()
        if inner.is_relative_to(outer) or outer.is_relative_to(inner):
            raise InputError(f"{out}: the pairs and their source {source} must be separate folders")
