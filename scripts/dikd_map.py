"""The figure and tables of the map of dual injection, from the table of `mlcmkd sweep`.

    python scripts/dikd_map.py results/dikd_map.csv docs/figures/dikd_map.png --pages docs/results

The first table has a row for each cell: the best form with dual injection and the best strategy without
injection, both chosen on the validation split, and their NME and differences on the test split. The
second has the mean gain over cells by benchmark, labels, shift and student, for both kinds of heads. The
others have the mean difference of every strategy to FD+LD, one table for each kind of heads, and to
labels only where all pairs have a label and are shifted, without registered pairs. Cells that cannot be
compared are listed at the end. `--pages` writes the tables into the pages of this map.
"""

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

from mlcmkd.cli import guarded
from mlcmkd.evaluation.injection_cells import ALL, Cell, Runs, in_cells, read_rows
from mlcmkd.evaluation.injection_map import (
    Comparison,
    compare,
    minus,
    order_of_labels,
)
from mlcmkd.evaluation.statistics import interval
from mlcmkd.plots.injection_map import BENCHMARKS, STUDENTS, injection_map
from mlcmkd.utils.markdown import markdown_table, with_table

NAMES = {name: text.replace("\n", " ") for name, text in STUDENTS.items()}
HEADS = {
    "teacher's head": ("same", "same, fresh", "light"),
    "coordinate head": ("coordinates", "coordinates, fresh", "light, coordinates"),
}
KINDS = {
    "same": "teacher's weights",
    "coordinates": "teacher's weights",
    "same, fresh": "random weights",
    "coordinates, fresh": "random weights",
    "light": "light network",
    "light, coordinates": "light network",
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the tables, saves the figure and, if asked to, writes the tables into their pages."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("table", type=Path)
    parser.add_argument("figure", type=Path)
    parser.add_argument("--pages", type=Path, help="folder of the pages of results")
    given = parser.parse_args(arguments)
    cells = in_cells(read_rows(given.table))
    compared, left_out = compare(cells)
    if compared:
        injection_map(compared).savefig(given.figure, dpi=110)
    found = tables(cells, compared)
    for name, text in found.items():
        print(f"{name}\n\n{text}\n")
    for line in left_out:
        print(f"left out: {line}")
    for page in given.pages.glob("dual_injection*.md") if given.pages else ():
        text = page.read_text(encoding="utf-8")
        for name, table in found.items():
            text = with_table(text, name, table) if f"<!-- {name} -->" in text else text
        page.write_text(text, encoding="utf-8")


def tables(cells: dict[Cell, Runs], compared: Sequence[Comparison]) -> dict[str, str]:
    """The tables in Markdown by name, which is that of their markers in a page."""
    found = {}
    if compared:
        found["settings"] = markdown_table([_line(each) for each in compared])
        found["number of settings"] = _counts(compared)
        found["mean gains"] = markdown_table(_mean_gains(compared))
    cells = {cell: runs for cell, runs in cells.items() if not cell.registered}
    apart = minus(cells)
    for head, students in HEADS.items():
        if lines := _differences(apart, students):
            found[f"strategies, {head}"] = markdown_table(lines)
    if lines := _beside_labels_only(cells):
        found["shifted pairs, all labels"] = markdown_table(lines)
    return found


def _line(each: Comparison) -> dict[str, str]:
    """A row of the first table."""
    cell = each.cell
    return {
        "benchmark": BENCHMARKS.get(cell.benchmark, cell.benchmark),
        "labels": cell.labels,
        "shift (px)": f"{cell.shift:g}{', registered' if cell.registered else ''}",
        "student": NAMES.get(cell.student, cell.student),
        "with injection": each.form,
        "NME (%)": f"{each.form_nme.mean:.2f}",
        "without": each.baseline,
        "its NME (%)": f"{each.baseline_nme.mean:.2f}",
        "difference": each.gain.marked(),
        "seeds": str(each.gain.seeds),
        "minus labels only": "" if each.to_labels is None else str(each.to_labels),
    }


def _counts(compared: Iterable[Comparison]) -> str:
    """How many cells are better and worse. By chance one interval in twenty excludes zero."""
    gains = [each.gain for each in compared]
    lower = [gain for gain in gains if gain.mean < 0]
    higher = [gain for gain in gains if gain.mean > 0]
    clear = [sum(gain.excludes_zero for gain in side) for side in (lower, higher)]
    return (
        f"{len(gains)} settings: dual injection has the lower mean in {len(lower)} ({clear[0]} with "
        f"an interval that excludes zero), the higher in {len(higher)} ({clear[1]}). Without any "
        f"effect about {0.05 * len(gains):.0f} intervals would exclude zero."
    )


def _mean_gains(compared: Sequence[Comparison]) -> list[dict[str, str]]:
    """Mean gains over the cells of one benchmark, number of labels and so on, without registration."""
    gains = {each.cell: each.gain.mean for each in compared if not each.cell.registered}
    return [
        {"settings": name}
        | {
            head: _over([gains[cell] for cell in group if cell.student in students])
            for head, students in HEADS.items()
        }
        for name, group in _groups(gains, "benchmark", "labels", "shift", "student").items()
    ]


def _differences(
    apart: dict[str, dict[Cell, float]], students: Sequence[str]
) -> list[dict[str, str]]:
    """Mean differences of every strategy to FD+LD for these students, over cells and groups of them."""
    mine = {
        name: {cell: value for cell, value in values.items() if cell.student in students}
        for name, values in apart.items()
    }
    cells = dict.fromkeys(cell for values in mine.values() for cell in values)
    groups = _groups(cells, "labels", "student")
    return [
        {"strategy": name}
        | {
            group: _over([values[cell] for cell in cells if cell in values])
            for group, cells in groups.items()
        }
        for name, values in mine.items()
        if values
    ]


def _beside_labels_only(cells: dict[Cell, Runs]) -> list[dict[str, str]]:
    """Mean differences of every strategy to labels only, all pairs being labelled and shifted."""
    shifted = {cell: runs for cell, runs in cells.items() if cell.labels == ALL and cell.shift}
    return [
        {"strategy": name}
        | {
            head: _over([value for cell, value in values.items() if cell.student in students])
            for head, students in HEADS.items()
        }
        for name, values in minus(shifted, "none").items()
    ]


def _groups(cells: Iterable[Cell], *factors: str) -> dict[str, list[Cell]]:
    """All cells, and those of each value of the factors, in the order of a table's rows."""
    found = {"all settings": list(cells)}
    for factor in factors:
        for cell in sorted(cells, key=lambda cell, factor=factor: _place(cell, factor)):
            found.setdefault(_group(cell, factor), []).append(cell)
    return found


def _place(cell: Cell, factor: str) -> tuple[float, ...]:
    """Sorting key of a cell's value of a factor; benchmarks keep their order."""
    if factor == "labels":
        return order_of_labels(cell.labels)
    return {
        "benchmark": (),
        "shift": (cell.shift,),
        "student": (list(KINDS).index(cell.student),),
    }[factor]


def _group(cell: Cell, factor: str) -> str:
    """The name of a cell's value of a factor."""
    return {
        "benchmark": BENCHMARKS.get(cell.benchmark, cell.benchmark),
        "labels": "no labels" if cell.labels == "0" else f"{cell.labels} labels",
        "shift": f"{cell.shift:g} px",
        "student": KINDS[cell.student],
    }[factor]


def _over(values: Sequence[float]) -> str:
    """The mean of some cells and their number; one cell has no interval."""
    if not values:
        return ""
    found = interval(values)
    text = found.marked() if len(values) > 1 else f"{found.mean:.2f}"
    return f"{text} ({len(values)})"


if __name__ == "__main__":
    guarded(main)
