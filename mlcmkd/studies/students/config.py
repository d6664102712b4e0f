"""The parameter file of a table of light students: benchmarks, networks, methods and grids."""

from typing import Any, Literal

from pydantic import Field

from mlcmkd.data.modality import Modality
from mlcmkd.models import SizeName
from mlcmkd.studies.config import Benchmark, BenchmarkStudyConfig, FolderName, GridConfig
from mlcmkd.utils.config import Config

Stage = Literal["train", "compress", "kd-loss"]


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
