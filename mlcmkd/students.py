"""How small can it be? Light students of every method, in RGB and in thermal, in one tidy table.

One parameter file names the networks, the methods and the seeds. What the students learn from is made
once a benchmark: the RGB teacher (the Tough-Teacher of RGB students), its Tolerant-Teacher, and the
KTL student (the teacher of MCL, and the Tough-Teacher of thermal students, whose Tolerant-Teacher is
its own answer softened by the shape model). A row says what a network costs and how well it reads.
"""

import hashlib
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, NamedTuple

import torch
from pydantic import BaseModel, ConfigDict, Field

from mlcmkd import kd_stages, stages
from mlcmkd.cost import file_latency_ms, flops, latency_ms
from mlcmkd.errors import InputError
from mlcmkd.export import export_onnx
from mlcmkd.export_stage import INT8, MODEL, ExportConfig, export
from mlcmkd.fill import fill, missing
from mlcmkd.frontier import called, is_int8
from mlcmkd.locks import alone
from mlcmkd.models import Landmarker, ModelSpec, SizeName
from mlcmkd.quantise import quantise
from mlcmkd.radiometry import FACE_CELSIUS
from mlcmkd.reuse import ensure
from mlcmkd.runs import WEIGHTS
from mlcmkd.spread import Cluster
from mlcmkd.sweep import Benchmark, FolderName, Study, merged, percent, run_id, validated
from mlcmkd.table import add_row, read_table

COLUMNS = (
    "benchmark", "modality", "model", "input_px", "method", "seed", "params", "flops", "latency_ms",
    "nme", "run",
)  # fmt: skip
TEACHER, KTL_STUDENT = "teacher", "ktl"  # methods of the two big networks
Stage = Literal["train", "compress", "kd-loss"]
Kind = tuple[ModelSpec, bool]  # a student's network, and whether it is in 8 bits
_STAGES: dict[Stage, tuple[type[stages.StageConfig], Callable[..., Any]]] = {
    "train": (stages.TrainConfig, stages.train),
    "compress": (stages.CompressConfig, stages.compress),
    "kd-loss": (kd_stages.KDLossConfig, kd_stages.train_kd_loss),
}


class _Config(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TwoSides(Benchmark):
    """A benchmark whose students read RGB or thermal images.

    Attributes:
        names: what the table calls the benchmark of each side.
    """

    names: dict[stages.Modality, str]


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
    modalities: list[stages.Modality]
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

    teacher: stages.TrainConfig
    tolerant: kd_stages.TolerantConfig
    ktl: stages.TransferConfig


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
    modality: stages.Modality
    network: str
    method: str
    stage: Stage
    config: stages.StageConfig
    int8: bool
    run: str

    @property
    def out(self) -> Path:
        """Its run directory."""
        return self.config.out

    @property
    def told(self) -> str:
        """What to call it in a line of text."""
        where = called(self.benchmark, self.labelled)
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
        validated(stages.TrainConfig, "teacher", teacher),
        validated(
            kd_stages.TolerantConfig,
            "tolerant",
            merged(teacher, config.tolerant, {"out": config.out / f"tolerant-{name}"}),
        ),
        validated(stages.TransferConfig, "transfer", merged(config.transfer, ktl)),
    )


def _data(benchmark: TwoSides, labelled: int | None = None) -> dict[str, Any]:
    """The field `data` of a stage's config; None keeps what the benchmark says of labels."""
    told = benchmark.data.model_dump()
    return {"data": told if labelled is None else told | {"labelled": labelled}}


def _around(how: Method, big: Big, network: Network, modality: stages.Modality) -> dict[str, Any]:
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
    if how.stage == "train" or how.fields.get("loss") in kd_stages.PLAIN:
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
            student = validated(
                _STAGES[how.stage][0],
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


def run_planned(planned: Planned, split: str, keep_weights: bool) -> dict[str, Any]:
    """Makes one light student, or its 8-bit twin, and scores it. Runs in a worker."""
    torch.set_num_threads(1)
    config = planned.config
    weights = ensure(_STAGES[planned.stage][1], config, progress=False) / WEIGHTS
    model = Landmarker.load(weights)
    if planned.int8:
        leaving = ExportConfig(
            out=config.out / "int8", weights=weights, kind="crop", int8=True, data=config.data
        )
        nme = export(leaving, progress=False)["int8"]["nme_percent"]
    else:
        nme = percent(weights, config.data, config.out / f"score-{split}", split, planned.modality)
    if not keep_weights:
        weights.unlink(missing_ok=True)
    return {"nme": nme, "params": model.parameter_count(), "flops": flops(model)}


def _kind(
    config: StudentsConfig, benchmark: str, modality: stages.Modality, small: str, method: str
) -> Kind:
    """What a network is, before it is made; which scheme and radiometry costs no time."""
    teacher = big_networks(config, benchmark).teacher
    size, head, int8 = teacher.size, teacher.head, False  # of the two big networks
    if method not in (TEACHER, KTL_STUDENT):
        network, how = config.networks[small], config.methods[method]
        size, int8 = network.size, how.int8
        head = head if how.stage == "compress" else network.head
    spec = ModelSpec(
        size=size,
        head=head,
        input_px=teacher.input_px,
        modality=modality,
        radiometry=FACE_CELSIUS if modality == "thermal" else None,
    )
    return spec, int8


def _kind_of(config: StudentsConfig, planned: Planned) -> Kind:
    return _kind(config, planned.benchmark, planned.modality, planned.network, planned.method)


def _milliseconds(spec: ModelSpec, int8: bool, data: stages.DataConfig) -> float:
    """How long a network takes for a face, by ONNX Runtime; its weights cost it no time."""
    model = Landmarker(spec).eval()
    if not int8:
        return round(latency_ms(model).median, 3)
    with TemporaryDirectory() as folder:
        plain, small = Path(folder) / MODEL, Path(folder) / INT8
        export_onnx(model, plain, "crop")
        quantise(plain, small, data.load("val", spec.input_px, progress=False))
        return round(file_latency_ms(small).median, 3)


def _speeds(config: StudentsConfig) -> dict[Kind, float]:
    """Milliseconds of every kind of network that the table has.

    A network has one speed in a table, whatever the machine did when its later rows were added.
    """
    found: dict[Kind, float] = {}
    counts = {grid.labelled for grid in config.grids}
    for row in read_table(config.table, COLUMNS):
        for name, benchmark in config.benchmarks.items():
            known = benchmark.names.get(row["modality"])
            here = known and row["benchmark"] in {called(known, count) for count in counts}
            ours = row["model"] in config.networks and row["method"] in config.methods
            if here and (ours or row["method"] in (TEACHER, KTL_STUDENT)):
                kind = _kind(config, name, row["modality"], row["model"], row["method"])
                found.setdefault(kind, float(row["latency_ms"]))
    return found


def _latencies(config: StudentsConfig, left: list[Planned]) -> dict[Kind, float]:
    """Milliseconds of every kind of student: the table's own where it has one, or measured now."""
    found = _speeds(config)
    for each in left:
        if (kind := _kind_of(config, each)) not in found:
            found[kind] = _milliseconds(*kind, each.config.data)
    return found


def _big_rows(
    config: StudentsConfig,
    name: str,
    labelled: int | None,
    sides: set[stages.Modality],
    done: set[str],
) -> Iterator[dict[str, Any]]:
    """The teacher's row of each side asked for: the RGB teacher, and the KTL student on thermal."""
    big = big_networks(config, name, labelled)
    there = []
    # The RGB teacher is made for either side; with few labels it is that of all of them.
    if labelled is None and "rgb" in config.benchmarks[name].names:
        there.append(("rgb", TEACHER, big.teacher))
    if "thermal" in sides:
        there.append(("thermal", KTL_STUDENT, big.ktl))
    speeds = _speeds(config)
    for modality, method, made in there:
        run = run_id(made, big.teacher, config.split)
        if run in done:
            continue
        score = made.out / f"score-{config.split}"
        weights = made.out / WEIGHTS
        model = Landmarker.load(weights)
        kind = _kind(config, name, modality, big.teacher.size, method)
        yield {
            "benchmark": called(config.benchmarks[name].names[modality], labelled),
            "modality": modality,
            "model": big.teacher.size,
            "input_px": big.teacher.input_px,
            "method": method,
            "seed": made.seed,
            "params": model.parameter_count(),
            "flops": flops(model),
            "latency_ms": speeds.get(kind) or round(latency_ms(model).median, 3),
            "nme": percent(weights, made.data, score, config.split, modality),
            "run": run,
        }


def run_students(
    config: StudentsConfig,
    cluster: Cluster | None = None,
    *,
    dry_run: bool = False,
    say: Callable[[str], None] = print,
) -> list[str]:
    """Makes the students whose rows are not in the table yet, and adds theirs.

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
    left = missing(plan(config), config.table, COLUMNS, cluster=cluster, what="students", say=say)
    if dry_run or not left:
        return []

    for name, labelled in dict.fromkeys((each.benchmark, each.labelled) for each in left):
        here = [each for each in left if (each.benchmark, each.labelled) == (name, labelled)]
        _make_teachers(config, name, labelled, {(each.modality, each.stage) for each in here})
        with alone(config.table):  # two commands begun together write them once
            done = {row["run"] for row in read_table(config.table, COLUMNS)}
            for row in _big_rows(config, name, labelled, {each.modality for each in here}, done):
                add_row(config.table, COLUMNS, row)
    latencies = _latencies(config, left)

    def row_of(each: Planned, found: dict[str, Any]) -> dict[str, Any]:
        kind = _kind_of(config, each)
        return {
            "benchmark": called(
                config.benchmarks[each.benchmark].names[each.modality], each.labelled
            ),
            "modality": each.modality,
            "model": each.network,
            "input_px": kind[0].input_px,
            "method": each.method,
            "seed": each.config.seed,
            "latency_ms": latencies[kind],
            "run": each.run,
            **found,
        }

    kept = config.keep_weights or any(each.int8 for each in left)
    work = partial(run_planned, split=config.split, keep_weights=kept)
    return fill(config.table, COLUMNS, left, work, row_of, cluster=cluster, unit="student", say=say)


def _make_teachers(
    config: StudentsConfig,
    name: str,
    labelled: int | None,
    asked: set[tuple[stages.Modality, Stage]],
) -> None:
    """The big networks that the students still to be made learn from."""
    big = big_networks(config, name, labelled)
    ensure(stages.train, big.teacher)
    if ("rgb", "kd-loss") in asked:
        ensure(kd_stages.train_tolerant, big.tolerant)
    if "thermal" in {modality for modality, _ in asked}:
        ensure(stages.transfer, big.ktl)
