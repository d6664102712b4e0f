"""The comparison of the routes as a study: measures, trains and scores."""

from collections.abc import Iterable, Sequence
from typing import Any

from mlcmkd.stages.compress import compress
from mlcmkd.stages.transfer import transfer
from mlcmkd.studies.levels.costs import TRANSFER, Costs, costs_of, steps_of
from mlcmkd.studies.levels.plan import TWO_LEVEL, LevelsConfig, PlannedRoute, plan
from mlcmkd.studies.reuse import get_or_train
from mlcmkd.studies.scores import nme_percent, teacher_nme
from mlcmkd.studies.study import Row, Say, Study, recorded_minutes
from mlcmkd.training.run_directory import WEIGHTS

COLUMNS = (
    "benchmark", "route", "strategy", "size", "input_px", "seed", "transfer_steps",
    "compress_steps", "ms_per_transfer_step", "ms_per_compress_step", "nme", "nme_teacher", "run",
)  # fmt: skip


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
