"""What a table of light students asks for: networks, methods and seeds, and the config of each student.

Who teaches whom is settled here: the KTL student is the teacher of MCL and the Tough-Teacher of thermal
students, the RGB teacher that of RGB students. `students` makes what is planned.
"""

import hashlib
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from mlcmkd.data.modality import Modality
from mlcmkd.evaluation.frontier import benchmark_label, is_int8
from mlcmkd.models import SizeName
from mlcmkd.stages.common import StageConfig
from mlcmkd.stages.compress import CompressConfig, compress
from mlcmkd.stages.kd_loss import PLAIN, KDLossConfig, train_kd_loss
from mlcmkd.stages.tolerant import TolerantConfig
from mlcmkd.stages.train import TrainConfig, train
from mlcmkd.stages.transfer import TransferConfig
from mlcmkd.studies.ktl import Benchmark, FolderName, Study, merged, run_id
from mlcmkd.training.run_directory import WEIGHTS
from mlcmkd.utils.errors import InputError

TEACHER, KTL_STUDENT = "teacher", "ktl"  # methods of the two big networks
Stage = Literal["train", "compress", "kd-loss"]
STAGES: dict[Stage, tuple[type[StageConfig], Callable[..., Any]]] = {
    "train": (TrainConfig, train),
    "compress": (CompressConfig, compress),
    "kd-loss": (KDLossConfig, train_kd_loss),
}


class _Config(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TwoSides(Benchmark):
    """A benchmark whose students read RGB or thermal images.

    Attributes:
        names: what the table calls the benchmark of each side.
    """

    names: dict[Modality, str]


class Network(_Config):
    """A light student.

    Attributes:
        size, head: see ModelSpec.
        fields: of every stage's config, for this network alone: its precision, its learning rate.
    """

    size: SizeName
    head: Literal["heatmap", "coordinate"] = "heatmap"
    fields: dict[str, Any] = Field(default_factory=dict)


class Method(_Config):
    """A way to train a light student.

    Attributes:
        stage: "train" (labels alone, the house's loss), "compress" (MCL) or "kd-loss".
        fields: of that stage's config.
        int8: in 8 bits at last (the method's name ends in "int8" then), calibrated on validation
            faces; the student is that of the method with the same fields, and is not trained again
            where its weights were kept.
    """

    stage: Stage
    fields: dict[str, Any] = Field(default_factory=dict)
    int8: bool = False


class Grid(_Config):
    """All combinations of what is listed, seeds outermost: a table cut short is still balanced.

    Attributes:
        labelled: how many training pairs have a label for the light students, which are thermal then;
            None for all. The RGB teacher has all, the KTL student none: each seed draws its own
            labels, and a KTL student that had others would bring more of them.
    """

    name: str
    labelled: int | None = Field(default=None, ge=1)
    benchmarks: list[str]
    modalities: list[Modality]
    networks: list[str]
    methods: list[str]
    seeds: list[int]


class StudentsConfig(Study):
    """A whole table.

    Attributes:
        benchmarks: by name.
        tolerant: fields of TolerantConfig, laid over the teacher's.
        transfer: fields of TransferConfig, of the KTL student.
        student: fields that all light students share: steps, augmentation.
        networks, methods: by name.
        grids: what is run, in this order.
        keep_weights: keep every student's weights, or only its metrics and errors. They are kept in
            any case while 8-bit twins, which are made of them, are still to come.
    """

    benchmarks: dict[FolderName, TwoSides]
    tolerant: dict[str, Any] = Field(default_factory=dict)
    transfer: dict[str, Any] = Field(default_factory=dict)
    student: dict[str, Any] = Field(default_factory=dict)
    networks: dict[str, Network]
    methods: dict[str, Method]
    grids: list[Grid]
    keep_weights: bool = False


class Big(NamedTuple):
    """Configs of the networks that light students learn from."""

    teacher: TrainConfig
    tolerant: TolerantConfig
    ktl: TransferConfig


class Planned(NamedTuple):
    """One light student.

    Attributes:
        benchmark: name in the config, not in the table.
        labelled: how many of its training pairs have a label; None for all.
        modality: the side it reads.
        network, method: names in the config.
        stage, config: what makes it.
        int8: whether its 8-bit twin is meant.
        run: hash of all that decides the result.
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
    def told(self) -> str:
        """What to call it in a line of text."""
        where = benchmark_label(self.benchmark, self.labelled)
        what = f"{where} {self.modality} {self.network} {self.method}"
        return f"{what} seed {self.config.seed}"


def big_networks(config: StudentsConfig, name: str, labelled: int | None = None) -> Big:
    """The configs of a benchmark's teachers, for light students that have so many labels.

    Raises:
        InputError: fields that their stages do not take.
    """
    benchmark = config.benchmarks[name]
    teacher = merged(benchmark.teacher, _data(benchmark), {"out": config.out / f"teacher-{name}"})
    few = labelled is not None
    ktl = {
        "out": config.out / (f"ktl-{name}-no-labels" if few else f"ktl-{name}"),
        "teacher": teacher["out"] / WEIGHTS,
        **_data(benchmark, 0 if few else None),
    }
    return Big(
        TrainConfig.validated("teacher", teacher),
        TolerantConfig.validated(
            "tolerant",
            merged(teacher, config.tolerant, {"out": config.out / f"tolerant-{name}"}),
        ),
        TransferConfig.validated("transfer", merged(config.transfer, ktl)),
    )


def _data(benchmark: TwoSides, labelled: int | None = None) -> dict[str, Any]:
    """The field `data` of a stage's config; None keeps what the benchmark says of labels."""
    told = benchmark.data.model_dump()
    return {"data": told if labelled is None else told | {"labelled": labelled}}


def _around(how: Method, big: Big, network: Network, modality: Modality) -> dict[str, Any]:
    """What a light student's config takes from the networks around it."""
    if how.stage == "compress":
        told = {"size": network.size, "teacher": big.ktl.out / WEIGHTS}
        # Without a head of its own a student has its teacher's, and its run the name it always had.
        return told if network.head == big.teacher.head else told | {"head": network.head}
    told = {
        "size": network.size,
        "head": network.head,
        "modality": modality,
        "input_px": big.teacher.input_px,
    }
    if how.stage == "train" or how.fields.get("loss") in PLAIN:
        return told
    if modality == "rgb":
        return told | {"tough": big.teacher.out / WEIGHTS, "tolerant": big.tolerant.out / WEIGHTS}
    return told | {"tough": big.ktl.out / WEIGHTS}


def plan(config: StudentsConfig) -> Iterator[Planned]:
    """The light students, in order.

    Raises:
        InputError: a grid names what the file does not have, MCL is asked to read RGB, or fields that
            a stage does not take.
    """
    seen: set[str] = set()
    for grid in config.grids:
        for kind, asked, there in (
            ("benchmark", grid.benchmarks, config.benchmarks),
            ("network", grid.networks, config.networks),
            ("method", grid.methods, config.methods),
        ):
            if unknown := set(asked) - set(there):
                raise InputError(
                    f"grid '{grid.name}': {kind} '{min(unknown)}' is not among {', '.join(there)}"
                )
        for seed, name, modality, small, method in product(
            grid.seeds, grid.benchmarks, grid.modalities, grid.networks, grid.methods
        ):
            network, how = config.networks[small], config.methods[method]
            if modality not in config.benchmarks[name].names:
                raise InputError(
                    f"grid '{grid.name}': benchmark '{name}' has no name for its {modality} side"
                )
            if how.int8 != is_int8(method):
                raise InputError(
                    f"method '{method}': the table tells 8 bits by the name alone, so it ends in "
                    "'int8' where int8 is true, and nowhere else"
                )
            if how.int8 and config.split != "test":
                raise InputError(
                    f"method '{method}': calibrated on validation faces, so it is scored on others"
                )
            if how.stage == "compress" and modality == "rgb":
                raise InputError(f"grid '{grid.name}': method '{method}' is MCL, which is thermal")
            if grid.labelled is not None and modality == "rgb":
                raise InputError(
                    f"grid '{grid.name}': the RGB side has all labels; leave out 'rgb'"
                )
            big = big_networks(config, name, grid.labelled)
            student = STAGES[how.stage][0].validated(
                f"method '{method}'",
                merged(
                    config.student,
                    network.fields,
                    how.fields,
                    _around(how, big, network, modality),
                    _data(config.benchmarks[name], grid.labelled),
                    {"out": config.out, "seed": seed},
                ),
            )
            told = [run_id(each, big.teacher, config.split) for each in (student, *big[1:])]
            trained = _short_hash(told)
            run = _short_hash([*told, "int8"]) if how.int8 else trained
            if run not in seen:
                seen.add(run)
                yield Planned(
                    name,
                    grid.labelled,
                    modality,
                    small,
                    method,
                    how.stage,
                    student.model_copy(update={"out": config.out / trained}),
                    how.int8,
                    run,
                )


def _short_hash(told: list[str]) -> str:
    return hashlib.sha256(" ".join(told).encode()).hexdigest()[:12]
