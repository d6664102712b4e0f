"""Fills a table: makes every planned run whose row is missing, wherever there are workers.

What a sweep, the students of many methods and a sweep over a notebook have in common. A run is known by
a hash of what decides it; a run whose row stands is not made again, so the same command goes on where
the last one stopped, however it was stopped.
"""

import json
import statistics
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from tqdm.auto import tqdm

from mlcmkd.studies.cluster import Cluster, run_jobs
from mlcmkd.studies.table import add_row, read_table
from mlcmkd.training.run_directory import PROVENANCE
from mlcmkd.utils.locks import file_lock


class Planned(Protocol):
    """A run to be made.

    Attributes:
        run: its hash.
        told: what to call it in a line of text.
        out: its directory.
    """

    @property
    def run(self) -> str: ...
    @property
    def told(self) -> str: ...
    @property
    def out(self) -> Path: ...


Each = TypeVar("Each", bound=Planned)
Row = dict[str, Any]
Say = Callable[[str], None]


def missing(
    planned: Iterable[Each],
    table: Path,
    columns: tuple[str, ...],
    *,
    cluster: Cluster,
    what: str = "runs",
    say: Say = print,
) -> list[Each]:
    """The runs whose rows the table lacks, in order; says how many, and how long they will take.

    Raises:
        InputError: the table has other columns.
    """
    planned = list(planned)
    done = {row["run"] for row in read_table(table, columns)}
    stands = [each for each in planned if each.run in done]
    left = [each for each in planned if each.run not in done]
    say(f"{len(planned)} {what}, {len(stands)} done, {len(left)} to do")
    if told := estimate(stands, left, cluster.at_once):
        say(told)
    return left


def estimate(stands: Sequence[Planned], left: Sequence[Planned], at_once: int) -> str:
    """How long it will take, as a clause, by what earlier runs took."""
    minutes = [found for each in stands if (found := _minutes(each.out))]
    if not minutes or not left:
        return ""
    total = statistics.median(minutes) * len(left) / at_once
    length = f"{total:.0f} minutes" if total < 120 else f"{total / 60:.1f} hours"
    return (
        f"about {length}: {len(left)} times {statistics.median(minutes):.1f} minutes, the median of "
        f"{len(minutes)} earlier runs, {at_once} at a time"
    )


def _minutes(run: Path) -> float | None:
    """How long a run took, as its directory says; None where it lies elsewhere."""
    try:
        told = json.loads((run / PROVENANCE).read_text(encoding="utf-8"))
        return float(told["minutes"])
    except (OSError, ValueError, KeyError):
        return None


def fill(
    table: Path,
    columns: tuple[str, ...],
    left: Sequence[Each],
    work: Callable[[Each], Any],
    row_of: Callable[[Each, Any], Row],
    *,
    cluster: Cluster,
    unit: str = "run",
    say: Say = print,
) -> list[str]:
    """Makes the runs and adds a row for each as it ends, the moment it ends.

    Args:
        table, columns: where rows go.
        left: what is to be made, in the order in which it is handed out.
        work: makes one, in a worker.
        row_of: the row of one from what `work` returned.
        cluster: where.
        unit: what the bar counts.
        say: where lines of text go.

    Returns:
        A line a failed run, empty when all went well. A failure does not stop the others.

    Raises:
        InputError: another command fills this table, or the scheduler is gone.
    """
    failed = []
    with (
        file_lock(
            table, "another command is adding rows to it; wait for it, or name another table"
        ),
        tqdm(total=len(left), desc=table.stem, unit=unit) as bar,
    ):
        for each, found, error in run_jobs(left, work, cluster, key=lambda each: each.run):
            if error is None:
                row = row_of(each, found)
                add_row(table, columns, row)
                bar.set_postfix_str(
                    f"{each.told}: {row['nme']:.2f} %" if "nme" in row else each.told
                )
            else:
                failed.append(f"{each.told} ({each.out}): {error}")
                say(f"failed: {failed[-1]}")
            bar.update()
    return failed
