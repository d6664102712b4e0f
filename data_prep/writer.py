"""Write a manifest: a folder with one JSON line per pair, and images named by the hash of their bytes.

Hugging Face `datasets` can open the folder, `load_dataset("imagefolder", data_dir=OUT)`: columns `rgb`
and `thermal` contain the images, `landmarks` the points. Rows have both images or one of them, also
mixed; a missing image is None. All rows are in one Hugging Face split called "train", because that
loader infers splits from file names, which here are hashes; our split is the column `split`.
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
from mlcmkd.data.manifest import MANIFEST, PairRow, image_fields, inside
from mlcmkd.utils.errors import InputError


@dataclass(frozen=True)
class ManifestReport:
    """The result of `write_manifest`.

    Attributes:
        folder: the manifest's folder.
        rows: number of rows.
        splits: split -> number of rows.
        skipped: (name, reason) of everything left out.
        subjects: split -> number of subjects.
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
    """Write the manifest `out` completely or not at all.

    The manifest is written to a folder beside `out`, `.OUT.partial`, which is renamed at the end.
    After an error or an interruption that folder keeps the finished rows, and the next call writes
    only the others. A finished row is reused if its entry, its source files and the code are
    unchanged. Writing the same manifest again changes nothing.

    Rows that were left out are listed in the manifest's `report.json`.

    Args:
        overwrite: replace a manifest of other sources or settings.
        skip_bad: leave out and report rows whose images or landmarks cannot be used, or whose id
            another row has.
        run: applies a function to every entry, in order; a pool's `map` works in parallel.
        skipped: (name, reason) of what was left out before, for the report.

    Raises:
        InputError: an invalid entry (without `skip_bad`), no valid one, a repeated id, a subject or
            an image in two splits, `out` exists and is another manifest, or another process is
            writing it.
    """
    out = Path(out)
    _refuse_foreign_folder(out)
    # The absolute path, because "." has no name.
    place = Path(os.path.abspath(out))
    earlier = list(skipped)
    with staging(place) as stage:
        jobs = (_job(entry, stage) for entry in entries)
        rows, bad = _write_rows(stage, run(partial(_store, folder=stage.folder), jobs), skip_bad)
        if not rows:
            reason = f"; the first error: {bad[0][1]}" if bad else ""
            raise InputError(f"{out}: no row to write{reason}")
        check_leakage(rows)
        _remove_unused(stage.folder, rows)
        if earlier or bad:
            write_report(stage.folder, skipped=_skipped_section(earlier + bad))
        stage.rows.replace(stage.folder / MANIFEST)
        _replace(place, stage, overwrite=overwrite)
    counts = Counter(row.split for row in rows)
    subjects = Counter(split for _, split in {(row.subject, row.split) for row in rows})
    return ManifestReport(
        out, len(rows), dict(counts), earlier + bad, {split: subjects[split] for split in counts}
    )


def _write_rows(
    stage: Staging, results: Iterable["_Result"], skip_bad: bool
) -> tuple[list[PairRow], list[tuple[str, str]]]:
    """Write the rows' lines; return the rows without landmarks, and (id, reason) of invalid entries."""
    rows: list[PairRow] = []
    bad: list[tuple[str, str]] = []
    ids: set[str] = set()
    with stage.rows.open("w", encoding="utf-8") as file:
        for result in results:
            reason = result.reason
            if result.row is not None and result.id in ids:
                reason = f"id '{result.id}' appears 2 times; give every row its own"
            if not reason:
                ids.add(result.id)
                if result.key is not None and not result.reused:
                    stage.keep(result.key, result.text)
                file.write(result.text + "\n")
                rows.append(result.row)
            elif skip_bad:
                bad.append((result.id, reason))
            else:
                raise InputError(reason)
        file.flush()
        # Otherwise a power failure could leave a truncated file under the final name.
        os.fsync(file.fileno())
    return rows, bad


class _Job(NamedTuple):
    """An entry for a worker: `key` is its fingerprint, `text` its finished row or None."""

    entry: Entry
    key: str | None
    text: str | None


class _Result(NamedTuple):
    """The result of a job: the row as `text` and, without its landmarks, as `row`; or the `reason`
    why there is none. `reused`: an earlier preparation had finished it."""

    id: str
    key: str | None
    text: str = ""
    row: PairRow | None = None
    reason: str = ""
    reused: bool = False


def _job(entry: Entry, stage: Staging) -> _Job:
    key = fingerprint(entry)
    return _Job(entry, key, stage.finished(key))


def _store(job: _Job, folder: Path) -> _Result:
    """Store an entry in a worker; errors are returned as text, rows as the line to be written."""
    if job.text is not None and (row := _finished(job.text, folder)) is not None:
        return _Result(job.entry.id, job.key, job.text, _without_points(row), reused=True)
    try:
        row = store(job.entry, folder)
    except InputError as error:
        return _Result(job.entry.id, job.key, reason=str(error))
    text = row.model_dump_json(exclude_none=True)
    return _Result(job.entry.id, job.key, text, _without_points(row))


def _without_points(row: PairRow) -> PairRow:
    """Return the row without its large fields, for the checks of all rows together."""
    return row.model_copy(update={"landmarks": None, "visible": None, "facts": None})


def _finished(text: str, folder: Path) -> PairRow | None:
    """Return a finished row if it is valid and its images are unchanged; otherwise None."""
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
    """Return the sha256 of each of a row's images, by file name."""
    images = (image_fields(row, "rgb"), image_fields(row, "thermal"))
    return {name: sha256 for name, sha256 in images if name is not None}


def _skipped_section(skipped: list[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": name, "reason": reason} for name, reason in skipped]


def _remove_unused(folder: Path, rows: list[PairRow]) -> None:
    """Delete images of an interrupted preparation that no row refers to."""
    used = {name for row in rows for name in _images(row)}
    for modality in ("rgb", "thermal"):
        for path in (folder / modality).glob("*"):
            if f"{modality}/{path.name}" not in used:
                path.unlink()
        if (folder / modality).is_dir() and not any((folder / modality).iterdir()):
            (folder / modality).rmdir()


def _refuse_foreign_folder(out: Path) -> None:
    """Refuse a folder with files other than a manifest, because `overwrite` deletes it."""
    if not out.exists() and not out.is_symlink():
        return
    if not out.is_dir() or out.is_symlink():
        raise InputError(f"{out}: exists and is not a folder; choose another place")
    names = {path.name for path in out.iterdir()}
    if names and (MANIFEST not in names or names - {MANIFEST, REPORT, "rgb", "thermal"}):
        raise InputError(f"{out}: contains other files than a manifest; choose an empty folder")


def _replace(out: Path, stage: Staging, *, overwrite: bool) -> None:
    """Replace `out` by the finished folder."""
    folder = stage.folder
    if (out / MANIFEST).is_file():
        if (out / MANIFEST).read_bytes() == (folder / MANIFEST).read_bytes() and _same_files(
            out, folder
        ):
            _renew_skipped(out, folder)
            return
        if not overwrite:
            raise InputError(
                f"{out}: contains a manifest of other sources or settings; choose another folder, or "
                "overwrite it"
            )
        out.rename(stage.old)
        folder.rename(out)
        return
    if out.is_dir():
        out.rmdir()
    folder.rename(out)


def _renew_skipped(out: Path, folder: Path) -> None:
    """Update the list of skipped files, which may differ although the rows are the same."""
    old, new = (read_report(place).get("skipped", []) for place in (out, folder))
    if old != new:
        write_report(out, skipped=new)


def _same_files(a: Path, b: Path) -> bool:
    """Whether both folders have files of the same names, which are hashes, and the same sizes.

    Reports are not compared.
    """

    def files(root: Path) -> set[tuple[str, int]]:
        return {
            (path.relative_to(root).as_posix(), path.stat().st_size)
            for path in root.rglob("*")
            if path.is_file() and path != root / REPORT
        }

    return files(a) == files(b)
