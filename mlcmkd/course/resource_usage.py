"""Resource usage of the notebooks: minutes, peak memory, figures and size of each, as a report."""

import csv
import threading
from pathlib import Path
from typing import NamedTuple, Self

import nbformat
import psutil

from mlcmkd.training.run_directory import write_atomically
from mlcmkd.utils.markdown import markdown_table
from mlcmkd.utils.writing import replacing

REPORT = "report"  # report.md for people, report.csv for programs
PICTURES = ("image/png", "image/jpeg")
_INTERVAL = 0.2  # seconds between two measurements of memory
_HEADINGS = {
    "notebook": "notebook",
    "minutes": "minutes",
    "peak_mb": "peak memory (MB)",
    "figures": "figures",
    "kilobytes": "size (kB)",
}


class Usage(NamedTuple):
    """Resource usage of one notebook.

    Attributes:
        notebook: name.
        minutes: wall-clock time of the execution, with the trainings that the notebook teaches.
        peak_mb: largest resident memory of the kernel's process, MB (10^6 bytes), measured five times
            a second, without worker processes of the kernel; None if it was not measured.
        figures: number of pictures among the outputs.
        kilobytes: size of the executed notebook, 1000 bytes.
    """

    notebook: str
    minutes: float
    peak_mb: float | None
    figures: int
    kilobytes: float


class PeakMemory:
    """Context manager that measures the memory of child processes with a mark in their command line.

    It works on every system, unlike `resource.getrusage`, whose units depend on the system, and which
    on Linux includes the memory of the parent at the start of the child.

    Attributes:
        bytes: largest resident memory of one such process; 0 if there was none.
    """

    def __init__(self, mark: str):
        self.bytes = 0
        self._mark = mark
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(_INTERVAL):
            for child in psutil.Process().children():
                try:
                    # Looked at each time: a process that has just begun has the command of its parent.
                    if self._mark in " ".join(child.cmdline()):
                        self.bytes = max(self.bytes, child.memory_info().rss)
                except psutil.Error:  # the process has just ended
                    continue


def count_pictures(notebook: nbformat.NotebookNode) -> int:
    """Number of outputs that are pictures."""
    outputs = [out for cell in notebook.cells for out in cell.get("outputs", [])]
    return sum(any(kind in out.get("data", {}) for kind in PICTURES) for out in outputs)


def usage_of(executed: Path, seconds: float, peak: int) -> Usage:
    """Resource usage of an executed notebook.

    Args:
        seconds: duration of the execution.
        peak: memory of the kernel's process, bytes; 0 if unknown.
    """
    solution = executed.parent.name == "solutions"
    return Usage(
        notebook=f"solutions/{executed.stem}" if solution else executed.stem,
        minutes=round(seconds / 60, 2),
        peak_mb=round(peak / 1e6) if peak else None,
        figures=count_pictures(nbformat.read(executed, as_version=4)),
        kilobytes=round(executed.stat().st_size / 1000),
    )


def write_usage(usages: list[Usage], folder: Path, title: str) -> Path:
    """Writes `report.md` and `report.csv`, one row per notebook, and returns the former.

    Args:
        title: first line of the report.
    """
    table = folder / f"{REPORT}.csv"
    with replacing(table) as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(Usage._fields)
        writer.writerows(usages)
    lines = [
        f"# {title}",
        "",
        _table(usages),
        "",
        "Minutes are wall-clock time of each notebook and of the trainings that it teaches; those of "
        "notebooks that ran side by side overlap. Peak memory is that of the kernel's process, measured "
        "five times a second, without its worker processes.",
        "",
    ]
    path = folder / f"{REPORT}.md"
    write_atomically(path, "\n".join(lines))
    return path


def read_minutes(folder: Path) -> dict[str, float]:
    """Minutes by notebook from the `report.csv` of a folder; empty if there is none."""
    path = folder / f"{REPORT}.csv"
    if not path.is_file():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        return {row["notebook"]: float(row["minutes"]) for row in csv.DictReader(file)}


def _table(usages: list[Usage]) -> str:
    peaks = [usage.peak_mb for usage in usages if usage.peak_mb is not None]
    total = Usage(
        "all",
        round(sum(usage.minutes for usage in usages), 2),
        max(peaks, default=None),
        sum(usage.figures for usage in usages),
        sum(usage.kilobytes for usage in usages),
    )
    return markdown_table([usage._asdict() for usage in [*usages, total]], _HEADINGS, _cell)


def _cell(row: dict[str, object], column: str) -> str:
    return "unknown" if row[column] is None else str(row[column])
