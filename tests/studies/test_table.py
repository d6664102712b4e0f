"""A table that is written to by who may be killed, and by one at a time."""

import multiprocessing
import os
import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcmkd.studies.fill import estimate
from mlcmkd.studies.table import add_row, read_table
from mlcmkd.training.run_directory import PROVENANCE
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.locks import file_lock

COLUMNS = ("run", "nme")
ROWS = [{"run": name, "nme": str(n / 7)} for n, name in enumerate("abc")]


@given(st.integers(0, 10**6))
def test_cut_anywhere_a_table_keeps_its_whole_rows_and_goes_on(tmp_path_factory, at):
    path = tmp_path_factory.mktemp("table") / "table.csv"
    for row in ROWS:
        add_row(path, COLUMNS, row)
    text = path.read_bytes()
    cut = at % len(text)
    path.write_bytes(text[:cut])
    whole = max(0, text[:cut].count(b"\n") - 1)
    if text[:cut].count(b"\n"):
        assert read_table(path, COLUMNS) == ROWS[:whole]
    for row in ROWS[whole:]:
        add_row(path, COLUMNS, row)
    assert path.read_bytes() == text


def _hold(path, held) -> None:
    with file_lock(path):
        held.set()
        signal.pause()


def test_a_lock_ends_with_its_holder(tmp_path):
    context = multiprocessing.get_context("fork")
    held = context.Event()
    child = context.Process(target=_hold, args=(tmp_path / "table.csv", held))
    child.start()
    assert held.wait(20)
    with (
        pytest.raises(InputError, match="table.csv: busy"),
        file_lock(tmp_path / "table.csv", "busy"),
    ):
        pass
    os.kill(child.pid, signal.SIGKILL)
    child.join()
    with file_lock(tmp_path / "table.csv", "busy"):
        pass
    with file_lock(tmp_path / "table.csv"), file_lock(tmp_path / "other.csv", "busy"):
        pass


class _Made:
    def __init__(self, out):
        self.out = out


def test_an_estimate_is_the_median_of_what_earlier_runs_took(tmp_path):
    for n, minutes in enumerate((1, 3, 50)):
        (tmp_path / str(n)).mkdir()
        (tmp_path / str(n) / PROVENANCE).write_text(f'{{"minutes": {minutes}}}')
    stands = [_Made(tmp_path / str(n)) for n in range(5)]  # two of them lie elsewhere
    left = [_Made(tmp_path / "x")] * 10
    assert estimate(stands, left, 2).startswith(
        "about 15 minutes: 10 times 3.0 minutes, the median of 3 "
    )
    assert estimate(stands, left * 10, 2).startswith("about 2.5 hours")
    assert estimate([], left, 2) == "" == estimate(stands, [], 2)
