"""The rank correlations on the page about invariance are those of the tables in results/.

Intervals are not computed again, because each needs a bootstrap of several seconds.
"""

import csv
import re
from pathlib import Path

import pytest

from mlcmkd.course.invariance_summary import GAPS
from mlcmkd.evaluation.rank_correlation import rank_correlation

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/results/invariance.md").read_text(encoding="utf-8")
VALUE = re.compile(r"(-?\d\.\d\d) \[")
WEAK = ("none", "pseudo-labels", "R, pseudo-labels")  # left out of the last table


def rows_of(table: str) -> list[dict[str, str]]:
    """The rows of a table, each in the group within which students are ranked."""
    lines = (ROOT / f"results/{table}.csv").read_text(encoding="utf-8").splitlines()
    return [
        row | {"benchmark": f"{row['benchmark']}, {row['student']}"}
        for row in csv.DictReader(lines)
    ]


def labels_of(row: dict[str, str]) -> str:
    """Number of labels from a student's name, which has it if it is not all."""
    found = re.search(r", (\d+) labels", f", {row['student']}")
    return found[1] if found else "all"


def tables_on_the_page() -> list[dict[str, list[str]]]:
    """The correlations of the tables of gaps, in the order of the page: gap -> its row."""
    parts = PAGE.split("| gap to invariance |")[1:]
    return [
        {gap: VALUE.findall(re.search(rf"^\| {gap} \|.*$", part, re.MULTILINE)[0]) for gap in GAPS}
        for part in parts
    ]


def computed(groups: list[list[dict[str, str]]], gap: str) -> list[str]:
    """Correlations with both errors, the groups within an error side by side."""
    return [
        f"{rank_correlation(rows, gap, error, draws=1)[0]:.2f}"
        for error in ("nme", "nme_real")
        for rows in groups
    ]


@pytest.mark.parametrize("gap", GAPS)
def test_correlations_of_the_page_are_those_of_the_tables(gap):
    rows = rows_of("dikd_map_invariance")
    by_labels = [[row for row in rows if labels_of(row) == name] for name in ("100", "all", "0")]
    strong = [[row for row in group if row["strategy"] not in WEAK] for group in by_labels]
    study = [rows_of("invariance_transfer")]
    shown = [table[gap] for table in tables_on_the_page()]
    assert shown == [computed(groups, gap) for groups in (study, by_labels, strong)]


def test_the_numbers_of_students_are_those_of_the_table():
    rows = rows_of("dikd_map_invariance")
    counts = [sum(labels_of(row) == name for row in rows) for name in ("100", "all", "0")]
    text = " ".join(PAGE.split())
    assert f"{len(rows)} students of" in text
    assert "with 100 labels ({} students), all ({}) and none ({})".format(*counts) in text
