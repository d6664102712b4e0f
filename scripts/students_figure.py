"""The methods of a table of light students, as a figure and as text.

    python scripts/students_figure.py results/coordinate_students.csv \
        docs/figures/coordinate_students.png

Prints the same as `frontier_figure.py`: the table, and the difference of each method from its controls.
"""

import sys
from pathlib import Path

from frontier_figure import print_tables

from mlcmkd.evaluation.frontier import read_rows
from mlcmkd.plots import methods_compared


def main(source: Path, out: Path) -> None:
    """Draws the figure and prints the tables."""
    rows = read_rows(source)
    methods_compared(rows, "Light students by method").savefig(out, dpi=110)
    print_tables(rows)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
