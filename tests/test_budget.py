"""The time budget of test files: what grew is found on slow and fast machines alike."""

from types import SimpleNamespace

import pytest

from tests import budget as module
from tests.budget import (
    SHOWN,
    Budget,
    grown,
    machine_factor,
    read_table,
    renewed,
    report_lines,
    write_table,
)

BUDGET = {f"tests/test_{n}.py": 10.0 + n for n in range(8)}


@pytest.mark.parametrize("speed", [0.5, 1.0, 4.0])
def test_a_file_that_grew_is_named_whatever_the_speed_of_the_machine(speed):
    measured = {name: speed * seconds for name, seconds in BUDGET.items()}
    assert machine_factor(measured, BUDGET) == pytest.approx(speed)
    assert grown(measured, BUDGET) == []
    measured["tests/test_3.py"] *= 2
    assert [row[0] for row in grown(measured, BUDGET)] == ["tests/test_3.py"]
    assert "  grew: tests/test_3.py 26.0 s, budget 13.0 s" in report_lines(measured, BUDGET)


def test_a_new_file_that_takes_long_is_named_and_a_short_one_is_not():
    measured = {**BUDGET, "tests/test_new.py": 30.0, "tests/test_short.py": 0.5}
    assert grown(measured, BUDGET) == [("tests/test_new.py", 30.0, 0.0)]


def test_a_few_files_say_nothing_about_the_machine():
    measured = {"tests/test_0.py": 40.0}
    assert machine_factor(measured, BUDGET) == 1
    assert [row[0] for row in grown(measured, BUDGET)] == ["tests/test_0.py"]


def test_only_the_largest_growths_are_printed():
    measured = {**BUDGET, **{f"tests/test_new{n}.py": 10.0 + n for n in range(SHOWN + 3)}}
    lines = list(report_lines(measured, BUDGET))
    assert len(lines) == SHOWN + 2 and lines[-1] == "  and 3 more"
    assert f"test_new{SHOWN + 2}.py" in lines[1]


def test_the_table_keeps_what_was_not_run_and_loses_files_that_are_gone(tmp_path):
    (tmp_path / "tests").mkdir()
    for name in ("tests/test_0.py", "tests/test_1.py", "tests/test_new.py"):
        (tmp_path / name).touch()
    budget = renewed(BUDGET, {"tests/test_1.py": 1.26, "tests/test_new.py": 20.0}, tmp_path)
    write_table(budget, tmp_path / "budget.csv")
    read = read_table(tmp_path / "budget.csv")
    assert read == {"tests/test_new.py": 20.0, "tests/test_0.py": 10.0, "tests/test_1.py": 1.3}
    assert list(read) == ["tests/test_new.py", "tests/test_0.py", "tests/test_1.py"]
    assert read_table(tmp_path / "none.csv") == {}


def test_workers_start_the_longest_files_first(monkeypatch):
    monkeypatch.setattr(module, "read_table", lambda: BUDGET)
    names = ["test_0.py::a", "test_0.py::b", "test_7.py::c", "test_new.py::d", "test_3.py::e"]
    items = [SimpleNamespace(nodeid=f"tests/{name}") for name in names]
    Budget(SimpleNamespace()).pytest_collection_modifyitems(items)
    assert [item.nodeid for item in items] == [f"tests/{name}" for name in names], "one process"
    Budget(SimpleNamespace(workerinput={})).pytest_collection_modifyitems(items)
    assert [item.nodeid[-1] for item in items] == ["d", "c", "e", "a", "b"]


def test_this_run_is_measured(request):
    """The plugin is active, and a report takes its seconds along from the worker."""
    plugin = request.config.pluginmanager.get_plugin("budget")
    assert isinstance(plugin, Budget)
    plugin._last -= 3.0
    hook = plugin.pytest_runtest_makereport()
    next(hook)
    with pytest.raises(StopIteration) as end:
        hook.send(pytest.TestReport("x.py::y", ("x.py", 1, "y"), {}, "passed", None, "call"))
    report = end.value.value
    again = pytest.TestReport._from_json(report._to_json())
    assert again.cpu_seconds == report.cpu_seconds >= 3.0
    fresh = Budget(SimpleNamespace())
    fresh.pytest_runtest_logreport(again)
    assert fresh.seconds == {"x.py": report.cpu_seconds}
