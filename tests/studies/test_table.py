"""A table whose writer may be killed at any byte, and that one process writes at a time."""

import multiprocessing
import os
import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcmkd.studies.table import add_row, read_table
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
