"""Runs a study: makes every planned run without a row in the table, on the workers of a cluster.

Runs are identified by a hash of everything that decides their result. Completed runs are reused, so the
same command resumes a study that was interrupted in any way.
"""

import statistics
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch

from mlcmkd.studies.cluster import Cluster, worker_threads
from mlcmkd.studies.jobs import run_jobs
from mlcmkd.studies.study import Planned, Row, Say, Study
from mlcmkd.studies.table import add_row, read_table
from mlcmkd.training.run_directory import lock_run
from mlcmkd.utils.locks import file_lock
from mlcmkd.utils.progress import tqdm


def run_study(
    study: Study[Planned],
    cluster: Cluster | None = None,
    *,
    dry_run: bool = False,
    say: Say = print,
) -> list[str]:
    """Makes the runs whose rows are missing in the table, and adds their rows.

    The table is locked from before `Study.prepare`, which may depend on its rows, to the last run.

    Args:
        study: what to run.
        cluster: where to run; one process of this machine by default.
        dry_run: only report what is missing and how long it will take; writes nothing.
        say: prints a line.

    Returns:
        A line for each failed run. A failure does not stop the others.

    Raises:
        InputError: the study's config is invalid, the table has other columns, another command adds rows
            to it, or the scheduler is unavailable.
    """
    cluster = cluster or Cluster()
    plan = list(study.plan())
    if dry_run:
        _missing(study, plan, read_table(study.table, study.columns), cluster, say)
        return []
    with file_lock(
        study.table, "another command is adding rows to it; wait for it, or name another table"
    ):
        rows = read_table(study.table, study.columns)
        missing = _missing(study, plan, rows, cluster, say)
        if not missing:
            return []
        for row in study.prepare(missing, rows, say):
            add_row(study.table, study.columns, row)
        return _make_runs(study, missing, cluster, say)


def _missing(
    study: Study[Planned],
    plan: Sequence[Planned],
    rows: Sequence[dict[str, str]],
    cluster: Cluster,
    say: Say,
) -> list[Planned]:
    """The runs without a row, in order; reports their number and an estimate of the time."""
    hashes = {row["run"] for row in rows}
    done = [planned for planned in plan if planned.run in hashes]
    missing = [planned for planned in plan if planned.run not in hashes]
    say(f"{len(plan)} {study.units}, {len(done)} done, {len(missing)} to do")
    minutes = [found for planned in done if (found := study.minutes(planned))]
    if estimate := estimated_time(minutes, len(missing), cluster.at_once):
        say(estimate)
    return missing


def estimated_time(minutes: Sequence[float], missing: int, at_once: int) -> str:
    """The duration of the missing runs, as text; empty if it is unknown.

    Args:
        minutes: durations of completed runs.
        missing: number of runs to do.
        at_once: number of runs at the same time.
    """
    if not minutes or not missing:
        return ""
    median = statistics.median(minutes)
    total = median * missing / at_once
    duration = f"{total:.0f} minutes" if total < 120 else f"{total / 60:.1f} hours"
    return (
        f"about {duration}: {missing} times {median:.1f} minutes, the median of "
        f"{len(minutes)} earlier runs, {at_once} at a time"
    )


def _make_runs(
    study: Study[Planned], missing: Sequence[Planned], cluster: Cluster, say: Say
) -> list[str]:
    """Makes the runs and adds the row of each when it ends; returns a line for each failure."""
    failed = []
    with tqdm(total=len(missing), desc=study.table.stem, unit="run") as bar:
        for planned, result, error in run_jobs(
            missing, partial(_make, study), cluster, key=lambda planned: planned.run, say=say
        ):
            if error is None:
                row = study.row(planned, result)
                add_row(study.table, study.columns, row)
                bar.set_postfix_str(_progress_text(planned.label, row))
            else:
                failed.append(f"{planned.label} ({planned.out}): {error}")
                say(f"failed: {failed[-1]}")
            bar.update()
    return failed


def _make(study: Study[Planned], planned: Planned) -> Any:
    """Makes one run; called in a worker.

    A worker that lost its scheduler may still be making the same run: this one waits for its end.
    """
    torch.set_num_threads(worker_threads())
    with lock_run(planned.out, wait=True):
        return study.make(planned)


def _progress_text(label: str, row: Row) -> str:
    return f"{label}: {row['nme']:.2f} %" if "nme" in row else label
