"""The KTL (knowledge transfer level) sweep: thermal students by strategy, amount of data and seed.

A parameter file (`experiments/ktl_*.yaml`) names benchmarks and strategies; its grids combine them with
numbers of pairs and labels, and with seeds.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, Field

from mlcmkd.data.rig import Rig
from mlcmkd.stages.completed import is_run_of, made_from
from mlcmkd.stages.train import TrainConfig
from mlcmkd.stages.transfer import TransferConfig, first_student_config, transfer
from mlcmkd.studies.config import (
    BenchmarkStudyConfig,
    GridConfig,
    merged,
    run_id,
    teacher_config,
)
from mlcmkd.studies.reuse import get_or_train
from mlcmkd.studies.scores import nme_percent, teacher_nme
from mlcmkd.studies.study import Row, Say, Study, without_repeats
from mlcmkd.training.run_directory import RESULT, WEIGHTS
from mlcmkd.utils.errors import InputError

COLUMNS = (
    "benchmark", "model", "input_px", "steps", "pairs", "labelled", "strategy", "decay", "init",
    "seed", "nme", "nme_teacher", "run",
)  # fmt: skip


class Grid(GridConfig):
    """Combinations of benchmarks, students, amounts of data, strategies and seeds.

    Attributes:
        benchmarks: names of the sweep's benchmarks; None for all.
        students: names of the sweep's students; None for all.
        strategies: names of the sweep's strategies.
        pairs, labelled: counts, see DataConfig; None for all.
        misalignment: pixels of the input, see DataConfig.
        rig: further errors of the camera rig, see DataConfig.
        seeds: seeds of the choice of pairs, the student's weights, the order of the pairs and the
            augmentation. Strategies share them, so that differences can be paired.
    """

    benchmarks: list[str] | None = None
    students: list[str] | None = None
    strategies: list[str]
    pairs: list[int | None] = [None]
    labelled: list[int | None] = [None]
    misalignment: list[float] = [0]
    rig: list[Rig] = [Rig()]
    seeds: list[int]


class SweepConfig(BenchmarkStudyConfig):
    """Parameter file of a KTL sweep.

    Attributes:
        transfer: fields of TransferConfig that all runs share.
        students: fields of TransferConfig by the name of the student, such as its size, head and
            initialisation; by default one student of the teacher's architecture.
        strategies: fields of TransferConfig by the name of the strategy, which take precedence.
        extra: further columns, from their name to a dotted field of TransferConfig.
        keep_weights: keep every student's weights, or only its metrics and errors.
        grids: what is run, in this order.
    """

    transfer: dict[str, Any] = Field(default_factory=dict)
    students: dict[str, dict[str, Any]] = Field(default_factory=dict)
    strategies: dict[str, dict[str, Any]]
    extra: dict[str, str] = Field(default_factory=dict)
    keep_weights: bool = False
    grids: list[Grid]

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the table."""
        return (*COLUMNS, *(["student"] if self.students else []), *self.extra)


class PlannedTransfer(NamedTuple):
    """One student.

    Attributes:
        benchmark, strategy: names in the parameter file.
        student: name in the parameter file; empty where it names none.
        config: config of the stage.
        teacher: config of its RGB teacher.
        run: hash of everything that decides the result.
        first: config of its first student; None if the study trains none for it.
    """

    benchmark: str
    student: str
    strategy: str
    config: TransferConfig
    teacher: TrainConfig
    run: str
    first: TransferConfig | None = None

    @property
    def out(self) -> Path:
        """Its run directory."""
        return self.config.out

    @property
    def label(self) -> str:
        """Its name in messages."""
        names = filter(None, (self.benchmark, self.student, self.strategy))
        return f"{' '.join(names)} seed {self.config.seed}"


def plan(config: SweepConfig) -> Iterator[PlannedTransfer]:
    """The students, in order.

    Raises:
        InputError: a grid names a benchmark, student or strategy that the file does not have, or fields
            that TransferConfig does not have, an extra column is none of its fields, or a benchmark, a
            student or a strategy sets what the sweep sets.
    """
    return without_repeats(each for grid in config.grids for each in _plan_grid(config, grid))


def _plan_grid(config: SweepConfig, grid: Grid) -> Iterator[PlannedTransfer]:
    names = list(config.benchmarks) if grid.benchmarks is None else grid.benchmarks
    grid.check_names("benchmark", names, config.benchmarks)
    grid.check_names("strategy", grid.strategies, config.strategies)
    students = grid.students
    if students is None:
        students = list(config.students) or [""]
    grid.check_names("student", students, config.students or [""])
    values = {
        "seed": grid.seeds,
        "benchmark": names,
        "student": students,
        "pairs": grid.pairs,
        "labelled": grid.labelled,
        "misalignment": grid.misalignment,
        "rig": grid.rig,
        "strategy": grid.strategies,
    }
    for chosen in grid.product_of(values):
        yield _plan_run(config, **chosen)


def _plan_run(
    config: SweepConfig,
    benchmark: str,
    student: str,
    strategy: str,
    seed: int,
    **counts: float | Rig | None,
) -> PlannedTransfer:
    """One student.

    Args:
        counts: `pairs`, `labelled`, `misalignment` and `rig` of its data.
    """
    of_student = config.students.get(student, {})
    _refuse_set_fields(f"student '{student}'", of_student)
    _refuse_set_fields(f"strategy '{strategy}'", config.transfer, config.strategies[strategy])
    teacher = teacher_config(config, benchmark)
    fields = merged(
        config.transfer,
        of_student,
        config.strategies[strategy],
        {
            "data": _data_without_counts(config, benchmark) | counts,
            "seed": seed,
            "teacher": teacher.out / WEIGHTS,
            "out": config.out,
        },
    )
    where = f"student '{student}', " if student else ""
    run_config = TransferConfig.validated(f"{where}strategy '{strategy}'", fields)
    for column, dotted in config.extra.items():
        _field(run_config, dotted, column)
    run = run_id(run_config, teacher, config.split)
    run_config = run_config.model_copy(update={"out": config.out / run})
    first = _shared_first(config, run_config, teacher)
    if first is not None:
        run_config = run_config.model_copy(update={"first": first.out / WEIGHTS})
    return PlannedTransfer(benchmark, student, strategy, run_config, teacher, run, first)


def _shared_first(
    config: SweepConfig, student: TransferConfig, teacher: TrainConfig
) -> TransferConfig | None:
    """The run of the first student, which all strategies with the same labels and seed share.

    None if the run needs none, names one, or has no label to train it from.
    """
    if not student.uses_first or student.first is not None or student.data.labelled == 0:
        return None
    first = first_student_config(student)
    name = run_id(first.model_copy(update={"seed": 0}), teacher, config.split)
    return first.model_copy(update={"out": config.out / f"first-{name}-s{first.seed}"})


def _refuse_set_fields(where: str, *layers: dict[str, Any]) -> None:
    """Raises an InputError if a student or strategy sets a path, the data or the seed."""
    for name in ("out", "teacher", "data", "seed"):
        if any(name in layer for layer in layers):
            raise InputError(f"{where}: {name} is set by the sweep; remove it here")


def _data_without_counts(config: SweepConfig, name: str) -> dict[str, Any]:
    """The fields of a benchmark's data; the grids set the counts."""
    fields = config.benchmarks[name].data.model_dump()
    for count in ("pairs", "labelled", "misalignment", "rig"):
        if fields.get(count):
            raise InputError(
                f"benchmark '{name}': data.{count} is set by the grids; remove it here"
            )
    return fields


def _field(config: BaseModel, dotted: str, column: str) -> Any:
    """The value of a dotted field."""
    value: Any = config
    for part in dotted.split("."):
        if not hasattr(value, part):
            raise InputError(f"extra column '{column}': a run's config has no {dotted}")
        value = getattr(value, part)
    return value


class KTLStudy(Study[PlannedTransfer]):
    """The KTL sweep as a study.

    Attributes:
        nme_teacher: NME on RGB in percent of the teacher of each benchmark, from `prepare`.
    """

    def __init__(self, config: SweepConfig) -> None:
        super().__init__(config.table, config.columns)
        self.config = config
        self.nme_teacher: dict[str, float] = {}

    def plan(self) -> Iterable[PlannedTransfer]:
        return plan(self.config)

    def prepare(
        self, missing: Sequence[PlannedTransfer], rows: Sequence[dict[str, str]], say: Say
    ) -> list[Row]:
        """Trains the RGB teachers and scores them."""
        for name in dict.fromkeys(planned.benchmark for planned in missing):
            nme = self.nme_teacher[name] = teacher_nme(self.config, name)
            say(f"{name}: the teacher's NME on RGB, {self.config.split}: {nme:.2f} %")
        return []

    def make(self, planned: PlannedTransfer) -> Row:
        """Trains one student and scores it; the score of a run that was scored before is reused."""
        config, out = planned.config, planned.out
        pairs = config.data.load_training(planned.teacher.input_px, config.seed, progress=False)
        nme = _stored_nme(config, self.config.split)
        if nme is None:
            if planned.first is not None:
                get_or_train(transfer, planned.first, progress=False)
            nme = _train_and_score(config, bool(pairs.labelled.any()), self.config.split)
        if not self.config.keep_weights:
            (out / WEIGHTS).unlink(missing_ok=True)
        return {"pairs": len(pairs), "labelled": int(pairs.labelled.sum()), "nme": nme}

    def row(self, planned: PlannedTransfer, result: Row) -> Row:
        config, teacher = planned.config, planned.teacher
        return {
            "benchmark": planned.benchmark,
            "model": teacher.size,
            "input_px": teacher.input_px,
            "steps": config.fit.steps,
            "strategy": planned.strategy,
            "decay": config.distillation.decay,
            "init": config.init,
            "seed": config.seed,
            "nme_teacher": self.nme_teacher[planned.benchmark],
            "run": planned.run,
            **result,
            **({"student": planned.student} if planned.student else {}),
            **{name: _field(config, field, name) for name, field in self.config.extra.items()},
        }


def _train_and_score(config: TransferConfig, any_label: bool, split: str) -> float:
    """NME in percent, on thermal, of a new student."""
    out = config.out
    if not config.distillation.resolved().any() and not any_label:
        # Without labels and distillation terms there is no loss: the teacher is scored on thermal input.
        weights = config.teacher
    else:
        transfer(config, progress=False)
        weights = out / WEIGHTS
    return nme_percent(weights, config.data, out / f"score-{split}", split, "thermal")


def _stored_nme(config: TransferConfig, split: str) -> float | None:
    """NME in percent of a run that was scored but has no row; None if there is none."""
    score = config.out / f"score-{split}"
    scored = (score / RESULT).is_file() and (config.out / RESULT).is_file() and is_run_of(config)
    # Existing weights may belong to a run that was repeated and interrupted before it was scored.
    if not scored or not made_from(score, {"weights": config.out / WEIGHTS}):
        return None
    return json.loads((score / RESULT).read_text(encoding="utf-8"))["nme_percent"]
