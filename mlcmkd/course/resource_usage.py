"""What a series cost: minutes, peak memory, figures and size of every notebook, as a report."""

import csv
import threading
from pathlib import Path
from typing import NamedTuple, Self

import nbformat
import psutil

REPORT = "report"  # report.md for people, report.csv for programs
PICTURES = ("image/png", "image/jpeg")
_EVERY = 0.2  # seconds between two looks at a kernel's memory
_HEADINGS = {
    "notebook": "notebook",
    "minutes": "minutes",
    "peak_mb": "peak memory (MB)",
    "figures": "figures",
    "kilobytes": "size (kB)",
}


class Cost(NamedTuple):
    """What one notebook cost.

    Attributes:
        notebook: its name.
        minutes: from its kernel's start to its end, on the wall clock.
        peak_mb: most memory that its kernel's process held, MB (10^6 bytes), looked at five times a
            second; worker processes that the kernel starts are not in it. None where nobody looked.
        figures: pictures among its outputs.
        kilobytes: size of the executed notebook, 1000 bytes.
    """

    notebook: str
    minutes: float
    peak_mb: float | None
    figures: int
    kilobytes: float


class PeakMemory:
    """Watches the memory of child processes whose command line holds a text, while it is entered.

    Works the same on every system, unlike `resource.getrusage`, which counts in other units on other
    systems, and on Linux counts what the parent held when it started the child.

    Attributes:
        bytes: the most that one such process held; 0 where none was seen.
    """

    def __init__(self, marked: str):
        self.bytes = 0
        self._marked = marked
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        watched: dict[int, psutil.Process | None] = {}
        while not self._done.wait(_EVERY):
            for child in psutil.Process().children():
                try:
                    if child.pid not in watched:
                        mine = self._marked in " ".join(child.cmdline())
                        watched[child.pid] = child if mine else None
                    if watched[child.pid] is not None:
                        self.bytes = max(self.bytes, child.memory_info().rss)
                except psutil.Error:  # it ended in this very moment
                    watched.pop(child.pid, None)


def pictures_in(notebook: nbformat.NotebookNode) -> int:
    """How many outputs are pictures."""
    outputs = [out for cell in notebook.cells for out in cell.get("outputs", [])]
    return sum(any(kind in out.get("data", {}) for kind in PICTURES) for out in outputs)


def cost_of(executed: Path, seconds: float, peak: int) -> Cost:
    """The cost of an executed notebook; `peak` in bytes, 0 for not known."""
    return Cost(
        notebook=executed.stem
        if executed.parent.name != "solutions"
        else f"solutions/{executed.stem}",
        minutes=round(seconds / 60, 2),
        peak_mb=round(peak / 1e6) if peak else None,
        figures=pictures_in(nbformat.read(executed, as_version=4)),
        kilobytes=round(executed.stat().st_size / 1000),
    )


def write_costs(costs: list[Cost], folder: Path, title: str) -> Path:
    """Writes `report.md` and `report.csv`, a row a notebook, and returns the first.

    Args:
        title: what was run, where: the report's first line.
    """
    with (folder / f"{REPORT}.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(Cost._fields)
        writer.writerows(costs)
    lines = [f"# {title}", "", *_table(costs), ""]
    lines += [
        "Minutes are wall-clock time. Peak memory is that of the kernel's process, looked at five "
        "times a second, without the worker processes that it starts.",
        "",
    ]
    path = folder / f"{REPORT}.md"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def read_minutes(folder: Path) -> dict[str, float]:
    """Minutes by notebook from a folder's `report.csv`; empty where there is none."""
    path = folder / f"{REPORT}.csv"
    if not path.is_file():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        return {row["notebook"]: float(row["minutes"]) for row in csv.DictReader(file)}


def _table(costs: list[Cost]) -> list[str]:
    peaks = [cost.peak_mb for cost in costs if cost.peak_mb is not None]
    whole = Cost(
        "all",
        round(sum(cost.minutes for cost in costs), 2),
        max(peaks, default=None),
        sum(cost.figures for cost in costs),
        sum(cost.kilobytes for cost in costs),
    )
    rows = [
        ["not known" if value is None else str(value) for value in cost] for cost in [*costs, whole]
    ]
    return [
        "| " + " | ".join(row) + " |"
        for row in [list(_HEADINGS.values()), ["---"] * len(_HEADINGS), *rows]
    ]
