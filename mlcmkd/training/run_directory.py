"""The run directory: the files of one run, which reports and later stages read.

config.json          the stage's validated config
provenance.json      stage, seed, commit, data hash, hashes of the weights it started from, versions,
                     hardware, minutes
metrics.jsonl        one line per evaluation interval: step, learning rate, every term, NME
errors.csv           one row per face of the evaluated split
landmarks.csv        of a scored run: one row per landmark; also regions.csv, ced.csv and ced.png (the
                     plot of the CED), and groups.csv where the faces belong to groups
registration.csv     of a transfer with registration: the map and the residual of every training pair
result.json          the scores that tables quote; the last file of a completed run
adapters.safetensors of a transfer to a student with features of another width: the adapters between the
                     features of student and teacher that its strategy trains
shapes.safetensors   of a Tolerant-Teacher: the shape model that softened its labels
model.safetensors    the trained weights; the weights of an earlier run in the same directory are kept
                     with the suffix .before until the new run is complete

A run directory is locked while a stage writes it, by `.NAME.lock` beside it.
"""

import csv
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from mlcmkd.training.provenance import environment, file_hash
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.locks import file_lock
from mlcmkd.utils.processes import is_first
from mlcmkd.utils.writing import naming, replacing

CONFIG = "config.json"
PROVENANCE = "provenance.json"
METRICS = "metrics.jsonl"
ERRORS = "errors.csv"
RESULT = "result.json"
WEIGHTS = "model.safetensors"
REGISTRATION = "registration.csv"
ADAPTERS = "adapters.safetensors"
SHAPES = "shapes.safetensors"
BEFORE = f"{WEIGHTS}.before"
INPUTS = "inputs"  # entry of provenance.json: hashes of the files that the config names, by field
_SCORERS = ("evaluate", "attribute", "score")  # stages that train nothing
_REPLACED = (METRICS, ERRORS, RESULT, WEIGHTS, REGISTRATION, ADAPTERS, SHAPES)
_BUSY = "another command is writing it; wait for its end, or choose another folder"
_held: set[tuple[Path, int]] = set()  # run directories locked by this process, with the thread


def write_atomically(path: Path, text: str) -> None:
    """Writes a text file; the file is complete or unchanged."""
    with replacing(path) as part:
        part.write_text(text, encoding="utf-8")


@contextmanager
def lock_run(path: Path, *, wait: bool = False) -> Iterator[None]:
    """Locks a run directory, so that no other command writes it.

    With several processes only the first one locks. The same thread may lock it again inside: a study
    locks the directory of a run, and so does the stage that makes the run.

    Args:
        path: the directory; it need not exist.
        wait: wait while another command writes it.

    Raises:
        InputError: another command writes it, and `wait` is false.
    """
    mine = (path.resolve(), threading.get_ident())
    if mine in _held or not is_first():
        yield
        return
    with file_lock(path, None if wait else _BUSY):
        _held.add(mine)
        try:
            yield
        finally:
            _held.remove(mine)


class Run:
    """Writes a run directory. With several processes only the first one writes.

    Lock the directory first (`lock_run`). With several processes, create the `Run` after they have
    joined (`training.fabric.join`): before that, no process knows its rank.

    Args:
        path: the directory, created if needed. The files of an earlier run in it are replaced.
        stage: "train", "transfer", "compress", ...
        config: the stage's validated config.
        seed: seed of the stage, for provenance.json; None for stages without one.

    Attributes:
        writes: whether this process writes.
        hyperparameters: the fields of the config that decide the result, except data and weights, as
            JSON. A checkpoint of a training with other hyperparameters is ignored.

    Raises:
        InputError: the config names an input file that this run would replace, a scoring stage would
            write into the directory of a trained network, or `path` is a file.
    """

    def __init__(self, path: Path | str, stage: str, config: BaseModel, seed: int | None = None):
        self.path = Path(path)
        inputs = {name: value for name, value in config if isinstance(value, Path)}
        self._check(stage, inputs)
        self.hyperparameters = config.model_dump_json(exclude={"data", *inputs})
        self.path.mkdir(parents=True, exist_ok=True)
        self.writes = is_first()
        self._started = time.monotonic()
        self._provenance: dict[str, Any] = {}
        if not self.writes:
            return
        # The weights of an earlier run are kept until this run is complete: it may fail.
        if (self.path / WEIGHTS).is_file():
            (self.path / WEIGHTS).replace(self.path / BEFORE)
        for name in _REPLACED:
            (self.path / name).unlink(missing_ok=True)
        hashes = {name: file_hash(value) for name, value in inputs.items() if value.is_file()}
        self._provenance |= {"stage": stage, "seed": seed, **environment(), INPUTS: hashes}
        write_atomically(self.path / CONFIG, config.model_dump_json(indent=2))
        self.note()

    def _check(self, stage: str, inputs: dict[str, Path]) -> None:
        """Refuses a directory whose files must not be replaced."""
        replaced = {(self.path / name).resolve() for name in _REPLACED}
        for name, path in inputs.items():
            if path.resolve() in replaced:
                raise InputError(
                    f"{self.path}: contains this run's input {name} ({path.name}), which it would "
                    "replace; choose another folder"
                )
        if stage in _SCORERS and (self.path / WEIGHTS).is_file():
            raise InputError(f"{self.path}: contains a trained network; choose another folder")
        if self.path.exists() and not self.path.is_dir():
            raise InputError(f"{self.path}: is a file; name a folder")

    def note(self, **entries: Any) -> None:
        """Adds entries to provenance.json."""
        self._provenance |= entries
        if not self.writes:
            return
        self._provenance["minutes"] = round(self.minutes, 2)
        write_atomically(self.path / PROVENANCE, json.dumps(self._provenance, indent=2))

    @property
    def minutes(self) -> float:
        """Minutes since the start of the run, including those before an interruption."""
        return (time.monotonic() - self._started) / 60

    def log(self, **values: float) -> None:
        """Adds a line to metrics.jsonl."""
        if not self.writes:
            return
        path = self.path / METRICS
        with naming(path), path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(values) + "\n")

    def metrics_lines(self) -> list[str]:
        """The lines of metrics.jsonl so far, as text."""
        path = self.path / METRICS
        return path.read_text(encoding="utf-8").splitlines() if path.is_file() else []

    def resume(self, lines: list[str], minutes: float) -> None:
        """Continues a run that was interrupted, from a checkpoint.

        Args:
            lines: lines of metrics.jsonl until the checkpoint.
            minutes: duration until the checkpoint, minutes.
        """
        self._started -= 60 * minutes
        if self.writes:
            write_atomically(self.path / METRICS, "".join(line + "\n" for line in lines))

    def table(self, name: str, rows: list[dict[str, Any]]) -> None:
        """Writes a CSV file of at least one row; all rows have the keys of the first."""
        if not self.writes:
            return
        with (
            replacing(self.path / name) as part,
            part.open("w", newline="", encoding="utf-8") as file,
        ):
            writer = csv.DictWriter(file, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)

    def errors(self, rows: list[dict[str, Any]]) -> None:
        """Writes errors.csv, one row per face."""
        self.table(ERRORS, rows)

    def finish(self, **result: Any) -> dict[str, Any]:
        """Writes result.json, the last file of a completed run, and returns its content."""
        self.note()
        if self.writes:
            write_atomically(self.path / RESULT, json.dumps(result, indent=2))
            (self.path / BEFORE).unlink(missing_ok=True)
        return result

    @property
    def weights(self) -> Path:
        """Where the trained weights are written."""
        return self.path / WEIGHTS


def read_metrics(path: Path | str) -> list[dict[str, float]]:
    """The lines of a run's metrics.jsonl."""
    lines = (Path(path) / METRICS).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]
