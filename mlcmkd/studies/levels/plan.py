"""The plan of a comparison of routes: its parameter file, and the configs of every route."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import Field

from mlcmkd.stages.compress import CompressConfig
from mlcmkd.stages.train import TrainConfig
from mlcmkd.stages.transfer import TransferConfig
from mlcmkd.studies.config import (
    BenchmarkStudyConfig,
    merged,
    run_id,
    short_hash,
    teacher_config,
)
from mlcmkd.training.run_directory import WEIGHTS

TWO_LEVEL, ONE_STEP, ALONE = ROUTES = ("two-level", "one-step", "light alone")


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
