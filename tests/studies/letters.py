"""A study of small text files. Its processes import this module and not all that the tests need."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from mlcmkd.studies.cluster import Cluster
from mlcmkd.studies.runner import run_study
from mlcmkd.studies.study import Study, without_repeats

COLUMNS = ("name", "nme", "run")


class PlannedFile(NamedTuple):
    run: str
    out: Path

    @property
    def label(self) -> str:
        return f"file {self.run}"


class Files(Study[PlannedFile]):
    """Writes a file for each letter; `x` fails, and `k` kills the command before its result arrives."""

    units = "files"

    def __init__(self, folder: Path, letters: str) -> None:
        super().__init__(folder / "table.csv", COLUMNS)
        self.folder = folder
        self.letters = letters
        self.offset = 0

    def plan(self) -> Iterator[PlannedFile]:
        return without_repeats(PlannedFile(name, self.folder / name) for name in self.letters)

    def prepare(self, missing, rows, say):
        self.offset = 10
        (self.folder / "prepared").write_text(f"{len(missing)} of {len(rows) + len(missing)}")
        return [{"name": "teacher", "nme": 1.0, "run": "T"}] if not rows else []

    def make(self, planned: PlannedFile) -> int:
        with (self.folder / "made").open("a") as file:
            file.write(planned.run)
        if planned.run == "x":
            raise RuntimeError("x cannot be made")
        if planned.run == "k" and not (self.folder / "killed").exists():
            (self.folder / "killed").touch()
            os.kill(int((self.folder / "pid").read_text()), signal.SIGKILL)
        return self.offset + ord(planned.run)

    def row(self, planned: PlannedFile, result: int) -> dict:
        return {"name": planned.label, "nme": result, "run": planned.run}


def quiet(line: str) -> None:
    pass


def main(folder: str) -> None:
    """A command that runs the study on a cluster of processes."""
    (Path(folder) / "pid").write_text(str(os.getpid()))
    failed = run_study(Files(Path(folder), "akbx"), Cluster(retries=0), say=quiet)
    assert len(failed) == 1
