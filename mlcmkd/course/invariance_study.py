"""A stored study of students: their gaps to invariance beside their errors, and rank correlations."""

import csv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from mlcmkd.course.project import RESULTS
from mlcmkd.evaluation.invariance.gaps import GAPS
from mlcmkd.evaluation.rank_correlation import Row, rank_correlation
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.markdown import markdown_table

STUDENT = ("benchmark", "student", "strategy", "seed")  # columns that name a student
ERRORS = {
    "nme": "NME on the benchmark (%, inter-ocular)",
    "nme_real": "NME on real frames (%, box)",
}


def read_invariance_study(path: Path = RESULTS / "invariance_transfer.csv") -> list[Row]:
    """One row for each student: benchmark, strategy, seed, the `GAPS` and the `ERRORS`.

    Raises:
        InputError: there is no such table, it lacks a column, or it has two rows of one student.
    """
    command = "python benchmarks/invariance_transfer.py"
    if not path.is_file():
        raise InputError(f"{path}: no such table; `{command}` writes it")
    with path.open(newline="", encoding="utf-8") as file:
        table = csv.DictReader(file)
        for name in (*STUDENT, "maps", *ERRORS, *GAPS):
            if name not in (table.fieldnames or ()):
                raise InputError(f"{path}: has no column '{name}'; `{command}` writes it")
        rows = list(table)
    students = Counter(tuple(row[name] for name in STUDENT) for row in rows)
    repeated = next((student for student, count in students.items() if count > 1), None)
    if repeated:  # of another split, or by other maps: each student would count twice
        raise InputError(
            f"{path}: has two rows of the student {', '.join(filter(None, repeated))}; keep those of "
            "one split and of one kind of maps"
        )
    return rows


def rank_correlation_table(rows: Sequence[Row]) -> str:
    """Rank correlation of each gap with both errors, with 95 % intervals, as a Markdown table."""

    def text(gap: str, error: str) -> str:
        value, low, high = rank_correlation(rows, gap, error)
        return f"{value:.2f} [{low:.2f}, {high:.2f}]"

    return markdown_table(
        [{"gap": gap} | {name: text(gap, error) for error, name in ERRORS.items()} for gap in GAPS]
    )
