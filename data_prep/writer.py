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
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

from data_prep.entry import Entry, store
from data_prep.fingerprint import fingerprint
from data_prep.report_file import REPORT, read_report, write_report
from data_prep.splits import check_leakage
from data_prep.staging import Staging, staging
from mlcmkd.data.manifest import MANIFEST, PairRow, inside
from mlcmkd.utils.errors import InputError


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
