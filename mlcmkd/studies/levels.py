"""Two levels or one step: is it worth transferring first and compressing afterwards?

Three routes to the same light thermal student:

two-level    KTL, the RGB teacher to a thermal student of its size; then MCL to the light one
one-step     the RGB teacher teaches the light student directly
light alone  the light student learns from the labels

The config gives the steps of the two levels. The other routes get as many steps as take the same time,
by milliseconds a step that are measured side by side before anything is trained. Counted are training
steps alone: not the RGB teacher, which stands before the routes part, and not the validation.
"""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import Field

from mlcmkd.distillation.mlcm_kd import KTL, MCL
from mlcmkd.models import Landmarker, ModelSpec
from mlcmkd.stages.compress import CompressConfig, compress
from mlcmkd.stages.train import train
from mlcmkd.stages.transfer import TransferConfig, transfer
from mlcmkd.studies.ktl import Study, merged, percent, run_id, teacher_config
from mlcmkd.studies.reuse import get_or_train
from mlcmkd.studies.table import add_row, read_table
from mlcmkd.training.run_directory import WEIGHTS
from mlcmkd.training.step_time import milliseconds
from mlcmkd.utils.locks import file_lock

TWO_LEVEL, ONE_STEP, ALONE = ROUTES = ("two-level", "one-step", "light alone")
TRANSFER = "transfer"  # the first stage of the two levels, among what is timed
COLUMNS = (
    "benchmark", "route", "strategy", "size", "input_px", "seed", "transfer_steps",
    "compress_steps", "ms_per_transfer_step", "ms_per_compress_step", "nme", "nme_teacher", "run",
)  # fmt: skip

Costs = dict[str, float]  # ms a step: of the transfer, and of each route's light student


class LevelsConfig(Study):
    """What is compared.

    Attributes:
        transfer: fields of TransferConfig, of the first level.
        compress: fields of CompressConfig; its steps are those of the second level.
        labelled: how many of the pairs the students see with a label; None for all. The RGB teacher has
            learned from all labels.
        seeds: of the weights, the drawn pairs, the shuffling and the augmentation; routes share
            them, so that differences can be paired.
    """

    transfer: dict[str, Any] = Field(default_factory=dict)
    compress: dict[str, Any] = Field(default_factory=dict)
    labelled: int | None = None
    seeds: list[int] = Field(min_length=1)


class Planned(NamedTuple):
    """One route with one seed.

    Attributes:
        compress: of the light student, with the steps of the second level whatever the route.
        run: hash of what decides the result; what was measured is no part of it.
    """

    benchmark: str
    route: str
    transfer: TransferConfig
    compress: CompressConfig
    run: str


def planned(config: LevelsConfig, benchmark: str, route: str, seed: int) -> Planned:
    """One route with one seed.

    Raises:
        InputError: fields that the stages do not take.
    """
    teacher = teacher_config(config, benchmark)
    shared = {
        "out": config.out,
        "data": {**config.benchmarks[benchmark].data.model_dump(), "labelled": config.labelled},
        "teacher": teacher.out / WEIGHTS,
        "seed": seed,
    }
    # Nothing is asked of the teacher of `light alone`, so it need not be a thermal one.
    given: dict[str, Any] = {"one_step": route != TWO_LEVEL}
    if route == ALONE:
        given["distillation"] = {"strategy": "none", "weights": None}
    transfer = TransferConfig.validated("transfer", merged(config.transfer, shared))
    compress = CompressConfig.validated("compress", merged(config.compress, shared, given))
    # The first level is part of every route's hash, because its time is part of every budget.
    told = [route, *(run_id(each, teacher, config.split) for each in (transfer, compress))]
    run = hashlib.sha256(" ".join(told).encode()).hexdigest()[:12]
    return Planned(benchmark, route, transfer, compress, run)


def plan(config: LevelsConfig) -> Iterator[Planned]:
    """All routes, seeds outermost: a table cut short is still balanced."""
    for seed in config.seeds:
        for benchmark in config.benchmarks:
            for route in ROUTES:
                yield planned(config, benchmark, route, seed)


def measure(config: LevelsConfig, benchmark: str) -> Costs:
    """Milliseconds a step of the transfer and of each route's light student, on this machine."""
    there = {route: planned(config, benchmark, route, config.seeds[0]) for route in ROUTES}
    first = there[TWO_LEVEL].transfer
    spec = Landmarker.load(first.teacher).spec
    pairs = first.data.load_training(spec.input_px, first.seed)

    def model(size: str, modality: str) -> Landmarker:
        # What a step costs does not depend on what the weights are.
        radiometry = pairs.radiometry if modality == "thermal" else None
        changes = {"size": size, "modality": modality, "radiometry": radiometry}
        return Landmarker(ModelSpec.model_validate(spec.model_dump() | changes))

    told = first.distillation
    objectives = {
        TRANSFER: (
            KTL(model(spec.size, "rgb"), model(spec.size, "thermal"), told.resolved(), told.guide),
            first.fit,
        )
    }
    for route, each in there.items():
        side = "rgb" if each.compress.one_step else "thermal"
        objectives[route] = (
            MCL(
                model(spec.size, side),
                model(each.compress.size, "thermal"),
                each.compress.distillation.resolved(),
                each.compress.distillation.guide,
                teacher_modality=side,
            ),
            each.compress.fit,
        )
    return milliseconds(objectives, pairs, first.augmentation)


def costs_of(config: LevelsConfig, benchmark: str, rows: list[dict[str, str]]) -> Costs:
    """Milliseconds a step: what the table's rows of this very config say, the rest measured.

    The machine may be faster or slower today, so what is measured is scaled to the transfer's step in
    the table.
    """
    known: Costs = {}
    for row in rows:
        if row["benchmark"] != benchmark:
            continue
        if row["run"] == planned(config, benchmark, row["route"], int(row["seed"])).run:
            known[TRANSFER] = float(row["ms_per_transfer_step"])
            known[row["route"]] = float(row["ms_per_compress_step"])
    if len(known) == 1 + len(ROUTES):
        return known
    found = measure(config, benchmark)
    scale = known.get(TRANSFER, found[TRANSFER]) / found[TRANSFER]
    return {name: round(value * scale, 2) for name, value in found.items()} | known


def steps_of(each: Planned, costs: Costs) -> tuple[int, int]:
    """Steps of the transfer and of the light student: as the config says for the two levels, and as
    many as take the same time for the other routes."""
    transfer, compress = each.transfer.fit.steps, each.compress.fit.steps
    if each.route == TWO_LEVEL:
        return transfer, compress
    budget = transfer * costs[TRANSFER] + compress * costs[TWO_LEVEL]
    return 0, max(1, round(budget / costs[each.route]))


def make(each: Planned, steps: int, split: str) -> float:
    """Trains a route's light student for so many steps; its NME on thermal, percent."""
    out = each.compress.out / each.run
    changes: dict[str, Any] = {
        "out": out / "light",
        "fit": each.compress.fit.model_copy(update={"steps": steps}),
    }
    if each.route == TWO_LEVEL:
        first = each.transfer.model_copy(update={"out": out / "student"})
        changes["teacher"] = get_or_train(transfer, first) / WEIGHTS
    light = get_or_train(compress, each.compress.model_copy(update=changes))
    return percent(light / WEIGHTS, each.compress.data, out / f"score-{split}", split, "thermal")


def _strategy(each: Planned) -> str:
    names = [each.compress.distillation.strategy]
    if each.route == TWO_LEVEL:
        names.insert(0, each.transfer.distillation.strategy)
    return ", then ".join(dict.fromkeys(names))


def run_levels(config: LevelsConfig, *, say: Callable[[str], None] = print) -> Path:
    """Makes the routes whose rows are not in the table yet, and adds theirs; returns the table.

    Raises:
        InputError: the config does not fit together, the table has other columns, or another command
            fills it.
    """
    with file_lock(config.table, "another command is adding rows to it; wait for it"):
        _fill(config, say)
    return config.table


def _fill(config: LevelsConfig, say: Callable[[str], None]) -> None:
    rows = read_table(config.table, COLUMNS)
    everything = list(plan(config))
    left = [each for each in everything if each.run not in {row["run"] for row in rows}]
    say(f"{len(everything)} runs, {len(everything) - len(left)} done, {len(left)} to do")
    taught: dict[str, float] = {}
    costs: dict[str, Costs] = {}
    for name in dict.fromkeys(each.benchmark for each in left):
        teacher = get_or_train(train, teacher_config(config, name))
        score = teacher / f"score-{config.split}"
        data = config.benchmarks[name].data
        taught[name] = percent(teacher / WEIGHTS, data, score, config.split, "rgb")
        costs[name] = costs_of(config, name, rows)
        told = ", ".join(f"{stage} {value:.1f}" for stage, value in costs[name].items())
        say(f"{name}: ms a step: {told}")
    for each in left:
        cost = costs[each.benchmark]
        first, steps = steps_of(each, cost)
        told = f"{each.benchmark}, {each.route}, seed {each.compress.seed}"
        say(f"{told}: {first} + {steps} steps")
        teacher = teacher_config(config, each.benchmark)
        row = {
            "benchmark": each.benchmark,
            "route": each.route,
            "strategy": _strategy(each),
            "size": each.compress.size,
            "input_px": teacher.input_px,
            "seed": each.compress.seed,
            "transfer_steps": first,
            "compress_steps": steps,
            "ms_per_transfer_step": cost[TRANSFER],
            "ms_per_compress_step": cost[each.route],
            "nme": make(each, steps, config.split),
            "nme_teacher": taught[each.benchmark],
            "run": each.run,
        }
        add_row(config.table, COLUMNS, row)
        say(f"{told}: NME on thermal, {config.split}, inter-ocular: {row['nme']:.2f} %")
