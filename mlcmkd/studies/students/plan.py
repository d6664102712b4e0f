"""The plan of a table of light students: the config of every student, and what identifies its run.

`run` trains what is planned here.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from mlcmkd.data.modality import Modality
from mlcmkd.evaluation.frontier import benchmark_label, is_int8
from mlcmkd.stages.common import StageConfig
from mlcmkd.stages.compress import CompressConfig, compress
from mlcmkd.stages.kd_loss import PLAIN, KDLossConfig, train_kd_loss
from mlcmkd.stages.train import TrainConfig, train
from mlcmkd.studies.config import merged, run_id, short_hash
from mlcmkd.studies.students.config import Grid, Method, Network, Stage, StudentsConfig
from mlcmkd.studies.students.teachers import Teachers, data_fields, teachers_of
from mlcmkd.studies.study import without_repeats
from mlcmkd.training.run_directory import WEIGHTS
from mlcmkd.utils.errors import InputError

STAGES: dict[Stage, tuple[type[StageConfig], Callable[..., Any]]] = {
    "train": (TrainConfig, train),
    "compress": (CompressConfig, compress),
    "kd-loss": (KDLossConfig, train_kd_loss),
}


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
        data_fields(config.benchmarks[benchmark], labelled),
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
