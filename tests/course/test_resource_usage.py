"""What a series cost: memory of the right process, and a report that says what it holds."""

import csv
import subprocess
import sys
import time

import nbformat

from mlcmkd.course.resource_usage import (
    Cost,
    PeakMemory,
    cost_of,
    pictures_in,
    read_minutes,
    write_costs,
)

HOLD = "held = bytearray({}); import time, sys; print('ready', flush=True); sys.stdin.read()"


def holding(megabytes: int, mark: str) -> subprocess.Popen:
    """A child process that holds so much memory, and says when it does."""
    code = HOLD.format(megabytes * 1_000_000) + f"  # {mark}"
    command = [sys.executable, "-c", code]
    child = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    child.stdout.readline()
    return child


def test_the_peak_is_that_of_the_marked_child():
    with PeakMemory("marked-child") as memory:
        children = [holding(120, "marked-child"), holding(400, "another-child")]
        until = time.monotonic() + 30
        while not memory.bytes and time.monotonic() < until:
            time.sleep(0.05)
        for child in children:
            child.communicate("")
    assert 120e6 < memory.bytes < 300e6


def test_a_process_that_nobody_saw_has_no_peak(tmp_path):
    with PeakMemory("no such process") as memory:
        pass
    assert memory.bytes == 0
    nbformat.write(nbformat.v4.new_notebook(), tmp_path / "00_x.ipynb")
    assert cost_of(tmp_path / "00_x.ipynb", 90, memory.bytes).peak_mb is None


def test_figures_are_counted_and_solutions_named(tmp_path):
    output = nbformat.v4.new_output
    cell = nbformat.v4.new_code_cell(
        "x",
        outputs=[
            output("display_data", data={"image/png": "x", "text/plain": "y"}),
            output("display_data", data={"image/jpeg": "x"}),
            output("display_data", data={"text/markdown": "x"}),
            output("stream", text="x"),
        ],
    )
    notebook = nbformat.v4.new_notebook(cells=[cell, nbformat.v4.new_markdown_cell("![](x.png)")])
    assert pictures_in(notebook) == 2
    path = tmp_path / "solutions" / "03_x.ipynb"
    path.parent.mkdir()
    nbformat.write(notebook, path)
    assert cost_of(path, 90.0, 512_400_000)[:4] == ("solutions/03_x", 1.5, 512, 2)


def test_the_report_sums_what_sums_and_takes_the_largest_memory(tmp_path):
    costs = [Cost("00_a", 1.25, 700, 3, 350), Cost("01_b", 0.5, None, 4, 1400)]
    text = write_costs(costs, tmp_path, "2 notebooks at scale smoke").read_text(encoding="utf-8")
    assert text.startswith("# 2 notebooks at scale smoke\n")
    assert "| 00_a | 1.25 | 700 | 3 | 350 |" in text
    assert "| 01_b | 0.5 | not known | 4 | 1400 |" in text
    assert "| all | 1.75 | 700 | 7 | 1750 |" in text
    with (tmp_path / "report.csv").open(newline="", encoding="utf-8") as file:
        assert [row["peak_mb"] for row in csv.DictReader(file)] == ["700", ""]
    assert read_minutes(tmp_path) == {"00_a": 1.25, "01_b": 0.5}
    assert read_minutes(tmp_path / "nowhere") == {}
