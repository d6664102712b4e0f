"""The methods of a table of light students side by side, as a figure and in words.

    python scripts/students_figure.py results/coordinate_students.csv docs/coordinate_students.png

Prints what `frontier_figure.py` prints: the table, and what each method is ahead of its controls.
"""

import sys
from pathlib import Path

from frontier_figure import tell

from mlcmkd.evaluation.frontier import read_rows
from mlcmkd.plots import methods_compared


def main(source: Path, out: Path) -> None:
    """Draws and prints what is there."""
    rows = read_rows(source)
    methods_compared(rows, "Light students by method").savefig(out, dpi=110)
    tell(rows)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
