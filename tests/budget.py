"""CPU seconds of each test file: the longest start first, and what grew is printed after a run.

`tests/budget.csv` is the budget: seconds of the test process and of the processes that it started. Other
machines are slower or faster, so the seconds of a run are divided by the median of its ratios to the
table. Nothing fails: a busy machine takes longer, too. The table is written anew from the last run by

    make test
    python -m tests.budget --write
"""

import argparse
import csv
import json
import math
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median

import pytest

from tests.forked import seconds_of_fork_server

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "tests" / "budget.csv"
CACHE = "mlcmkd/seconds"  # of the last run, in pytest's cache
STORED = ROOT / ".pytest_cache" / "v" / CACHE

SHORT = 2.0  # s; shorter files say nothing about the machine, and new files may take as long
TOLERANCE = 1.5  # of a file's budget
SHOWN = 10  # files

Seconds = Mapping[str, float]  # by file


def read_table(path: Path = TABLE) -> dict[str, float]:
    """The budget."""
    if not path.is_file():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        return {row["file"]: float(row["seconds"]) for row in csv.DictReader(file)}


def write_table(seconds: Seconds, path: Path = TABLE) -> None:
    """Write the files' seconds, the longest first."""
    rows = sorted(seconds.items(), key=lambda row: (-round(row[1], 1), row[0]))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("file", "seconds"))
        writer.writerows((name, f"{value:.1f}") for name, value in rows)


def renewed(budget: Seconds, measured: Seconds, root: Path = ROOT) -> dict[str, float]:
    """The budget with what was measured, without files that are gone."""
    return {name: value for name, value in {**budget, **measured}.items() if (root / name).exists()}


def machine_factor(measured: Seconds, budget: Seconds) -> float:
    """How many times the table's seconds this machine takes; 1 if too few files were run."""
    ratios = [
        measured[name] / seconds
        for name, seconds in budget.items()
        if seconds >= SHORT and measured.get(name, 0) > 0
    ]
    return median(ratios) if len(ratios) >= 5 else 1.0


def grown(measured: Seconds, budget: Seconds) -> list[tuple[str, float, float]]:
    """Files over their budget: name, seconds at the table's speed, budget; the largest growth first."""
    factor = machine_factor(measured, budget)
    rows = [(name, value / factor, budget.get(name, 0.0)) for name, value in measured.items()]
    over = [row for row in rows if row[1] > TOLERANCE * row[2] + SHORT]
    return sorted(over, key=lambda row: row[2] - row[1])


def report_lines(measured: Seconds, budget: Seconds) -> Iterator[str]:
    """What is printed after a run."""
    total, known = sum(measured.values()), [measured[name] for name in measured if name in budget]
    yield (
        f"{total:.0f} CPU seconds, {machine_factor(measured, budget):.2f} x those of "
        f"tests/budget.csv ({len(known)} of {len(measured)} files are in it)"
    )
    over = grown(measured, budget)
    for name, seconds, allowed in over[:SHOWN]:
        yield f"  grew: {name} {seconds:.1f} s, budget {allowed:.1f} s"
    if len(over) > SHOWN:
        yield f"  and {len(over) - SHOWN} more"


def cpu_seconds() -> float:
    """CPU time of this process and of the ended processes that it started, also by its fork server."""
    return sum(os.times()[:4]) + seconds_of_fork_server()


class Budget:
    """The plugin. Workers measure; the process that reports adds up, prints and stores."""

    def __init__(self, config: pytest.Config):
        self.config = config
        self.is_worker = hasattr(config, "workerinput")
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._last = 0.0

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Workers start with files without a budget, then with the longest."""
        if self.is_worker:
            budget = read_table()
            items.sort(key=lambda item: -budget.get(_file(item.nodeid), math.inf))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self):
        self._last = cpu_seconds()
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self):
        report = yield
        now = cpu_seconds()
        report.cpu_seconds, self._last = now - self._last, now
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[_file(report.nodeid)] += getattr(report, "cpu_seconds", 0.0)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        measured = dict(self.seconds)
        if self.is_worker or sum(measured.values()) < SHORT:
            return
        if self.config.pluginmanager.has_plugin("cacheprovider"):
            self.config.cache.set(CACHE, measured)
        terminalreporter.section("time")
        for line in report_lines(measured, read_table()):
            terminalreporter.write_line(line)


def _file(nodeid: str) -> str:
    return nodeid.split("::")[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write the table from the last run")
    measured = json.loads(STORED.read_text(encoding="utf-8"))
    if parser.parse_args().write:
        write_table(renewed(read_table(), measured))
    print("\n".join(report_lines(measured, read_table())))


if __name__ == "__main__":
    main()
