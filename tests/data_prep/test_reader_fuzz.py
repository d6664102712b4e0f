"""5,250 mutants of annotations and images, through `prepare`: each is read right or refused.

No mutant ends in another exception than an InputError of one line. What is refused leaves no manifest.
A file that still means the same gives the same rows. What cannot be right is not read. `skip_bad` keeps
the rows of the other images.
"""

import hashlib
import os
import shutil
from pathlib import Path

import pytest

from data_prep.prepare import PrepareReport, prepare
from mlcmkd.data.manifest import read_rows
from mlcmkd.utils.errors import InputError
from tests.data_prep.sources import MORE_SOURCES, SOURCES
from tests.mutations import Mutant, mutants

MUTANTS = 250  # a source
FUZZED = {**{name: (name, write) for name, write in SOURCES.items()}, **MORE_SOURCES}
IMAGES = (".png", ".jpg", ".bmp", ".tif", ".tiff")
# The names of images are hashes of their bytes.
_NAMES = ("rgb_file_name", "thermal_file_name")
_HASHES = ("rgb_sha256", "thermal_sha256")

Rows = dict[str, dict]  # by id


class _Source:
    """A small data set, which is prepared with one changed file after the other.

    Attributes:
        files: the bytes of its files.
        rows: what it is prepared to.
    """

    def __init__(self, name: str, place: Path):
        self.format, write = FUZZED[name]
        self.folder, self.out = place / "source", place / "out"
        self.folder.mkdir()
        write(self.folder)
        paths = sorted(path for path in self.folder.rglob("*") if path.is_file())
        self.files = {path: path.read_bytes() for path in paths}
        self.rows = self.prepare()[1]
        self._needed: dict[Path, bool] = {}

    def needs(self, path: Path) -> bool:
        """Whether this file is read: without its content the result is another one."""
        if path not in self._needed:
            try:
                rows = self.prepare({path: b""}, skip_bad=True)[1]
                self._needed[path] = rows.keys() != self.rows.keys()
            except InputError:
                self._needed[path] = True
        return self._needed[path]

    def others(self, path: Path) -> set[str]:
        """Ids of the rows of which this image is no part."""
        digest = hashlib.sha256(self.files[path]).hexdigest()
        return {
            id_ for id_, row in self.rows.items() if digest not in [row[name] for name in _HASHES]
        }

    def prepare(
        self, changed: dict[Path, bytes] | None = None, skip_bad: bool = False
    ) -> tuple[PrepareReport, Rows]:
        """Prepare the source with changed files; afterwards it is as before."""
        for path, data in (changed or {}).items():
            path.write_bytes(data)
        try:
            report = prepare(
                self.format, self.folder, self.out, progress=False, skip_bad=skip_bad, workers=1
            )
            rows = {row.id: row.model_dump(mode="json") for row in read_rows(self.out)}
        except InputError:
            assert not self.out.exists(), "something half-written"
            raise
        finally:
            # `.out.partial` holds finished rows for the next time; nothing else may appear.
            partial, lock = (self.out.with_name(f".out.{end}") for end in ("partial", "lock"))
            assert set(self.out.parent.iterdir()) <= {self.folder, self.out, partial, lock}
            for folder in (self.out, partial):
                shutil.rmtree(folder, ignore_errors=True)
            for path in changed or {}:
                path.write_bytes(self.files[path])
        assert report.rows == len(rows)
        return report, rows


def _without(rows: Rows, *fields: str) -> Rows:
    return {id_: {k: v for k, v in row.items() if k not in fields} for id_, row in rows.items()}


def _check_survivor(source: _Source, mutant: Mutant, report: PrepareReport, rows: Rows) -> None:
    """Check the rows that a mutant was read as."""
    left_out = report.skipped + report.unlabelled
    assert all(reason and "\n" not in reason for _, reason in left_out)
    if mutant.same and not left_out:
        assert _without(rows, *_NAMES, *_HASHES) == _without(source.rows, *_NAMES, *_HASHES)
    if mutant.refused and source.needs(mutant.path):
        assert left_out, "read although it cannot be right"
    if mutant.path.suffix in IMAGES:
        # One radiometry is inferred for the images of a folder.
        kept, before = (_without(table, "radiometry") for table in (rows, source.rows))
        for id_ in source.others(mutant.path):
            assert kept.get(id_) == before[id_], f"the row {id_} of another image"


# Pillow warns of what it finds odd in a mutated TIFF; whether it can be read is what counts.
@pytest.mark.filterwarnings("ignore:.*EXIF|Tag data|.*truncated|.*Metadata:UserWarning")
@pytest.mark.parametrize("name", sorted(FUZZED))
def test_mutants_are_read_right_or_refused(name, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda file: None)  # 5,000 waits for the disk
    source, survived = _Source(name, tmp_path), 0
    for n, mutant in enumerate(mutants(source.files, MUTANTS, seed=0)):
        what = f"{mutant.path.name}, {mutant.kinds}"
        try:
            report, rows = source.prepare({mutant.path: mutant.data}, skip_bad=bool(n % 2))
        except InputError as error:
            assert str(error).strip() and "\n" not in str(error), what
        except Exception as error:
            pytest.fail(f"{what}: {type(error).__name__}: {error}")
        else:
            survived += 1
            try:
                _check_survivor(source, mutant, report, rows)
            except AssertionError as error:
                pytest.fail(f"{what}: {error}")
    assert survived, "a mutant that hurts nothing, or was skipped, leaves a manifest"
