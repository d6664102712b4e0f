"""How small can it be? Light students of every method, in RGB and in thermal, in one tidy table.

One parameter file names the networks, the methods and the seeds. What the students learn from is made
once a benchmark: the RGB teacher (the Tough-Teacher of RGB students), its Tolerant-Teacher, and the
KTL student (the teacher of MCL, and the Tough-Teacher of thermal students, whose Tolerant-Teacher is
its own answer softened by the shape model). A row says what a network costs and how well it reads.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch

from mlcmkd.data.modality import Modality
from mlcmkd.evaluation.cost import flops
from mlcmkd.evaluation.frontier import COLUMNS, benchmark_label
from mlcmkd.models import Landmarker
from mlcmkd.stages.export import ExportConfig, export
from mlcmkd.stages.tolerant import train_tolerant
from mlcmkd.stages.train import train
from mlcmkd.stages.transfer import transfer
from mlcmkd.studies.cluster import Cluster
from mlcmkd.studies.fill import fill, missing
from mlcmkd.studies.ktl import percent, run_id
from mlcmkd.studies.reuse import get_or_train
from mlcmkd.studies.students.plan import (
    KTL_STUDENT,
    STAGES,
    TEACHER,
    Planned,
    Stage,
    StudentsConfig,
    big_networks,
    plan,
)
from mlcmkd.studies.students.speed import in_table, kind, kind_of, latencies, measured
from mlcmkd.studies.table import add_row, read_table
from mlcmkd.training.run_directory import WEIGHTS
from mlcmkd.utils.locks import file_lock


def run_planned(planned: Planned, split: str, keep_weights: bool) -> dict[str, Any]:
    """Makes one light student, or its 8-bit twin, and scores it. Runs in a worker."""
    torch.set_num_threads(1)
    config = planned.config
    weights = get_or_train(STAGES[planned.stage][1], config, progress=False) / WEIGHTS
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


def _big_rows(
    config: StudentsConfig,
    name: str,
    labelled: int | None,
    sides: set[Modality],
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
    speeds = in_table(config)
    for modality, method, made in there:
        run = run_id(made, big.teacher, config.split)
        if run in done:
            continue
        score = made.out / f"score-{config.split}"
        weights = made.out / WEIGHTS
        model = Landmarker.load(weights)
        network = kind(config, name, modality, big.teacher.size, method)
        yield {
            "benchmark": benchmark_label(config.benchmarks[name].names[modality], labelled),
            "modality": modality,
            "model": big.teacher.size,
            "input_px": big.teacher.input_px,
            "method": method,
            "seed": made.seed,
            "params": model.parameter_count(),
            "flops": flops(model),
            "latency_ms": speeds.get(network) or measured({network: made.data})[network],
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
        with file_lock(config.table):  # two commands begun together write them once
            done = {row["run"] for row in read_table(config.table, COLUMNS)}
            for row in _big_rows(config, name, labelled, {each.modality for each in here}, done):
                add_row(config.table, COLUMNS, row)
    speeds = latencies(config, left)

    def row_of(each: Planned, found: dict[str, Any]) -> dict[str, Any]:
        network = kind_of(config, each)
        return {
            "benchmark": benchmark_label(
                config.benchmarks[each.benchmark].names[each.modality], each.labelled
            ),
            "modality": each.modality,
            "model": each.network,
            "input_px": network[0].input_px,
            "method": each.method,
            "seed": each.config.seed,
            "latency_ms": speeds[network],
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
    asked: set[tuple[Modality, Stage]],
) -> None:
    """The big networks that the students still to be made learn from."""
    big = big_networks(config, name, labelled)
    get_or_train(train, big.teacher)
    if ("rgb", "kd-loss") in asked:
        get_or_train(train_tolerant, big.tolerant)
    if "thermal" in {modality for modality, _ in asked}:
        get_or_train(transfer, big.ktl)
