"""A stored study of students: their gaps to invariance beside their errors, and rank correlations."""

import csv
from collections.abc import Sequence
from pathlib import Path

from mlcmkd.course.project import RESULTS
from mlcmkd.evaluation.invariance.gaps import GAPS
from mlcmkd.evaluation.rank_correlation import Row, rank_correlation
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.markdown import markdown_table

ERRORS = {
    "nme": "NME on the benchmark (%, inter-ocular)",
    "nme_real": "NME on real frames (%, box)",
}


def read_invariance_study(path: Path = RESULTS / "invariance_transfer.csv") -> list[Row]:
    """One row for each student: benchmark, strategy, seed, the `GAPS` and the `ERRORS`.

    Raises:
        InputError: there is no such table, or it lacks a column.
    """
    command = "python benchmarks/invariance_transfer.py"
    if not path.is_file():
        raise InputError(f"{path}: no such table; `{command}` writes it")
    with path.open(newline="", encoding="utf-8") as file:
        table = csv.DictReader(file)
        for name in ("benchmark", "student", "strategy", "seed", *ERRORS, *GAPS):
            if name not in (table.fieldnames or ()):
                raise InputError(f"{path}: has no column '{name}'; `{command}` writes it")
        return list(table)


def rank_correlation_table(rows: Sequence[Row]) -> str:
    """Rank correlation of each gap with both errors, with 95 % intervals, as a Markdown table."""

    def text(gap: str, error: str) -> str:
        value, low, high = rank_correlation(rows, gap, error)
        return f"{value:.2f} [{low:.2f}, {high:.2f}]"

    return markdown_table(
        [{"gap": gap} | {name: text(gap, error) for error, name in ERRORS.items()} for gap in GAPS]
    )
