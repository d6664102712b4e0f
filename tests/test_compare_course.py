"""scripts/compare_course.py: the course's table compared digit for digit."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
_spec = importlib.util.spec_from_file_location("compare", ROOT / "scripts/compare_course.py")
script = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(script)


@pytest.fixture
def run(tmp_path) -> Path:
    """A run folder with a copy of the stored table."""
    (tmp_path / "results.csv").write_bytes(script.STORED.read_bytes())
    return tmp_path


def test_the_stored_table_is_the_same_as_itself(run, capsys):
    assert script.main([str(run)]) == 0
    assert "the same as" in capsys.readouterr().out
    assert script.main([str(run), "--with", str(run)]) == 0


def test_a_changed_digit_is_reported_with_row_and_column(run, capsys):
    table = run / "results.csv"
    _, rows = script.read_table(table)
    key, first = next(iter(rows.items()))
    stored = first["nme_percent"]
    changed = stored[:-1] + ("0" if stored[-1] != "0" else "1")
    table.write_text(table.read_text().replace(f",{stored},", f",{changed},", 1))
    assert script.main([str(run)]) == 1
    output = capsys.readouterr().out.splitlines()
    assert output == [f"{' '.join(key)}: nme_percent: {changed}, expected {stored}"]


def test_rows_and_columns_that_are_missing_or_new_are_reported(run, capsys):
    table = run / "results.csv"
    header, first, *rest = table.read_text().splitlines()
    table.write_text("\n".join([header, *rest[1:], rest[0], first.replace("-s0", "-s1")]) + "\n")
    assert script.main([str(run)]) == 1
    output = capsys.readouterr().out
    assert "teacher-rgb-s0 rgb test: missing" in output
    assert "teacher-rgb-s1 rgb test: not expected" in output
    assert "another order" in output
    table.write_text(table.read_text().replace("nme_percent", "nme", 1))
    assert script.main([str(run)]) == 1
    assert capsys.readouterr().out.startswith("columns: ")


def test_a_folder_without_a_table_is_an_error(tmp_path):
    with pytest.raises(SystemExit, match="no such table"):
        script.main([str(tmp_path)])
