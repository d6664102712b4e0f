"""Levels: is transfer followed by compression better than one step, in the same training time?

Three routes to the same light thermal student are compared. KTL is the knowledge transfer level, MCL the
model compression level:

two-level    KTL from the RGB teacher to a thermal student of its size; then MCL to the light student
one-step     the RGB teacher teaches the light student directly
light alone  the light student learns from the labels

The config states the steps of the two levels. The other routes train for the same time: their number of
steps follows from the milliseconds per step of all routes, which are measured in turn before the first
run. Only training steps count. The RGB teacher, which all routes share, and the validation do not.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from pydantic import Field

from mlcmkd.distillation.mlcm_kd import KTL, MCL
from mlcmkd.models import Landmarker, ModelSpec
from mlcmkd.stages.compress import CompressConfig, compress
from mlcmkd.stages.train import TrainConfig
from mlcmkd.stages.transfer import TransferConfig, transfer
from mlcmkd.studies.cluster import worker_threads
from mlcmkd.studies.config import (
    BenchmarkStudyConfig,
    merged,
    run_id,
    short_hash,
    teacher_config,
)
from mlcmkd.studies.reuse import get_or_train
from mlcmkd.studies.scores import nme_percent, teacher_nme
from mlcmkd.studies.study import Row, Say, Study, recorded_minutes
from mlcmkd.training.run_directory import WEIGHTS
from mlcmkd.training.step_time import milliseconds

TWO_LEVEL, ONE_STEP, ALONE = ROUTES = ("two-level", "one-step", "light alone")
TRANSFER = "transfer"  # name of the first level among the measured costs
COLUMNS = (
    "benchmark", "route", "strategy", "size", "input_px", "seed", "transfer_steps",
    "compress_steps", "ms_per_transfer_step", "ms_per_compress_step", "nme", "nme_teacher", "run",
)  # fmt: skip

Costs = dict[str, float]  # ms per step of the transfer, and of each route's light student


class LevelsConfig(BenchmarkStudyConfig):
    """Parameter file of a comparison of the three routes.

    Attributes:
        transfer: fields of TransferConfig for the first level.
        compress: fields of CompressConfig; its steps are those of the second level.
        labelled: number of pairs with a label for the students; None for all. The RGB teacher was
            trained on all labels.
        seeds: seeds of the weights, the choice of pairs, their order and the augmentation. Routes
            share them, so that differences can be paired.
    """

    transfer: dict[str, Any] = Field(default_factory=dict)
    compress: dict[str, Any] = Field(default_factory=dict)
    labelled: int | None = None
    seeds: list[int] = Field(min_length=1)


class PlannedRoute(NamedTuple):
    """One route with one seed.

    Attributes:
        teacher: the RGB teacher.
        transfer: the first level.
        compress: the light student, with the steps of the second level for every route.
        run: hash of everything that decides the result, except the measured costs.
    """

    benchmark: str
    route: str
    teacher: TrainConfig
    transfer: TransferConfig
    compress: CompressConfig
    run: str

    @property
    def out(self) -> Path:
        """The folder of its runs `student` (two-level only) and `light`."""
        return self.compress.out / self.run

    @property
    def label(self) -> str:
        """Its name in messages."""
        return f"{self.benchmark} {self.route} seed {self.compress.seed}"

    @property
    def strategy(self) -> str:
        """The strategies of its levels, in order."""
        names = [self.compress.distillation.strategy]
        if self.route == TWO_LEVEL:
            names.insert(0, self.transfer.distillation.strategy)
        return ", then ".join(dict.fromkeys(names))


def plan(config: LevelsConfig) -> Iterator[PlannedRoute]:
    """All routes. Seeds vary slowest, so an interrupted table is still balanced.

    Raises:
        InputError: fields that the stages do not have.
    """
    for seed in config.seeds:
        for benchmark in config.benchmarks:
            for route in ROUTES:
                yield plan_route(config, benchmark, route, seed)


def plan_route(config: LevelsConfig, benchmark: str, route: str, seed: int) -> PlannedRoute:
    """One route with one seed.

    Args:
        config: the parameter file.
        benchmark: name of a benchmark in the file.
        route: one of `ROUTES`.
        seed: seed of the route's trainings.

    Raises:
        InputError: fields that the stages do not have.
    """
    teacher = teacher_config(config, benchmark)
    shared = {
        "out": config.out,
        "data": {**config.benchmarks[benchmark].data.model_dump(), "labelled": config.labelled},
        "teacher": teacher.out / WEIGHTS,
        "seed": seed,
    }
    # `light alone` does not use its teacher, so the config names the RGB teacher.
    given: dict[str, Any] = {"one_step": route != TWO_LEVEL}
    if route == ALONE:
        given["distillation"] = {"strategy": "none", "weights": None}
    first = TransferConfig.validated("transfer", merged(config.transfer, shared))
    second = CompressConfig.validated("compress", merged(config.compress, shared, given))
    # The first level is part of every route's hash, because its time is part of every budget.
    levels = [run_id(each, teacher, config.split) for each in (first, second)]
    run = short_hash(" ".join([route, *levels]))
    return PlannedRoute(benchmark, route, teacher, first, second, run)


def measured_costs(config: LevelsConfig, benchmark: str) -> Costs:
    """Milliseconds per step of the transfer and of each route's light student, on this machine."""
    routes = {route: plan_route(config, benchmark, route, config.seeds[0]) for route in ROUTES}
    first = routes[TWO_LEVEL].transfer
    spec = Landmarker.load(first.teacher).spec
    pairs = first.data.load_training(spec.input_px, first.seed)

    def model(size: str, modality: str) -> Landmarker:
        # The time of a step does not depend on the values of the weights.
        radiometry = pairs.radiometry if modality == "thermal" else None
        changes = {"size": size, "modality": modality, "radiometry": radiometry}
        return Landmarker(ModelSpec.model_validate(spec.model_dump() | changes))

    ktl = first.distillation
    objectives = {
        TRANSFER: (
            KTL(model(spec.size, "rgb"), model(spec.size, "thermal"), ktl.resolved(), ktl.guide),
            first.fit,
        )
    }
    for route, planned in routes.items():
        light = planned.compress
        modality = "rgb" if light.one_step else "thermal"
        objective = MCL(
            model(spec.size, modality),
            model(light.size, "thermal"),
            light.distillation.resolved(),
            light.distillation.guide,
            teacher_modality=modality,
        )
        objectives[route] = (objective, light.fit)
    threads = torch.get_num_threads()
    torch.set_num_threads(worker_threads())  # the same number as in the runs
    try:
        return milliseconds(objectives, pairs, first.augmentation)
    finally:
        torch.set_num_threads(threads)


def costs_of(config: LevelsConfig, benchmark: str, rows: Sequence[dict[str, str]]) -> Costs:
    """Milliseconds per step: from the table's rows of this config, otherwise measured.

    The machine may be faster or slower now, so measured costs are scaled to the transfer's step in
    the table.
    """
    known: Costs = {}
    for row in rows:
        if row["benchmark"] != benchmark:
            continue
        if row["run"] == plan_route(config, benchmark, row["route"], int(row["seed"])).run:
            known[TRANSFER] = float(row["ms_per_transfer_step"])
            known[row["route"]] = float(row["ms_per_compress_step"])
    if len(known) == 1 + len(ROUTES):
        return known
    measured = measured_costs(config, benchmark)
    scale = known.get(TRANSFER, measured[TRANSFER]) / measured[TRANSFER]
    return {name: round(value * scale, 2) for name, value in measured.items()} | known


def steps_of(planned: PlannedRoute, costs: Costs) -> tuple[int, int]:
    """Steps of the transfer and of the light student.

    The config states those of the two levels. The other routes get as many as need the same time.

    Args:
        planned: a route with a seed.
        costs: milliseconds per step, from `costs_of`.
    """
    first, second = planned.transfer.fit.steps, planned.compress.fit.steps
    if planned.route == TWO_LEVEL:
        return first, second
    budget = first * costs[TRANSFER] + second * costs[TWO_LEVEL]
    return 0, max(1, round(budget / costs[planned.route]))


class LevelsStudy(Study[PlannedRoute]):
    """The comparison of the routes as a study.

    The costs are measured in `prepare`, not in the workers. All routes must share one measurement on a
    machine without other work, and it uses the rows of the table, which only the runner reads. Workers
    receive the resulting numbers of steps.

    Attributes:
        nme_teacher: NME on RGB in percent of the teacher of each benchmark, from `prepare`.
        costs: milliseconds per step, by benchmark, from `prepare`.
    """

    def __init__(self, config: LevelsConfig) -> None:
        super().__init__(config.table, COLUMNS)
        self.config = config
        self.nme_teacher: dict[str, float] = {}
        self.costs: dict[str, Costs] = {}

    def plan(self) -> Iterable[PlannedRoute]:
        return plan(self.config)

    def prepare(
        self, missing: Sequence[PlannedRoute], rows: Sequence[dict[str, str]], say: Say
    ) -> list[Row]:
        """Trains and scores the RGB teachers, and measures the time of a training step."""
        for name in dict.fromkeys(planned.benchmark for planned in missing):
            self.nme_teacher[name] = teacher_nme(self.config, name)
            self.costs[name] = costs_of(self.config, name, rows)
            costs = ", ".join(f"{stage} {value:.1f}" for stage, value in self.costs[name].items())
            say(f"{name}: ms a step: {costs}")
        return []

    def make(self, planned: PlannedRoute) -> float:
        """Trains a route's networks; returns the NME of the light student on thermal, percent."""
        config, out = planned.compress, planned.out
        _, steps = steps_of(planned, self.costs[planned.benchmark])
        changes: dict[str, Any] = {
            "out": out / "light",
            "fit": config.fit.model_copy(update={"steps": steps}),
        }
        if planned.route == TWO_LEVEL:
            first = planned.transfer.model_copy(update={"out": out / "student"})
            changes["teacher"] = get_or_train(transfer, first, progress=False) / WEIGHTS
        light = get_or_train(compress, config.model_copy(update=changes), progress=False)
        score, split = out / f"score-{self.config.split}", self.config.split
        return nme_percent(light / WEIGHTS, config.data, score, split, "thermal")

    def row(self, planned: PlannedRoute, result: float) -> Row:
        costs = self.costs[planned.benchmark]
        transfer_steps, compress_steps = steps_of(planned, costs)
        return {
            "benchmark": planned.benchmark,
            "route": planned.route,
            "strategy": planned.strategy,
            "size": planned.compress.size,
            "input_px": planned.teacher.input_px,
            "seed": planned.compress.seed,
            "transfer_steps": transfer_steps,
            "compress_steps": compress_steps,
            "ms_per_transfer_step": costs[TRANSFER],
            "ms_per_compress_step": costs[planned.route],
            "nme": result,
            "nme_teacher": self.nme_teacher[planned.benchmark],
            "run": planned.run,
        }

    def minutes(self, planned: PlannedRoute) -> float | None:
        """Duration of the light student's training and, for two levels, of the first one's."""
        names = ("student", "light") if planned.route == TWO_LEVEL else ("light",)
        found = [recorded_minutes(planned.out / name) for name in names]
        return None if None in found else sum(found)
