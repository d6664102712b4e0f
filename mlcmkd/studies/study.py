"""The interface of a study: runs planned from one parameter file, and a table with a row for each.

`runner.run_study` runs any study. A study defines what is specific to it: the plan, what must exist
before the first run, how one run is made, and the row of the table.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from mlcmkd.training.run_directory import PROVENANCE

Row = dict[str, Any]
Say = Callable[[str], None]


class PlannedRun(Protocol):
    """A run of a plan.

    Attributes:
        run: hash of everything that decides its result; the table's column `run`.
        label: its name in messages.
        out: its directory.
    """

    @property
    def run(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def out(self) -> Path: ...


Planned = TypeVar("Planned", bound=PlannedRun)


class Study(ABC, Generic[Planned]):
    """A plan of runs and the table of their results.

    `run_study` calls `plan`, then `prepare` once, then for each missing run `make` in a worker and `row`
    in its own process. `prepare` stores its results as attributes of the study. The study is pickled and
    sent to a worker with every run, so it should contain little data besides its config.

    Args:
        table: the CSV file of the results.
        columns: columns of the table. One of them is `run`.

    Attributes:
        units: word for the runs in messages.
    """

    units = "runs"

    def __init__(self, table: Path, columns: tuple[str, ...]) -> None:
        self.table = table
        self.columns = columns

    @abstractmethod
    def plan(self) -> Iterable[Planned]:
        """The runs, in the order in which they are made; each hash occurs once."""

    def prepare(
        self, missing: Sequence[Planned], rows: Sequence[dict[str, str]], say: Say
    ) -> list[Row]:
        """Makes what the missing runs need, such as teachers; by default nothing.

        Args:
            missing: the runs without a row, at least one.
            rows: the rows of the table.
            say: prints a line.

        Returns:
            Further rows for the table, which are added before those of the runs.
        """
        return []

    @abstractmethod
    def make(self, planned: Planned) -> Any:
        """Makes one run, in a worker. The result is pickled and sent back, so it should be small."""

    @abstractmethod
    def row(self, planned: Planned, result: Any) -> Row:
        """The table's row of a run, from the result of `make`."""

    def minutes(self, planned: Planned) -> float | None:
        """Minutes of a completed run, for estimates; None if its directory is unavailable."""
        return recorded_minutes(planned.out)


def recorded_minutes(run: Path) -> float | None:
    """Minutes of a run as its directory records them; None without a record."""
    try:
        provenance = json.loads((run / PROVENANCE).read_text(encoding="utf-8"))
        return float(provenance["minutes"])
    except (OSError, ValueError, KeyError):
        return None


def without_repeats(planned: Iterable[Planned]) -> Iterator[Planned]:
    """The runs without repetitions of a hash: grids may overlap, but each run is made once."""
    known: set[str] = set()
    for each in planned:
        if each.run not in known:
            known.add(each.run)
            yield each
