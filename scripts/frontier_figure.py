"""The frontier, error against size, and its methods, from the table that `mlcmkd students` wrote.

    python scripts/frontier_figure.py results/frontier.csv docs

Writes `frontier.png` and `students.png`, of students that have all labels, and
`students_few_labels.png`, of the others; and prints the table, and what each method is ahead of its
controls, as Markdown: plain L2 and L1, labels alone ("task") for as long and for longer, KD-Loss; and
where labels are few the same with the teacher's answers.
"""

import sys
from pathlib import Path

from mlcmkd.evaluation.frontier import Row, against, has_all_labels, read_rows, table
from mlcmkd.plots import frontier, methods_compared
from mlcmkd.studies.students.plan import KTL_STUDENT, TEACHER
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
    """Draws and prints what is there."""
    rows = read_rows(source)
    whole = [row for row in rows if has_all_labels(row)]
    few = [row for row in rows if not has_all_labels(row)]
    # A side with its teacher alone has nothing to be compared with.
    taught = {
        (row.benchmark, row.modality) for row in whole if row.method not in (TEACHER, KTL_STUDENT)
    }
    compared = [row for row in whole if (row.benchmark, row.modality) in taught]
    frontier(compared, "NME against what a network costs").savefig(out / "frontier.png", dpi=110)
    _methods(whole, out / "students.png")
    if few:
        _methods(few, out / "students_few_labels.png")
    tell(rows)


def tell(rows: list[Row]) -> None:
    """Prints the table, and the differences from each control that the table has."""
    for lines in (table(rows), *(against(rows, control) for control in CONTROLS)):
        print(markdown_table(lines) if lines else "", "\n")


def _methods(rows: list[Row], path: Path) -> None:
    methods_compared(rows, "Light students by method").savefig(path, dpi=110)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
