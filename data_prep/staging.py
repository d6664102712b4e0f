"""Where a manifest is made: a folder beside it that survives an interruption.

`.OUT.partial` holds

    manifest/       the images so far; becomes OUT when all is there
    journal.jsonl   finished rows, each behind the fingerprint of what decides it
    rows.jsonl      the rows of this run in their order; becomes metadata.jsonl
    old/            what was OUT, while it is replaced

No file in it is called metadata.jsonl but between the last row and the renaming, so nothing takes a
half of a manifest for a whole one. It is locked while it is worked in; the lock ends with the process,
however that ends.
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

try:
    import fcntl
except ImportError:  # not on Windows: there nothing keeps two preparations of one folder apart
    fcntl = None

_KEY_CHARACTERS = 64
_OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS)


class Staging:
    """The open folder.

    Attributes:
        place: the folder itself.
        folder: what will be the manifest.
        rows: the file of this run's rows.
        old: where what is replaced goes meanwhile.
    """

    def __init__(self, place: Path, journal: IO[bytes]):
        self.place = place
        self.folder = place / "manifest"
        self.rows = place / "rows.jsonl"
        self.old = place / "old"
        self._journal = journal
        self._offsets: dict[str, int] = {}  # rows stay on disk: thousands of points a row add up
        self._index()

    def __len__(self) -> int:
        """Finished rows."""
        return len(self._offsets)

    def finished(self, key: str | None) -> str | None:
        """The row, JSON, that was finished under this fingerprint; None without one."""
        if key not in self._offsets:
            return None
        self._journal.seek(self._offsets[key])
        return self._journal.readline()[_KEY_CHARACTERS + 1 : -1].decode("utf-8", "replace")

    def keep(self, key: str, row: str) -> None:
        """Note a finished row; its images are in place already."""
        self._offsets[key] = self._journal.seek(0, os.SEEK_END)
        self._journal.write(f"{key} {row}\n".encode())
        self._journal.flush()  # what the system has is safe from the end of this process

    def _index(self) -> None:
        """Find the finished rows; the last line may be cut off and is then none."""
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
    """The folder beside `out` to make it in, with what an earlier preparation finished.

    It is gone afterwards; but after an error or an interruption it stays if it holds finished rows.

    Raises:
        InputError: another preparation of `out` is at work, or the folder cannot be used.
    """
    place = out.parent / f".{out.name}.partial"
    with _locked(place):
        _refuse_links(place)
        try:
            if (place / "old").is_dir():  # ended between the two renames that replace a manifest
                if out.exists():
                    shutil.rmtree(place / "old")
                else:
                    (place / "old").rename(out)
            (place / "manifest").mkdir(exist_ok=True)
            for name in (MANIFEST, REPORT):  # ended before the last rename, or was refused there
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
                            f"{error} ({len(stage)} finished rows wait in {place} for the next try)"
                        ) from None
                    raise
        except OSError as error:
            if error.errno not in _OF_THE_DISK:
                raise
            raise InputError(f"{place}: cannot be written in ({error}); make room there") from error
        shutil.rmtree(place, ignore_errors=True)


@contextmanager
def _locked(place: Path) -> Iterator[None]:
    """`place`, made if it is not there, for this process alone."""
    while True:
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.mkdir(exist_ok=True)
        except OSError as error:
            raise InputError(f"{place}: cannot be made ({error.strerror})") from None
        if place.is_symlink():
            raise InputError(f"{place}: is a link; remove it")
        if fcntl is None:
            yield
            return
        try:
            handle = os.open(place, os.O_RDONLY)
        except FileNotFoundError:  # the other one has just finished
            continue
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InputError(
                    f"{place}: another preparation of the same folder is at work; wait for it, or "
                    "choose another folder"
                ) from None
            except OSError as error:
                raise InputError(
                    f"{place}: cannot be locked ({error.strerror}); choose a place on another disk"
                ) from None
            # Whoever held the lock may have removed the folder at its end.
            if place.is_dir() and os.path.samestat(os.fstat(handle), place.stat()):
                yield
                return
        finally:
            os.close(handle)


def _refuse_links(place: Path) -> None:
    """We make none, and what is written must not go where one leads."""
    for folder, folders, files in os.walk(place):
        for name in folders + files:
            path = Path(folder) / name
            if path.is_symlink():
                raise InputError(f"{path}: is a link; remove {place} and prepare again")
