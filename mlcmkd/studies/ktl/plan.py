"""The plan of a KTL sweep: its parameter file, and the config of every student.

A parameter file (`experiments/ktl_*.yaml`) names benchmarks and strategies; its grids combine them with
numbers of pairs and labels, and with seeds.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, Field

from mlcmkd.data.rig import Rig
from mlcmkd.stages.train import TrainConfig
from mlcmkd.stages.transfer import TransferConfig, first_student_config
from mlcmkd.studies.config import (
    BenchmarkStudyConfig,
    GridConfig,
    merged,
    run_id,
    teacher_config,
)
from mlcmkd.studies.study import without_repeats
from mlcmkd.training.run_directory import WEIGHTS
from mlcmkd.utils.config import late
from mlcmkd.utils.errors import InputError

COLUMNS = (
    "benchmark", "model", "input_px", "steps", "pairs", "labelled", "strategy", "decay", "init",
    "seed", "nme", "nme_teacher", "run",
)  # fmt: skip
VAL_NME = "val_nme"


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
        validation: whether the table has the NME on the validation split as well.
    """

    transfer: dict[str, Any] = Field(default_factory=dict)
    students: dict[str, dict[str, Any]] = Field(default_factory=dict)
    strategies: dict[str, dict[str, Any]]
    extra: dict[str, str] = Field(default_factory=dict)
    keep_weights: bool = False
    grids: list[Grid]
    validation: bool = late(
        False,
        description="Add the column val_nme, the NME on the validation split in percent: a choice among "
        "the strategies of a table of test scores needs it.",
    )

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the table."""
        student = ["student"] if self.students else []
        return (*COLUMNS, *([VAL_NME] if self.validation else []), *student, *self.extra)


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
        field_of(run_config, dotted, column)
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


def field_of(config: BaseModel, dotted: str, column: str) -> Any:
    """The value of a dotted field."""
    value: Any = config
    for part in dotted.split("."):
        if not hasattr(value, part):
            raise InputError(f"extra column '{column}': a run's config has no {dotted}")
        value = getattr(value, part)
    return value
