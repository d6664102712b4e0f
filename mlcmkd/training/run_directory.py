"""A run is a directory that tells everything about itself.

config.json          the stage's validated config
provenance.json      stage, seed, commit, data hash, versions, hardware, minutes
metrics.jsonl        one line an evaluation interval: step, learning rate, every term, NME
errors.csv           one row a face of the evaluated split
landmarks.csv        of a scored run: one row a landmark; regions.csv and ced.csv likewise, groups.csv
                     where the faces belong to groups, ced.png the CED drawn
result.json          the figures that a table quotes
model.safetensors    the trained weights; those of a run that stood here before lie beside them, with the
                     suffix .before, until the new run has ended
"""

import csv
import hashlib
import importlib.metadata
import json
import os
import platform
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel

from mlcmkd.data.manifest import MANIFEST
from mlcmkd.data.pairs import Pairs
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.processes import is_first

CONFIG = "config.json"
PROVENANCE = "provenance.json"
METRICS = "metrics.jsonl"
ERRORS = "errors.csv"
RESULT = "result.json"
WEIGHTS = "model.safetensors"
BEFORE = f"{WEIGHTS}.before"
_SCORERS = ("evaluate", "attribute", "score")  # stages that train nothing
_REPLACED = (METRICS, ERRORS, RESULT, WEIGHTS)
_LIBRARIES = ("torch", "torchvision", "timm", "lightning-fabric", "numpy", "opencv-python-headless")


def write_atomically(path: Path, text: str) -> None:
    """Writes a text file whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def data_hash(pairs: Pairs) -> str:
    """A short hash of what a stage read: images, landmarks, and which are labelled."""
    digest = hashlib.sha256()
    for tensor in (pairs.rgb, pairs.thermal, pairs.landmarks, pairs.labelled):
        if tensor is not None:
            digest.update(np.ascontiguousarray(tensor.cpu().numpy()).tobytes())
    return digest.hexdigest()[:16]


def manifest_stamp(source: str) -> str | None:
    """What stands for a data set: a hash of its manifest, which holds every file's; None without one."""
    manifest = Path(source) / MANIFEST
    if source == "synthetic" or not manifest.is_file():
        return None
    return hashlib.sha256(manifest.read_bytes()).hexdigest()


def _git(*arguments: str) -> str:
    """What git says of the code that runs; empty outside a checkout."""
    try:
        answer = subprocess.run(
            ["git", "-C", str(Path(__file__).parent), *arguments],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _version(library: str) -> str:
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


class Run:
    """A run directory being written.

    Of several processes the first writes it; in the others nothing is written.

    Args:
        path: made if needed. A run that stands there is replaced, file by file.
        stage: "train", "transfer", "compress", ...
        config: the stage's validated config.

    Attributes:
        writes: whether this process is the one that writes.
        asked: what of the config decides the result, besides data and weights, as JSON: a state of a
            training that was asked for something else is not gone on with.

    Raises:
        InputError: the config reads a file that this run would replace, a scoring stage was sent into a
            trained network's folder, or the folder is a file.
    """

    def __init__(self, path: Path | str, stage: str, config: BaseModel):
        self.path = Path(path)
        paths = {name: value for name, value in config if isinstance(value, Path)}
        ours = {(self.path / name).resolve() for name in _REPLACED}
        for name, value in paths.items():
            if value.resolve() in ours:
                raise InputError(
                    f"{self.path}: holds what this run reads as its {name} ({value.name}) and would "
                    "replace; choose another folder"
                )
        if stage in _SCORERS and (self.path / WEIGHTS).is_file():
            raise InputError(f"{self.path}: holds a trained network; choose another folder")
        self.asked = config.model_dump_json(exclude={"data", *paths})
        if self.path.exists() and not self.path.is_dir():
            raise InputError(f"{self.path}: is a file; name a folder")
        self.path.mkdir(parents=True, exist_ok=True)
        self.writes = is_first()
        self._started = time.monotonic()
        self._provenance: dict[str, Any] = {}
        if not self.writes:
            return
        # A network that was trained here is kept until the new one is: this run may yet fail.
        if (self.path / WEIGHTS).is_file():
            (self.path / WEIGHTS).replace(self.path / BEFORE)
        for name in _REPLACED:
            (self.path / name).unlink(missing_ok=True)
        self._provenance |= {
            "stage": stage,
            "seed": getattr(config, "seed", None),
            "commit": _git("rev-parse", "HEAD"),
            "dirty": bool(_git("status", "--porcelain")),
            "python": platform.python_version(),
            "libraries": {name: _version(name) for name in _LIBRARIES},
            "processor": _processor(),
            "cores": os.cpu_count(),
        }
        write_atomically(self.path / CONFIG, config.model_dump_json(indent=2))
        self.note()

    def note(self, **facts: Any) -> None:
        """Adds facts to provenance.json."""
        self._provenance |= facts
        if not self.writes:
            return
        self._provenance["minutes"] = round((time.monotonic() - self._started) / 60, 2)
        write_atomically(self.path / PROVENANCE, json.dumps(self._provenance, indent=2))

    def log(self, **values: float) -> None:
        """Adds a line to metrics.jsonl."""
        if not self.writes:
            return
        with (self.path / METRICS).open("a", encoding="utf-8") as file:
            file.write(json.dumps(values) + "\n")

    def lines(self) -> list[str]:
        """The lines of metrics.jsonl so far."""
        path = self.path / METRICS
        return path.read_text(encoding="utf-8").splitlines() if path.is_file() else []

    def keep_lines(self, lines: list[str]) -> None:
        """Makes metrics.jsonl hold these lines, as when a training goes on from a kept state."""
        if self.writes:
            write_atomically(self.path / METRICS, "".join(line + "\n" for line in lines))

    def table(self, name: str, rows: list[dict[str, Any]]) -> None:
        """Writes a CSV file of rows of one shape, at least one; whole or not at all."""
        if not self.writes:
            return
        part = self.path / (name + ".part")
        with part.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        part.replace(self.path / name)

    def errors(self, rows: list[dict[str, Any]]) -> None:
        """Writes errors.csv, one row a face."""
        self.table(ERRORS, rows)

    def finish(self, **result: Any) -> dict[str, Any]:
        """Writes result.json, the last file of a whole run, and returns what it holds."""
        self.note()
        if self.writes:
            write_atomically(self.path / RESULT, json.dumps(result, indent=2))
            (self.path / BEFORE).unlink(missing_ok=True)
        return result

    @property
    def weights(self) -> Path:
        """Where the trained weights go."""
        return self.path / WEIGHTS


def read_metrics(path: Path | str) -> list[dict[str, float]]:
    """The lines of a run's metrics.jsonl."""
    lines = (Path(path) / METRICS).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]
