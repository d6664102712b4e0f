"""Progress bars: TQDM_DISABLE is honoured, and a log file gets lines and not too many."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOOP = """
import time
from mlcmkd.utils.progress import tqdm
for _ in tqdm(range(40), desc="outer", disable={disable}):
    for _ in tqdm(range(2), desc="inner", leave=False):
        time.sleep(0.01)
"""


def log_of(disable: bool = False, **environment: str) -> list[str]:
    """The lines that a loop of about a second writes to a log file."""
    done = subprocess.run(
        [sys.executable, "-c", LOOP.format(disable=disable)],
        stderr=subprocess.PIPE,
        cwd=ROOT,
        env={"PATH": "", "PYTHONPATH": str(ROOT), **environment},
        check=True,
    )
    return done.stderr.decode().splitlines()


def test_a_log_file_gets_a_line_for_a_state_and_none_of_a_short_inner_bar():
    lines = log_of()
    assert len(lines) == 2  # the beginning and the end
    assert lines[0].startswith("outer:   0%") and lines[1].startswith("outer: 100%")
    assert not any("\r" in line or "\x1b" in line for line in lines)


def test_a_log_file_gets_lines_at_the_interval_of_the_environment():
    lines = log_of(TQDM_MININTERVAL="0.2")
    assert 3 <= len([line for line in lines if line.startswith("outer")]) <= 12


@pytest.mark.parametrize(("disable", "environment"), [(True, {}), (False, {"TQDM_DISABLE": "1"})])
def test_a_bar_can_be_disabled_by_the_caller_and_by_the_environment(disable, environment):
    lines = log_of(disable, **environment)
    assert not any("outer" in line for line in lines)
    if "TQDM_DISABLE" in environment:
        assert lines == []


def test_no_other_bars_are_used():
    """tqdm's own, with `disable=False`, ignores TQDM_DISABLE, and writes ten times a second."""
    found = [
        str(path.relative_to(ROOT))
        for folder in ("mlcmkd", "data_prep", "benchmarks")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if "from tqdm" in path.read_text(encoding="utf-8")
    ]
    assert found == ["mlcmkd/utils/progress.py"]
