"""The folder in which a manifest is prepared; it survives an interruption.

`.OUT.partial`, beside OUT, contains

    manifest/       the images so far; renamed to OUT at the end
    journal.jsonl   finished rows, each after the fingerprint of what determines it
    rows.jsonl      the rows of this preparation in order; renamed to metadata.jsonl
    old/            the previous OUT while it is replaced

No file in it is called metadata.jsonl before the last row is written, so an incomplete manifest
cannot be mistaken for a complete one. OUT is locked during a preparation, as a run directory is, by
`.OUT.lock` beside it (`mlcmkd.utils.locks`).
"""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from data_prep.report_file import REPORT
from mlcmkd.data.manifest import MANIFEST
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.locks import file_lock
from mlcmkd.utils.writing import naming

_KEY_CHARACTERS = 64
_BUSY = "another process is preparing the same folder; wait for it, or choose another folder"


class Staging:
    """An open preparation folder.

    Attributes:
        place: the folder itself.
        folder: subfolder that becomes the manifest.
        rows: file of the rows of this preparation.
        old: place of the previous manifest while it is replaced.
    """

    def __init__(self, place: Path, journal: IO[bytes]):
        self.place = place
        self.folder = place / "manifest"
        self.rows = place / "rows.jsonl"
        self.old = place / "old"
        self._journal = journal
        self._offsets: dict[str, int] = {}  # rows are kept on disk to save memory
        self._index()

    def __len__(self) -> int:
        """Number of finished rows."""
        return len(self._offsets)

    def finished(self, key: str | None) -> str | None:
        """Return the finished row with this fingerprint as JSON; None without one."""
        if key not in self._offsets:
            return None
        self._journal.seek(self._offsets[key])
        return self._journal.readline()[_KEY_CHARACTERS + 1 : -1].decode("utf-8", "replace")

    def keep(self, key: str, row: str) -> None:
        """Record a finished row, whose images are already written."""
        self._offsets[key] = self._journal.seek(0, os.SEEK_END)
        self._journal.write(f"{key} {row}\n".encode())
        self._journal.flush()  # so that it survives the end of this process

    def _index(self) -> None:
        """Index the finished rows; an incomplete last line is ignored."""
        self._journal.seek(0)
        offset, line = 0, b"\n"
        for line in self._journal:
            if line.endswith(b"\n") and line[_KEY_CHARACTERS : _KEY_CHARACTERS + 1] == b" ":
                self._offsets[line[:_KEY_CHARACTERS].decode("ascii", "replace")] = offset
            offset += len(line)
        if not line.endswith(b"\n"):
            self._journal.write(b"\n")


@contextmanager
def staging(out: Path) -> Iterator[Staging]:
    """Open the preparation folder of `out`, with the finished rows of an interrupted preparation.

    It is deleted at the end; after an error or an interruption it is kept if it has finished rows.

    Raises:
        InputError: another process is preparing `out`, or the folder cannot be used.
        OSError: nothing can be written, such as on a full disk; its `filename` is set.
    """
    place = out.parent / f".{out.name}.partial"
    with _locked(out):
        _create(place)
        _refuse_links(place)
        with naming(place):
            _finish_replacement(place, out)
            (place / "manifest").mkdir(exist_ok=True)
            for name in (MANIFEST, REPORT):  # interrupted before the last rename, or refused there
                (place / "manifest" / name).unlink(missing_ok=True)
            with (place / "journal.jsonl").open("a+b") as journal:
                stage = Staging(place, journal)
                try:
                    yield stage
                except BaseException as error:
                    if not len(stage):
                        shutil.rmtree(place, ignore_errors=True)
                    elif isinstance(error, InputError):
                        raise InputError(
                            f"{error} ({len(stage)} finished rows in {place} will be reused)"
                        ) from None
                    raise
        shutil.rmtree(place, ignore_errors=True)


@contextmanager
def _locked(out: Path) -> Iterator[None]:
    """Lock `out` for this process; the preparation folder beside it can be created."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        if not os.access(out.parent, os.W_OK):  # then the lock would be inside the manifest
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise _cannot_be_created(out, error) from None
    with file_lock(out, _BUSY):
        yield


def _finish_replacement(place: Path, out: Path) -> None:
    """After an interruption between the two renames that replace a manifest."""
    old = place / "old"
    if not old.is_dir():
        return
    if out.exists():
        shutil.rmtree(old)
    else:
        old.rename(out)


def _create(place: Path) -> None:
    try:
        place.mkdir(exist_ok=True)
    except OSError as error:
        raise _cannot_be_created(place, error) from None
    if place.is_symlink():
        raise InputError(f"{place}: a link; remove it")


def _cannot_be_created(path: Path, error: OSError) -> InputError:
    return InputError(f"{path}: cannot be created ({error.strerror}); choose another folder")


def _refuse_links(place: Path) -> None:
    """Refuse links in the folder: they are not ours, and writing could follow them to other places."""
    for folder, folders, files in os.walk(place):
        for name in folders + files:
            path = Path(folder) / name
            if path.is_symlink():
                raise InputError(f"{path}: a link; remove {place} and prepare again")
