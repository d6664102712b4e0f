"""Writes a manifest: one folder, one JSON line a pair, images named by their bytes.

Hugging Face `datasets` opens the folder as it is, `load_dataset("imagefolder", data_dir=OUT)`:
columns `rgb` and `thermal` hold the images, `landmarks` the points. Rows may have both images or
one, and rows of all three kinds may be mixed; a missing image reads as None there. All rows come as
one Hugging Face split called "train", since that loader guesses splits from file names, which here
are hashes; the project's own split is the column `split`.
"""

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from data_prep.fingerprint import fingerprint
from data_prep.image_checks import as_rgb, check_photo, check_thermal, decode, read_bytes
from data_prep.readers.base import Stored
from data_prep.report_file import REPORT, read_report, write_report
from data_prep.splits import check_leakage
from data_prep.staging import Staging, staging
from mlcmkd.data.crops import outside
from mlcmkd.data.manifest import MANIFEST, PairRow, inside
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
    rgb: Path | Stored | None = None
    thermal: Path | np.ndarray | Twin | None = None
    radiometry: Radiometry | None = None
    source: str = ""
    labels: str = ""
    group: str | None = None
    box: tuple[float, float, float, float] | None = None
    visible: np.ndarray | None = None
    facts: Mapping[str, str | float] | None = None
    assumed: str | None = None


@dataclass(frozen=True)
class ManifestReport:
    """What was written.

    Attributes:
        folder: the manifest.
        rows: rows in it.
        splits: rows a split.
        skipped: (name, reason) of everything left out.
        subjects: subjects a split.
    """

    folder: Path
    rows: int
    splits: dict[str, int]
    skipped: list[tuple[str, str]] = field(default_factory=list)
    subjects: dict[str, int] = field(default_factory=dict)


def write_manifest(
    entries: Iterable[Entry],
    out: Path | str,
    *,
    overwrite: bool = False,
    skip_bad: bool = False,
    run: Callable[[Callable, Iterable], Iterable] = map,
    skipped: Iterable[tuple[str, str]] = (),
) -> ManifestReport:
    """Write the manifest `out`, all of it or nothing.

    Everything goes to a folder beside `out`, `.OUT.partial`, which becomes `out` at the end. After
    an error or an interruption that folder keeps the finished rows, and the next call makes only
    the others; a row is finished for as long as its entry, its source files and this code are what
    they were. Writing the same rows and images once more changes nothing.

    What is left out stands in `report.json` of the manifest.

    Args:
        overwrite: replace a manifest made from other things.
        skip_bad: leave rows out whose images or landmarks cannot be used, and report them.
        run: applies a function to every entry, in order; a pool's `map` works in parallel.
        skipped: (name, reason) of what was left out before, for the report.

    Raises:
        InputError: a bad entry (without `skip_bad`), no good one, a repeated id, a subject or an
            image in two splits, `out` is there already and is not the same manifest, or another
            call is writing it.
    """
    out = Path(out)
    _refuse_foreign_folder(out)
    # The name is taken from where it leads, for "." has none.
    place = Path(os.path.abspath(out))
    rows: list[PairRow] = []
    left_out = list(skipped)
    before = len(left_out)
    with staging(place) as stage:
        jobs = (_job(entry, stage) for entry in entries)
        with stage.rows.open("w", encoding="utf-8") as file:
            for made in run(partial(_make, folder=stage.folder), jobs):
                if made.row is not None:
                    if made.key is not None and not made.again:
                        stage.keep(made.key, made.text)
                    file.write(made.text + "\n")
                    rows.append(made.row)
                elif skip_bad:
                    left_out.append((made.id, made.reason))
                else:
                    raise InputError(made.reason)
            file.flush()
            os.fsync(
                file.fileno()
            )  # else a loss of power could leave it cut off under its last name
        if not rows:
            reason = f"; the first: {left_out[before][1]}" if len(left_out) > before else ""
            raise InputError(f"{out}: no row to write{reason}")
        _refuse_repeated_ids(rows)
        check_leakage(rows)
        _remove_unused(stage.folder, rows)
        if left_out:
            write_report(stage.folder, skipped=_listed(left_out))
        stage.rows.replace(stage.folder / MANIFEST)
        _replace(place, stage, overwrite=overwrite)
    counts = Counter(row.split for row in rows)
    who = Counter(split for _, split in {(row.subject, row.split) for row in rows})
    return ManifestReport(out, len(rows), dict(counts), left_out, {s: who[s] for s in counts})


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


class _Job(NamedTuple):
    """An entry on its way to a worker: `key` is its fingerprint, `text` its row if finished."""

    entry: Entry
    key: str | None
    text: str | None


class _Made(NamedTuple):
    """What became of a job: the row as `text` and, without its points, as `row`; or the `reason`
    why there is none. `again`: it had been finished before."""

    id: str
    key: str | None
    text: str = ""
    row: PairRow | None = None
    reason: str = ""
    again: bool = False


def _job(entry: Entry, stage: Staging) -> _Job:
    key = fingerprint(entry)
    return _Job(entry, key, stage.finished(key))


def _make(job: _Job, folder: Path) -> _Made:
    """Errors travel as text between processes, rows as the line to be written."""
    if job.text is not None and (row := _finished(job.text, folder)) is not None:
        return _Made(job.entry.id, job.key, job.text, _light(row), again=True)
    try:
        row = store(job.entry, folder)
    except InputError as error:
        return _Made(job.entry.id, job.key, reason=str(error))
    text = row.model_dump_json(exclude_none=True)
    return _Made(job.entry.id, job.key, text, _light(row))


def _light(row: PairRow) -> PairRow:
    """The row without what takes room, for the checks of the whole."""
    return row.model_copy(update={"landmarks": None, "visible": None, "facts": None})


def _finished(text: str, folder: Path) -> PairRow | None:
    """The row, if it is one and its images are still what they were."""
    try:
        row = PairRow.model_validate_json(text)
        for name, sha256 in _images(row).items():
            data = inside(folder, name).read_bytes()
            if hashlib.sha256(data).hexdigest() != sha256:
                return None
    except (OSError, ValueError):
        return None
    return row


def _images(row: PairRow) -> dict[str, str | None]:
    """The hash of each of a row's images, by its name."""
    sides = ((row.rgb_file_name, row.rgb_sha256), (row.thermal_file_name, row.thermal_sha256))
    return {name: sha256 for name, sha256 in sides if name is not None}


def _listed(skipped: list[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": name, "reason": reason} for name, reason in skipped]


def _remove_unused(folder: Path, rows: list[PairRow]) -> None:
    """Take out what an earlier try left and this one has no row for."""
    used = {name for row in rows for name in _images(row)}
    for side in ("rgb", "thermal"):
        for path in (folder / side).glob("*"):
            if f"{side}/{path.name}" not in used:
                path.unlink()
        if (folder / side).is_dir() and not any((folder / side).iterdir()):
            (folder / side).rmdir()


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


def _refuse_repeated_ids(rows: list[PairRow]) -> None:
    for name, count in Counter(row.id for row in rows).items():
        if count > 1:
            raise InputError(f"id '{name}' appears {count} times; give every row its own")


def _refuse_foreign_folder(out: Path) -> None:
    """`overwrite` deletes `out`, so it must be a manifest and nothing else."""
    if not out.exists() and not out.is_symlink():
        return
    if not out.is_dir() or out.is_symlink():
        raise InputError(f"{out}: is there and is not a folder; choose another place")
    names = {path.name for path in out.iterdir()}
    if names and (MANIFEST not in names or names - {MANIFEST, REPORT, "rgb", "thermal"}):
        raise InputError(f"{out}: holds other things than a manifest; choose an empty folder")


def _replace(out: Path, stage: Staging, *, overwrite: bool) -> None:
    """Put the finished folder in the place of `out`."""
    folder = stage.folder
    if (out / MANIFEST).is_file():
        if (out / MANIFEST).read_bytes() == (folder / MANIFEST).read_bytes() and _same_files(
            out, folder
        ):
            _renew_skipped(out, folder)
            return
        if not overwrite:
            raise InputError(
                f"{out}: holds a manifest made from other things; choose another folder, or "
                "overwrite it"
            )
        out.rename(stage.old)
        folder.rename(out)
        return
    if out.is_dir():
        out.rmdir()
    folder.rename(out)


def _renew_skipped(out: Path, folder: Path) -> None:
    """The same rows may have been kept from other sources: tell what was left out this time."""
    old, new = (read_report(place).get("skipped", []) for place in (out, folder))
    if old != new:
        write_report(out, skipped=new)


def _same_files(a: Path, b: Path) -> bool:
    """Whether both folders hold files of the same names and sizes; the names are hashes. What
    their reports say is no part of a manifest."""

    def files(root: Path) -> set[tuple[str, int]]:
        return {
            (path.relative_to(root).as_posix(), path.stat().st_size)
            for path in root.rglob("*")
            if path.is_file() and path != root / REPORT
        }

    return files(a) == files(b)
