"""Milliseconds per step of the routes, and the numbers of steps that take the same time."""

from collections.abc import Sequence

import torch

from mlcmkd.distillation.mlcm_kd import KTL, MCL
from mlcmkd.models import Landmarker, ModelSpec
from mlcmkd.studies.cluster import worker_threads
from mlcmkd.studies.levels.plan import ROUTES, TWO_LEVEL, LevelsConfig, PlannedRoute, plan_route
from mlcmkd.training.step_time import milliseconds

TRANSFER = "transfer"  # name of the first level among the measured costs
Costs = dict[str, float]  # ms per step of the transfer, and of each route's light student


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
