"""Error against costs and the methods of light students, from the table of `mlcmkd students`.

    python scripts/frontier_figure.py results/frontier.csv docs/figures

Writes `frontier.png` and `students.png`, of students that have all labels, and
`students_few_labels.png`, of the others. Prints the table and the difference of each method from its
controls as Markdown: plain L2 and L1, labels only ("task") with as many steps and with more, KD-Loss;
with few labels the same with pseudo-labels ("answers" in the table).
"""

import sys
from pathlib import Path

from mlcmkd.evaluation.frontier import Row, against, has_all_labels, read_rows, table
from mlcmkd.plots import frontier, methods_compared
from mlcmkd.studies.students.teachers import KTL_STUDENT, TEACHER
from mlcmkd.utils.markdown import markdown_table

CONTROLS = (
    ("l2", "l1"),
    ("task",),
    ("kd-loss",),
    ("task, 2000 steps",),
    ("task, 4000 steps",),
    ("task, 12000 steps",),
    ("l2, answers", "l1, answers"),
    ("answers",),
)


def main(source: Path, out: Path) -> None:
    """Draws the figures and prints the tables."""
    rows = read_rows(source)
    whole = [row for row in rows if has_all_labels(row)]
    few = [row for row in rows if not has_all_labels(row)]
    # A modality with no row but its teacher's has nothing to compare.
    with_students = {
        (row.benchmark, row.modality) for row in whole if row.method not in (TEACHER, KTL_STUDENT)
    }
    compared = [row for row in whole if (row.benchmark, row.modality) in with_students]
    frontier(compared, "NME against the costs of a network").savefig(out / "frontier.png", dpi=110)
    _methods(whole, out / "students.png")
    if few:
        _methods(few, out / "students_few_labels.png")
    print_tables(rows)


def print_tables(rows: list[Row]) -> None:
    """Prints the table, and the differences from each control in it."""
    for lines in (table(rows), *(against(rows, control) for control in CONTROLS)):
        print(markdown_table(lines) if lines else "", "\n")


def _methods(rows: list[Row], path: Path) -> None:
    methods_compared(rows, "Light students by method").savefig(path, dpi=110)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
