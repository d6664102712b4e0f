"""KD-Loss with other teachers beside the controls without teachers, from tables of `mlcmkd students`.

    python scripts/teachers_table.py results/frontier.csv results/kd_loss_teachers.csv

Prints the costs of the networks in the last table and, for those of its networks that the other tables
contain as well, the difference of each method from plain L2 and L1, paired by seed, as Markdown.
"""

import sys
from pathlib import Path

from mlcmkd.evaluation.frontier import against, network_of, read_rows, table
from mlcmkd.utils.markdown import markdown_table


def main(*sources: Path) -> None:
    """Prints the two tables."""
    tables = [read_rows(source) for source in sources]
    networks = {network_of(row) for row in tables[-1]}
    shared = [row for rows in tables for row in rows if network_of(row) in networks]
    for lines in (table(tables[-1]), against(shared)):
        print(markdown_table(lines) if lines else "", "\n")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
