"""The stored study of invariance and errors, as lesson 07 reads it."""

import csv
from pathlib import Path

import pytest

from mlcmkd.course import ERRORS, GAPS, rank_correlation_table, read_invariance_study
from mlcmkd.utils.errors import InputError


def a_table(path: Path, left_out: str = "") -> Path:
    """Four students whose second error falls as all gaps and the first error rise."""
    columns = ["benchmark", "student", "strategy", "seed", "maps", *ERRORS, *GAPS]
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, [c for c in columns if c != left_out], extrasaction="ignore")
        table.writeheader()
        for seed in range(4):
            numbers = dict.fromkeys([*GAPS, "nme"], 1 + seed) | {"nme_real": 9 - seed}
            table.writerow(
                {"benchmark": "photos", "strategy": "abcd"[seed], "seed": seed} | numbers
            )
    return path


def test_the_rank_correlations_of_a_table(tmp_path):
    rows = read_invariance_study(a_table(tmp_path / "table.csv"))
    lines = rank_correlation_table(rows).splitlines()
    assert all(name in lines[0] for name in ERRORS.values())
    for gap, line in zip(GAPS, lines[2:], strict=True):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert cells[0] == gap
        # Every increasing relation has the rank correlation 1, every decreasing one -1.
        assert cells[1].startswith("1.00") and cells[2].startswith("-1.00")


def test_a_missing_table_or_column_is_named(tmp_path):
    with pytest.raises(InputError, match="no.csv: no such table; `python benchmarks/invariance"):
        read_invariance_study(tmp_path / "no.csv")
    with pytest.raises(InputError, match="table.csv: has no column 'CKA'"):
        read_invariance_study(a_table(tmp_path / "table.csv", left_out="CKA"))


def test_two_rows_of_one_student_are_refused(tmp_path):
    path = a_table(tmp_path / "table.csv")
    path.write_text(path.read_text() + path.read_text().splitlines()[-1] + "\n")
    with pytest.raises(InputError, match="two rows of the student photos, d, 3; keep those of one"):
        read_invariance_study(path)
