"""The large networks of a table of light students, which are their teachers.

The KTL student is the teacher of MCL and the Tough-Teacher of thermal students; the RGB teacher is the
Tough-Teacher of RGB students.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from mlcmkd.data.modality import Modality
from mlcmkd.evaluation.frontier import benchmark_label
from mlcmkd.stages.common import StageConfig
from mlcmkd.stages.tolerant import TolerantConfig
from mlcmkd.stages.train import TrainConfig
from mlcmkd.stages.transfer import TransferConfig
from mlcmkd.studies.config import merged, run_id
from mlcmkd.studies.students.config import StudentBenchmark, StudentsConfig
from mlcmkd.training.run_directory import WEIGHTS

TEACHER, KTL_STUDENT = "teacher", "ktl"  # methods of the rows of the two large networks


class Teachers(NamedTuple):
    """Configs of the networks that light students learn from."""

    rgb: TrainConfig
    tolerant: TolerantConfig
    ktl: TransferConfig


def teachers_of(config: StudentsConfig, name: str, labelled: int | None = None) -> Teachers:
    """The configs of a benchmark's teachers.

    Args:
        name: name of the benchmark in the parameter file.
        labelled: number of labelled pairs of the light students; None for all.

    Raises:
        InputError: fields that their stages do not have.
    """
    benchmark = config.benchmarks[name]
    teacher = merged(
        benchmark.teacher, data_fields(benchmark), {"out": config.out / f"teacher-{name}"}
    )
    few = labelled is not None
    ktl = {
        "out": config.out / (f"ktl-{name}-no-labels" if few else f"ktl-{name}"),
        "teacher": teacher["out"] / WEIGHTS,
        **data_fields(benchmark, 0 if few else None),
    }
    tolerant = merged(teacher, config.tolerant, {"out": config.out / f"tolerant-{name}"})
    return Teachers(
        TrainConfig.validated("teacher", teacher),
        TolerantConfig.validated("tolerant", tolerant),
        TransferConfig.validated("transfer", merged(config.transfer, ktl)),
    )


class LargeNetwork(NamedTuple):
    """A teacher with its own row in the table: the RGB teacher, or the KTL student on thermal.

    Attributes:
        network: its size, which the table shows instead of the name of a light student.
        method: `TEACHER` or `KTL_STUDENT`.
        benchmark, labelled, modality, config, run: as in PlannedStudent.
    """

    benchmark: str
    labelled: int | None
    modality: Modality
    network: str
    method: str
    config: StageConfig
    run: str

    @property
    def out(self) -> Path:
        """Its run directory."""
        return self.config.out

    @property
    def label(self) -> str:
        """Its name in messages."""
        return f"{benchmark_label(self.benchmark, self.labelled)} {self.modality} {self.method}"


def large_networks(
    config: StudentsConfig, name: str, labelled: int | None, modalities: set[Modality]
) -> Iterator[LargeNetwork]:
    """The teachers that get a row in the table, for one benchmark.

    Args:
        config: the parameter file.
        name: name of the benchmark in the file.
        labelled: number of labelled pairs of the light students; None for all.
        modalities: modalities of the light students.
    """
    teachers = teachers_of(config, name, labelled)

    def network(modality: Modality, method: str, trained: StageConfig) -> LargeNetwork:
        run = run_id(trained, teachers.rgb, config.split)
        return LargeNetwork(name, labelled, modality, teachers.rgb.size, method, trained, run)

    # The RGB teacher exists for students of both modalities; with few labels it is that of all labels.
    if labelled is None and "rgb" in config.benchmarks[name].names:
        yield network("rgb", TEACHER, teachers.rgb)
    if "thermal" in modalities:
        yield network("thermal", KTL_STUDENT, teachers.ktl)


def data_fields(benchmark: StudentBenchmark, labelled: int | None = None) -> dict[str, Any]:
    """The field `data` of a stage's config; None keeps the benchmark's number of labels."""
    fields = benchmark.data.model_dump()
    return {"data": fields if labelled is None else fields | {"labelled": labelled}}
