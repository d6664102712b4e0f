"""The figure and tables of the map of dual injection, from the table of `mlcmkd sweep`.

    python scripts/dikd_map.py results/dikd_map.csv docs/figures/dikd_map.png

The first table has a row for each cell: the best form with dual injection and the best strategy without
injection, both chosen on the validation split, and their NME and differences on the test split. The
second has the mean difference of every strategy to FD+LD for each student. Cells that cannot be compared
are listed at the end.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from mlcmkd.evaluation.injection_cells import in_cells, read_rows
from mlcmkd.evaluation.injection_map import Comparison, compare, excludes_zero, minus
from mlcmkd.evaluation.statistics import Interval
from mlcmkd.plots.injection_map import STUDENTS, injection_map
from mlcmkd.utils.markdown import markdown_table

NAMES = {name: text.replace("\n", " ") for name, text in STUDENTS.items()}


def main(source: Path, figure: Path) -> None:
    """Prints the tables and saves the figure."""
    cells = in_cells(read_rows(source))
    compared, left_out = compare(cells)
    if compared:
        injection_map(compared).savefig(figure, dpi=110)
        print(markdown_table([_line(each) for each in compared]), "\n")
        print(_counts(compared), "\n")
    if apart := minus(cells):
        print("Difference to fd+ld in points of NME: mean over the cells (number of cells)\n")
        print(markdown_table(_differences(apart)))
    for line in left_out:
        print(f"\nleft out: {line}", end="")
    print()


def _line(each: Comparison) -> dict[str, str]:
    """A row of the first table."""
    cell = each.cell
    return {
        "benchmark": cell.benchmark,
        "student": NAMES.get(cell.student, cell.student),
        "labels": cell.labels,
        "shift (px)": f"{cell.shift:g}{', registered' if cell.registered else ''}",
        "with injection": each.form,
        "NME (%)": f"{each.form_nme.mean:.2f}",
        "without": each.baseline,
        "its NME (%)": f"{each.baseline_nme.mean:.2f}",
        "difference": f"**{each.gain}**" if excludes_zero(each.gain) else str(each.gain),
        "seeds": str(each.gain.seeds),
        "minus labels alone": _text(each.to_labels),
        "single injection minus without": _text(each.single_gain, f"{each.single}: "),
    }


def _text(found: Interval | None, before: str = "") -> str:
    return "" if found is None else f"{before}{found}"


def _counts(compared: Iterable[Comparison]) -> str:
    """How many cells are better and worse. By chance one interval in twenty excludes zero."""
    gains = [each.gain for each in compared]
    lower = [gain for gain in gains if gain.mean < 0]
    higher = [gain for gain in gains if gain.mean > 0]
    clear = [sum(map(excludes_zero, side)) for side in (lower, higher)]
    return (
        f"{len(gains)} cells: dual injection has the lower mean in {len(lower)} ({clear[0]} with an "
        f"interval that excludes zero), the higher in {len(higher)} ({clear[1]}). Without any effect "
        f"about {0.05 * len(gains):.1f} intervals would exclude zero."
    )


def _differences(apart: dict[str, dict[str, list[float]]]) -> list[dict[str, str]]:
    """Rows of the second table: strategies, with a column for each student."""
    found = dict.fromkeys(student for by_student in apart.values() for student in by_student)
    students = [*(name for name in NAMES if name in found), *(found.keys() - NAMES.keys())]
    return [
        {"strategy": name}
        | {
            NAMES.get(student, student): f"{np.mean(values):+.2f} ({len(values)})"
            if (values := by_student.get(student))
            else ""
            for student in students
        }
        for name, by_student in apart.items()
    ]


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
