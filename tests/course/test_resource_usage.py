"""Resource usage of notebooks: memory of the marked process, and the report."""

import csv
import subprocess
import sys
import time

import nbformat

from mlcmkd.course.resource_usage import (
    PeakMemory,
    Usage,
    count_pictures,
    read_minutes,
    usage_of,
    write_usage,
)

ALLOCATE = "memory = bytearray({}); import time, sys; print('ready', flush=True); sys.stdin.read()"


def allocating(megabytes: int, mark: str) -> subprocess.Popen:
    """A child process that has allocated so much memory."""
    code = ALLOCATE.format(megabytes * 1_000_000) + f"  # {mark}"
    command = [sys.executable, "-c", code]
    child = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    child.stdout.readline()
    return child


def test_the_peak_is_that_of_the_marked_child():
    with PeakMemory("marked-child") as memory:
        children = [allocating(120, "marked-child"), allocating(400, "another-child")]
        until = time.monotonic() + 30
        while not memory.bytes and time.monotonic() < until:
            time.sleep(0.05)
        for child in children:
            child.communicate("")
    assert 120e6 < memory.bytes < 300e6


def test_a_child_that_is_seen_before_its_command_begins_is_measured(tmp_path):
    """A child begins with the command of its parent, which has no mark."""
    script = tmp_path / "late.py"
    script.write_text(ALLOCATE.format(120_000_000))
    code = (
        f"import os, sys; input(); os.execv(sys.executable, ['python', {str(script)!r}, 'marked'])"
    )
    command = [sys.executable, "-c", code]
    with PeakMemory("late.py marked") as memory:
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        time.sleep(1)  # seen without the mark
        assert not memory.bytes
        child.stdin.write("\n")
        child.stdin.flush()
        child.stdout.readline()
        until = time.monotonic() + 30
        while memory.bytes < 120e6 and time.monotonic() < until:
            time.sleep(0.05)
        child.communicate("")
    assert 120e6 < memory.bytes < 300e6


def test_without_a_marked_process_the_peak_is_unknown(tmp_path):
    with PeakMemory("no such process") as memory:
        pass
    assert memory.bytes == 0
    nbformat.write(nbformat.v4.new_notebook(), tmp_path / "00_x.ipynb")
    assert usage_of(tmp_path / "00_x.ipynb", 90, memory.bytes).peak_mb is None


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
    assert count_pictures(notebook) == 2
    path = tmp_path / "solutions" / "03_x.ipynb"
    path.parent.mkdir()
    nbformat.write(notebook, path)
    assert usage_of(path, 90.0, 512_400_000)[:4] == ("solutions/03_x", 1.5, 512, 2)


def test_the_report_has_totals_and_the_largest_memory(tmp_path):
    usages = [Usage("00_a", 1.25, 700, 3, 350), Usage("01_b", 0.5, None, 4, 1400)]
    text = write_usage(usages, tmp_path, "2 notebooks at scale smoke").read_text(encoding="utf-8")
    assert text.startswith("# 2 notebooks at scale smoke\n")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()]
    assert ["00_a", "1.25", "700", "3", "350"] in rows
    assert ["01_b", "0.5", "unknown", "4", "1400"] in rows
    assert ["all", "1.75", "700", "7", "1750"] in rows
    with (tmp_path / "report.csv").open(newline="", encoding="utf-8") as file:
        assert [row["peak_mb"] for row in csv.DictReader(file)] == ["700", ""]
    assert read_minutes(tmp_path) == {"00_a": 1.25, "01_b": 0.5}
    assert read_minutes(tmp_path / "nowhere") == {}
