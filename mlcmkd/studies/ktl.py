"""Many KTL runs from one parameter file, and one tidy table that fills up row by row.

A run is known by a hash of everything that decides its result, so a run whose row stands in the table
is not made again: the same command, given again, goes on where the last one stopped. Runs are spread
over the workers of a dask cluster, by default one of processes on this machine.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import torch
from pydantic import BaseModel, Field, StringConstraints

from mlcmkd.data.config import DataConfig
from mlcmkd.stages.common import StageConfig
from mlcmkd.stages.evaluate import EvaluateConfig, evaluate
from mlcmkd.stages.train import TrainConfig, train
from mlcmkd.stages.transfer import TransferConfig, transfer
from mlcmkd.studies.cluster import Cluster
from mlcmkd.studies.fill import fill, missing
from mlcmkd.studies.reuse import TEACHERS, get_or_train, same_config
from mlcmkd.training.provenance import manifest_stamp
from mlcmkd.training.run_directory import RESULT, WEIGHTS
from mlcmkd.utils.config import Config
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.locks import file_lock

COLUMNS = (
    "benchmark", "model", "input_px", "steps", "pairs", "labelled", "strategy", "decay", "init",
    "seed", "nme", "nme_teacher", "run",
)  # fmt: skip

FolderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$")]
PLACES = ("out", *TEACHERS)  # fields that say where something lies, not what it is


class Benchmark(Config):
    """Where pairs come from, and the RGB teacher trained on all of them.

    Attributes:
        data: which pairs.
        teacher: fields of TrainConfig besides `out` and `data`.
    """

    data: DataConfig
    teacher: dict[str, Any] = Field(default_factory=dict)


class Grid(Config):
    """All combinations of what is listed, seeds outermost: a table cut short is still balanced.

    Attributes:
        name: of the setting, for the eye.
        benchmarks: names of the sweep's benchmarks; None for all.
        strategies: names of the sweep's strategies.
        pairs, labelled: counts, see DataConfig; None for all.
        misalignment: pixels of the input, see DataConfig.
        seeds: of the drawn pairs, the student's weights, the shuffling and the augmentation; strategies
            share them, so that differences can be paired.
    """

    name: str
    benchmarks: list[str] | None = None
    strategies: list[str]
    pairs: list[int | None] = [None]
    labelled: list[int | None] = [None]
    misalignment: list[float] = [0]
    seeds: list[int]


class Study(Config):
    """What every table of many runs is about.

    Attributes:
        table: the CSV that rows are added to.
        out: folder of the runs.
        split: which split the students are scored on: "val" to choose, "test" to report.
        benchmarks: by name; a name is part of a run directory's, so it is a plain word.
    """

    table: Path
    out: Path
    split: Literal["val", "test"] = "test"
    benchmarks: dict[FolderName, Benchmark]


class SweepConfig(Study):
    """A whole sweep.

    Attributes:
        transfer: fields of TransferConfig that all runs share.
        strategies: what each name stands for, as fields of TransferConfig.
        extra: further columns, from their name to a dotted field of TransferConfig.
        keep_weights: keep every student's weights, or only its metrics and errors.
        grids: what is run, in this order.
    """

    transfer: dict[str, Any] = Field(default_factory=dict)
    strategies: dict[str, dict[str, Any]]
    extra: dict[str, str] = Field(default_factory=dict)
    keep_weights: bool = False
    grids: list[Grid]

    @property
    def columns(self) -> tuple[str, ...]:
        """Of the table."""
        return (*COLUMNS, *self.extra)


class Planned(NamedTuple):
    """One run to be made: its benchmark, its strategy's name, the stage's config, its hash."""

    benchmark: str
    strategy: str
    config: TransferConfig
    input_px: int
    run: str

    @property
    def out(self) -> Path:
        """Its run directory."""
        return self.config.out

    @property
    def told(self) -> str:
        """What to call it in a line of text."""
        return f"{self.benchmark} {self.strategy} seed {self.config.seed}"


def merged(*layers: dict[str, Any]) -> dict[str, Any]:
    """Nested dicts laid over each other; later ones win."""
    total: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            nested = isinstance(value, dict) and isinstance(total.get(key), dict)
            total[key] = merged(total[key], value) if nested else value
    return total


def teacher_config(study: Study, name: str) -> TrainConfig:
    """The RGB teacher of a benchmark.

    Raises:
        InputError: fields that TrainConfig does not take.
    """
    benchmark = study.benchmarks[name]
    fields = {**benchmark.teacher, "out": study.out / f"teacher-{name}", "data": benchmark.data}
    return TrainConfig.validated(f"teacher of '{name}'", fields)


def run_id(config: StageConfig, teacher: TrainConfig, split: str) -> str:
    """Hash of what decides a run's result; folders may be moved."""
    told = [json.loads(each.model_dump_json()) for each in (config, teacher)]
    for each in told:
        for place in PLACES:
            each.pop(place, None)
        source = each["data"]["source"]
        each["data"]["source"] = manifest_stamp(source) or source
    if told[1].pop("init") is not None:  # of the teacher: weights, known by what they are
        if not teacher.init.is_file():
            raise InputError(f"{teacher.init}: no such weights for the teacher to start from")
        told[1]["init"] = hashlib.sha256(teacher.init.read_bytes()).hexdigest()
    text = json.dumps([*told, split], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def plan(sweep: SweepConfig) -> Iterator[Planned]:
    """The sweep's runs, in order.

    Raises:
        InputError: a grid names a benchmark or strategy that the sweep does not have, or fields that
            TransferConfig does not take, an extra column is none of its fields, or a benchmark says
            what the grids say.
    """
    seen: set[str] = set()
    for grid in sweep.grids:
        names = list(sweep.benchmarks) if grid.benchmarks is None else grid.benchmarks
        for kind, asked, there in (
            ("benchmark", names, sweep.benchmarks),
            ("strategy", grid.strategies, sweep.strategies),
        ):
            if unknown := set(asked) - set(there):
                raise InputError(
                    f"grid '{grid.name}': {kind} '{min(unknown)}' is not among {', '.join(there)}"
                )
        for seed, name, pairs, labelled, off, strategy in product(
            grid.seeds, names, grid.pairs, grid.labelled, grid.misalignment, grid.strategies
        ):
            _refuse_places(strategy, sweep.transfer, sweep.strategies[strategy])
            data = _without_counts(sweep, name)
            data |= {"pairs": pairs, "labelled": labelled, "misalignment": off}
            teacher = teacher_config(sweep, name)
            fields = merged(
                sweep.transfer,
                sweep.strategies[strategy],
                {"data": data, "seed": seed, "teacher": teacher.out / WEIGHTS, "out": sweep.out},
            )
            config = TransferConfig.validated(f"strategy '{strategy}'", fields)
            for column, dotted in sweep.extra.items():
                _field(config, dotted, column)
            run = run_id(config, teacher, sweep.split)
            if run not in seen:
                seen.add(run)
                config = config.model_copy(update={"out": sweep.out / run})
                yield Planned(name, strategy, config, teacher.input_px, run)


def _refuse_places(strategy: str, *layers: dict[str, Any]) -> None:
    """Where a run lies, what it reads and its seed are the sweep's to say."""
    for name in ("out", "teacher", "data", "seed"):
        if any(name in layer for layer in layers):
            raise InputError(f"strategy '{strategy}': {name} is set by the sweep; take it out")


def _without_counts(sweep: SweepConfig, name: str) -> dict[str, Any]:
    """A benchmark's data, of which the grids say how much the students get."""
    data = sweep.benchmarks[name].data
    for count in ("pairs", "labelled", "misalignment"):
        if getattr(data, count):
            raise InputError(f"benchmark '{name}': data.{count} is set by the grids; take it out")
    return data.model_dump()


def _field(config: BaseModel, dotted: str, column: str) -> Any:
    value: Any = config
    for part in dotted.split("."):
        if not hasattr(value, part):
            raise InputError(f"extra column '{column}': a run's config has no {dotted}")
        value = getattr(value, part)
    return value


def percent(weights: Path, data: DataConfig, out: Path, split: str, modality: str) -> float:
    """NME (inter-ocular, percent) of weights on a split."""
    result, _ = evaluate(
        EvaluateConfig(out=out, weights=weights, data=data, split=split, modality=modality),
        progress=False,
    )
    return result["nme_percent"]


def run_planned(planned: Planned, split: str, keep_weights: bool) -> dict[str, Any]:
    """Makes one run and scores it; what a table's row quotes of it. Runs in a worker.

    A worker that was cut off from its scheduler may still be at it; then this one waits, and takes what
    the other made.
    """
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    config, out = planned.config, planned.config.out
    there = config.data.load_training(planned.input_px, config.seed, progress=False)
    with file_lock(out):
        nme = _scored(config, split)
        if nme is None:
            nme = _made(config, bool(there.labelled.any()), split)
        if not keep_weights:
            (out / WEIGHTS).unlink(missing_ok=True)
    return {"pairs": len(there), "labelled": int(there.labelled.sum()), "nme": nme}


def _made(config: TransferConfig, any_label: bool, split: str) -> float:
    """Makes the run and scores it, NME in percent."""
    out = config.out
    if not config.distillation.resolved().any() and not any_label:
        # Nothing to learn from: the teacher itself reads the thermal image.
        weights = config.teacher
    else:
        transfer(config, progress=False)
        weights = out / WEIGHTS
    return percent(weights, config.data, out / f"score-{split}", split, "thermal")


def _scored(config: TransferConfig, split: str) -> float | None:
    """NME of a run that was made and scored, whose row was not written; None where there is none."""
    score = config.out / f"score-{split}" / RESULT
    if not score.is_file() or not same_config(config):
        return None
    if score.stat().st_mtime < config.teacher.stat().st_mtime:
        return None
    return json.loads(score.read_text(encoding="utf-8"))["nme_percent"]


def _row(sweep: SweepConfig, planned: Planned, found: dict[str, Any], taught: float) -> dict:
    config = planned.config
    teacher = teacher_config(sweep, planned.benchmark)
    return {
        "benchmark": planned.benchmark,
        "model": teacher.size,
        "input_px": teacher.input_px,
        "steps": config.fit.steps,
        "strategy": planned.strategy,
        "decay": config.distillation.decay,
        "init": config.init,
        "seed": config.seed,
        "nme_teacher": taught,
        "run": planned.run,
        **found,
        **{name: _field(config, dotted, name) for name, dotted in sweep.extra.items()},
    }


def sweep(
    config: SweepConfig,
    cluster: Cluster | None = None,
    *,
    dry_run: bool = False,
    say: Callable[[str], None] = print,
) -> list[str]:
    """Makes the runs whose rows are not in the table yet, and adds theirs.

    Args:
        config: what to run.
        cluster: where; one process of this machine by default.
        dry_run: only say what would be done, and how long that takes by what earlier runs took.
        say: where lines of text go.

    Returns:
        A line a failed run, empty when all went well. A failure does not stop the others.

    Raises:
        InputError: the config does not fit together, or the table has other columns.
    """
    cluster = cluster or Cluster()
    left = missing(plan(config), config.table, config.columns, cluster=cluster, say=say)
    if dry_run or not left:
        return []

    taught = {}
    for name in dict.fromkeys(each.benchmark for each in left):
        teacher = get_or_train(train, teacher_config(config, name))
        taught[name] = percent(
            teacher / WEIGHTS,
            config.benchmarks[name].data,
            teacher / f"score-{config.split}",
            config.split,
            "rgb",
        )
        say(f"{name}: the teacher's NME on RGB, {config.split}: {taught[name]:.2f} %")
    return fill(
        config.table,
        config.columns,
        left,
        partial(run_planned, split=config.split, keep_weights=config.keep_weights),
        lambda each, found: _row(config, each, found, taught[each.benchmark]),
        cluster=cluster,
        say=say,
    )
