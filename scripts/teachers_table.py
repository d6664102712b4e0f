"""KD-Loss by other teachers beside the controls that have none, from tables of `mlcmkd students`.

    python scripts/teachers_table.py results/frontier.csv results/kd_loss_teachers.csv

Prints what the networks of the last table cost, and, for those of its students that the others hold as
well, what each method is ahead of plain L2 and L1, paired by seed, as Markdown.
"""

import sys
from pathlib import Path

from mlcmkd.evaluation.frontier import against, network_of, read_rows, table
from mlcmkd.utils.markdown import markdown_table


def main(*sources: Path) -> None:
    """Prints what is there."""
    tables = [read_rows(source) for source in sources]
    students = {network_of(row) for row in tables[-1]}
    beside = [row for rows in tables for row in rows if network_of(row) in students]
    for lines in (table(tables[-1]), against(beside)):
        print(markdown_table(lines) if lines else "", "\n")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
