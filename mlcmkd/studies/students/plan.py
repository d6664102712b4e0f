"""The plan of a table of light students: networks, methods, seeds, and the config of every student.

The KTL student is the teacher of MCL and the Tough-Teacher of thermal students; the RGB teacher is the
Tough-Teacher of RGB students. `run` trains what is planned here.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import Field

from mlcmkd.data.modality import Modality
from mlcmkd.evaluation.frontier import benchmark_label, is_int8
from mlcmkd.models import SizeName
from mlcmkd.stages.common import StageConfig
from mlcmkd.stages.compress import CompressConfig, compress
from mlcmkd.stages.kd_loss import PLAIN, KDLossConfig, train_kd_loss
from mlcmkd.stages.tolerant import TolerantConfig
from mlcmkd.stages.train import TrainConfig, train
from mlcmkd.stages.transfer import TransferConfig
from mlcmkd.studies.config import (
    Benchmark,
    BenchmarkStudyConfig,
    FolderName,
    GridConfig,
    merged,
    run_id,
    short_hash,
)
from mlcmkd.studies.study import without_repeats
from mlcmkd.training.run_directory import WEIGHTS
from mlcmkd.utils.config import Config
from mlcmkd.utils.errors import InputError

TEACHER, KTL_STUDENT = "teacher", "ktl"  # methods of the rows of the two large networks
Stage = Literal["train", "compress", "kd-loss"]
STAGES: dict[Stage, tuple[type[StageConfig], Callable[..., Any]]] = {
    "train": (TrainConfig, train),
    "compress": (CompressConfig, compress),
    "kd-loss": (KDLossConfig, train_kd_loss),
}


class StudentBenchmark(Benchmark):
    """A benchmark whose students take RGB or thermal input.

    Attributes:
        names: name of the benchmark in the table, by modality.
    """

    names: dict[Modality, str]


class Network(Config):
    """A light student.

    Attributes:
        size, head: see ModelSpec.
        fields: fields of every stage's config for this network only, such as its learning rate.
    """

    size: SizeName
    head: Literal["heatmap", "coordinate"] = "heatmap"
    fields: dict[str, Any] = Field(default_factory=dict)


class Method(Config):
    """A way to train a light student.

    Attributes:
        stage: "train" (labels only, the default loss), "compress" (MCL) or "kd-loss".
        fields: fields of that stage's config.
        int8: quantise the student to 8 bits after training, calibrated on validation faces. The method's
            name then ends in "int8". The student is the same as that of a method with the same fields,
            and is reused if its weights were kept.
    """

    stage: Stage
    fields: dict[str, Any] = Field(default_factory=dict)
    int8: bool = False


class Grid(GridConfig):
    """Combinations of benchmarks, modalities, networks, methods and seeds.

    Attributes:
        labelled: number of training pairs with a label for the light students, which must then be
            thermal; None for all. The RGB teacher has all labels, the KTL student none: each seed draws
            its own labels, and a KTL student trained on other labels would add their information.
        benchmarks, networks, methods: names in the parameter file.
        modalities: modalities of the students' input.
        seeds: seeds of the weights, the choice of pairs, their order and the augmentation.
    """

    labelled: int | None = Field(default=None, ge=1)
    benchmarks: list[str]
    modalities: list[Modality]
    networks: list[str]
    methods: list[str]
    seeds: list[int]


class StudentsConfig(BenchmarkStudyConfig):
    """Parameter file of a table of light students.

    Attributes:
        benchmarks: the benchmarks by name.
        tolerant: fields of TolerantConfig, which take precedence over the teacher's.
        transfer: fields of TransferConfig for the KTL student.
        student: fields that all light students share, such as steps and augmentation.
        networks, methods: the networks and the methods by name.
        grids: what is run, in this order.
        keep_weights: keep every student's weights, or only its metrics and errors. They are kept in
            any case while 8-bit students, which are made from them, are missing.
    """

    benchmarks: dict[FolderName, StudentBenchmark]
    tolerant: dict[str, Any] = Field(default_factory=dict)
    transfer: dict[str, Any] = Field(default_factory=dict)
    student: dict[str, Any] = Field(default_factory=dict)
    networks: dict[str, Network]
    methods: dict[str, Method]
    grids: list[Grid]
    keep_weights: bool = False


class Teachers(NamedTuple):
    """Configs of the networks that light students learn from."""

    rgb: TrainConfig
    tolerant: TolerantConfig
    ktl: TransferConfig


class PlannedStudent(NamedTuple):
    """One light student.

    Attributes:
        benchmark: name in the parameter file, not in the table.
        labelled: number of its training pairs with a label; None for all.
        modality: modality of its input.
        network, method: names in the parameter file.
        stage, config: how it is trained.
        int8: whether it is quantised to 8 bits.
        run: hash of everything that decides the result.
    """

    benchmark: str
    labelled: int | None
    modality: Modality
    network: str
    method: str
    stage: Stage
    config: StageConfig
    int8: bool
    run: str

    @property
    def out(self) -> Path:
        """Its run directory."""
        return self.config.out

    @property
    def label(self) -> str:
        """Its name in messages."""
        benchmark = benchmark_label(self.benchmark, self.labelled)
        student = f"{benchmark} {self.modality} {self.network} {self.method}"
        return f"{student} seed {self.config.seed}"


def teachers_of(config: StudentsConfig, name: str, labelled: int | None = None) -> Teachers:
    """The configs of a benchmark's teachers.

    Args:
        name: name of the benchmark in the parameter file.
        labelled: number of labelled pairs of the light students; None for all.

    Raises:
        InputError: fields that their stages do not have.
    """
    benchmark = config.benchmarks[name]
    teacher = merged(benchmark.teacher, _data(benchmark), {"out": config.out / f"teacher-{name}"})
    few = labelled is not None
    ktl = {
        "out": config.out / (f"ktl-{name}-no-labels" if few else f"ktl-{name}"),
        "teacher": teacher["out"] / WEIGHTS,
        **_data(benchmark, 0 if few else None),
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


def _data(benchmark: StudentBenchmark, labelled: int | None = None) -> dict[str, Any]:
    """The field `data` of a stage's config; None keeps the benchmark's number of labels."""
    fields = benchmark.data.model_dump()
    return {"data": fields if labelled is None else fields | {"labelled": labelled}}


def plan(config: StudentsConfig) -> Iterator[PlannedStudent]:
    """The light students, in order.

    Raises:
        InputError: a grid has a name that the file does not define, or a combination that is impossible,
            such as MCL on RGB; or there are fields that a stage does not have.
    """
    return without_repeats(each for grid in config.grids for each in _plan_grid(config, grid))


def _plan_grid(config: StudentsConfig, grid: Grid) -> Iterator[PlannedStudent]:
    grid.check_names("benchmark", grid.benchmarks, config.benchmarks)
    grid.check_names("network", grid.networks, config.networks)
    grid.check_names("method", grid.methods, config.methods)
    values = {
        "seed": grid.seeds,
        "benchmark": grid.benchmarks,
        "modality": grid.modalities,
        "network": grid.networks,
        "method": grid.methods,
    }
    for chosen in grid.product_of(values):
        _check_possible(config, grid, chosen["benchmark"], chosen["modality"], chosen["method"])
        yield _plan_student(config, grid.labelled, **chosen)


def _check_possible(
    config: StudentsConfig, grid: Grid, benchmark: str, modality: Modality, name: str
) -> None:
    """Raises an InputError for a combination that cannot be trained or scored."""
    method = config.methods[name]
    if modality not in config.benchmarks[benchmark].names:
        raise InputError(
            f"grid '{grid.name}': benchmark '{benchmark}' has no name for {modality} students; "
            "add it to its names"
        )
    if method.int8 != is_int8(name):
        raise InputError(
            f"method '{name}': tables mark 8 bits by the name alone, so it must end in 'int8' "
            "if int8 is true, and only then"
        )
    if method.int8 and config.split != "test":
        raise InputError(
            f"method '{name}': calibrated on validation faces, so it cannot be scored on them; "
            "use split: test"
        )
    if method.stage == "compress" and modality == "rgb":
        raise InputError(f"grid '{grid.name}': method '{name}' is MCL, which is thermal")
    if grid.labelled is not None and modality == "rgb":
        raise InputError(f"grid '{grid.name}': RGB students have all labels; leave out 'rgb'")


def _plan_student(
    config: StudentsConfig,
    labelled: int | None,
    benchmark: str,
    modality: Modality,
    network: str,
    method: str,
    seed: int,
) -> PlannedStudent:
    """One light student; its hash includes its teachers."""
    how = config.methods[method]
    teachers = teachers_of(config, benchmark, labelled)
    fields = merged(
        config.student,
        config.networks[network].fields,
        how.fields,
        _network_and_teachers(how, config.networks[network], modality, teachers),
        _data(config.benchmarks[benchmark], labelled),
        {"out": config.out, "seed": seed},
    )
    student = STAGES[how.stage][0].validated(f"method '{method}'", fields)
    hashes = [
        run_id(each, teachers.rgb, config.split)
        for each in (student, teachers.tolerant, teachers.ktl)
    ]
    trained = short_hash(" ".join(hashes))
    return PlannedStudent(
        benchmark=benchmark,
        labelled=labelled,
        modality=modality,
        network=network,
        method=method,
        stage=how.stage,
        config=student.model_copy(update={"out": config.out / trained}),
        int8=how.int8,
        run=short_hash(" ".join([*hashes, "int8"])) if how.int8 else trained,
    )


def _network_and_teachers(
    method: Method, network: Network, modality: Modality, teachers: Teachers
) -> dict[str, Any]:
    """The fields of a light student's config that name its network and its teachers."""
    rgb, tolerant, ktl = (each.out / WEIGHTS for each in teachers)
    if method.stage == "compress":
        fields = {"size": network.size, "teacher": ktl}
        # The head is omitted where it is the teacher's, so that older runs keep their hashes.
        return fields if network.head == teachers.rgb.head else fields | {"head": network.head}
    fields = {
        "size": network.size,
        "head": network.head,
        "modality": modality,
        "input_px": teachers.rgb.input_px,
    }
    if method.stage == "train" or method.fields.get("loss") in PLAIN:
        return fields
    if modality == "rgb":
        return fields | {"tough": rgb, "tolerant": tolerant}
    return fields | {"tough": ktl}
