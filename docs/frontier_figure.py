"""The frontier, error against size, and its methods, from the table that `mlcmkd students` wrote.

    python docs/frontier_figure.py results/frontier.csv docs

Writes `frontier.png` and `students.png`, and prints the table, and what each method is ahead of plain L2
and L1, and of labels alone ("task"), as Markdown.
"""

import sys
from pathlib import Path

from mlcmkd.course import markdown_table
from mlcmkd.frontier import against, read_rows, table
from mlcmkd.plots import frontier, methods_compared


def main(source: Path, out: Path) -> None:
    """Draws what is there."""
    rows = read_rows(source)
    frontier(rows, "NME against what a network costs").savefig(out / "frontier.png", dpi=110)
    methods_compared(rows, "Light students by method").savefig(out / "students.png", dpi=110)
    for lines in (table(rows), against(rows), against(rows, ("task",))):
        print(markdown_table(lines, {name: name for name in lines[0]}) if lines else "", "\n")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
