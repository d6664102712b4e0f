"""Reads run directories and groups the runs whose configs differ only in the seed."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlcmkd.data.folders import files_below
from mlcmkd.stages.completed import TEACHERS
from mlcmkd.training.run_directory import CONFIG, METRICS, PROVENANCE, RESULT, read_metrics
from mlcmkd.utils.errors import InputError

_NOT_COMPARED = ("out", "seed")  # fields of a config that differ between runs of one configuration
_SCORES = "score-test"  # the folder of a run's scores on the test split, where a study made them


@dataclass(frozen=True)
class StoredRun:
    """The contents of a run directory.

    Attributes:
        path: the directory.
        stage: "train", "transfer", ...
        config: dotted field -> value, without `out` and seed; teachers by their run's name.
        seed: seed of the run.
        result: content of result.json, for the test split if the run was scored on it; None if the run
            is not complete.
        metrics: the lines of metrics.jsonl.
    """

    path: Path
    stage: str
    config: dict[str, Any]
    seed: int
    result: dict[str, Any] | None
    metrics: list[dict[str, float]]

    @property
    def nme(self) -> float:
        """NME in percent; only of a completed run."""
        return float(self.result["nme_percent"])


@dataclass(frozen=True)
class Configuration:
    """Runs that differ only in the seed.

    Attributes:
        name: the fields that distinguish this configuration from the others.
        stage: stage of all runs.
        completed, failed: runs with and without a result.
    """

    name: str
    stage: str
    completed: tuple[StoredRun, ...]
    failed: tuple[StoredRun, ...]

    @property
    def by_seed(self) -> dict[int, float]:
        """NME in percent by seed."""
        return {run.seed: run.nme for run in self.completed}

    @property
    def measured_on(self) -> str:
        """Split, modality and normaliser of the NME."""
        result = self.completed[0].result
        return f"{result['split']}, {result['modality']}, {result['normaliser']}"


def read_runs(folders: Iterable[Path]) -> list[StoredRun]:
    """Every training run in these folders and below them, by path.

    Raises:
        InputError: a folder does not exist, a file cannot be read, or there is no run at all.
    """
    runs = {}
    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"{folder}: no such folder; give run directories or their parents")
        for path in (path for path in files_below(folder) if path.name == PROVENANCE):
            run = _read_run(path.parent)
            if run is not None:
                runs[path.parent.resolve()] = run
    if not runs:
        raise InputError(f"{', '.join(map(str, folders))}: no training run below")
    return [runs[path] for path in sorted(runs)]


def by_configuration(runs: Sequence[StoredRun]) -> list[Configuration]:
    """Runs grouped by configuration, in the order of the configurations' names.

    Raises:
        InputError: two runs of one configuration and seed have different results.
    """
    groups: defaultdict[str, list[StoredRun]] = defaultdict(list)
    for run in runs:
        groups[json.dumps([run.stage, run.config], sort_keys=True)].append(run)
    names = _names([members[0] for members in groups.values()])
    configurations = []
    for name, members in zip(names, groups.values(), strict=True):
        completed: dict[int, StoredRun] = {}
        for run in members:
            if run.result is None:
                continue
            other = completed.setdefault(run.seed, run)
            if other.nme != run.nme:
                raise InputError(
                    f"{other.path} and {run.path}: one configuration and seed, two results; leave "
                    "one of them out"
                )
        failed = tuple(r for r in members if r.result is None and r.seed not in completed)
        configurations.append(
            Configuration(name, members[0].stage, tuple(completed.values()), failed)
        )
    return sorted(configurations, key=lambda configuration: _natural(configuration.name))


def _read_run(path: Path) -> StoredRun | None:
    """A run directory; None for one that trains no landmarks (scores, exports, notebooks, detectors)."""
    try:
        config = json.loads((path / CONFIG).read_text(encoding="utf-8"))
        stage = json.loads((path / PROVENANCE).read_text(encoding="utf-8"))["stage"]
        if "fit" not in config or stage == "detector":
            return None
        result = _read_result(path)
        metrics = read_metrics(path) if (path / METRICS).is_file() else []
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: not a run directory that can be read ({error!r})") from None
    seed = int(config.get("seed", 0))
    for name in TEACHERS:
        if config.get(name):
            # Every seed may have its own teacher; `teacher-s0` and `teacher-s1` count as the same.
            config[name] = re.sub(r"-s\d+$", "", Path(config[name]).parent.name)
    flat = {k: v for k, v in _flat(config).items() if k not in _NOT_COMPARED}
    return StoredRun(path, stage, flat, seed, result, metrics)


def _read_result(path: Path) -> dict[str, Any] | None:
    """The scores of a completed run, on the test split if it was scored on it."""
    if not (path / RESULT).is_file():
        return None
    test = path / _SCORES / RESULT
    return json.loads((test if test.is_file() else path / RESULT).read_text(encoding="utf-8"))


def _flat(config: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested fields by their dotted names."""
    flat: dict[str, Any] = {}
    for key, value in config.items():
        flat |= (
            _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
        )
    return flat


def _names(runs: Sequence[StoredRun]) -> list[str]:
    """A name for the configuration of each run: its stage, if several occur, and distinguishing fields.

    Fields are added in their order, and only if they separate further runs: a weight that follows from
    the strategy is left out.
    """
    fields = list(dict.fromkeys(name for run in runs for name in run.config))
    several = len({run.stage for run in runs}) > 1
    names: list[tuple[str, ...]] = [(run.stage,) if several else () for run in runs]
    for field in fields:
        longer = [
            (*name, f"{field.rpartition('.')[2]}={run.config[field]}")
            if field in run.config
            else name
            for name, run in zip(names, runs, strict=True)
        ]
        if len(set(longer)) > len(set(names)):
            names = longer
    return [", ".join(name) or run.stage for name, run in zip(names, runs, strict=True)]


def _natural(name: str) -> list[tuple[float, str]]:
    """A sort key that puts 10 after 4."""
    parts = re.findall(r"[0-9.]+|[^0-9.]+", name)
    return [(float(p), "") if re.fullmatch(r"[0-9]+(\.[0-9]+)?", p) else (-1, p) for p in parts]
