"""The figure and tables of the map of dual injection, from the table of `mlcmkd sweep`.

    python scripts/dikd_map.py results/dikd_map.csv docs/figures/dikd_map.png --pages docs/results

The first table has a row for each cell: the best form with dual injection and the best strategy without
injection, both chosen on the validation split, and their NME and differences on the test split. The
second has the mean gain over cells by benchmark, labels, shift and student, for both kinds of heads, and
the third the mean difference of every strategy to FD+LD for each student. Cells that cannot be compared
are listed at the end. `--pages` writes the tables into the pages of this map.
"""

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from mlcmkd.cli import guarded
from mlcmkd.evaluation.injection_cells import Cell, Runs, in_cells, read_rows
from mlcmkd.evaluation.injection_map import (
    Comparison,
    compare,
    excludes_zero,
    mean_gain,
    minus,
    order_of_labels,
)
from mlcmkd.evaluation.statistics import Interval
from mlcmkd.plots.injection_map import BENCHMARKS, STUDENTS, injection_map
from mlcmkd.utils.markdown import markdown_table, with_table

NAMES = {name: text.replace("\n", " ") for name, text in STUDENTS.items()}
HEADS = {
    "teacher's head": ("same", "same, fresh", "light"),
    "coordinate head": ("coordinates", "coordinates, fresh", "light, coordinates"),
}
KINDS = {
    "teacher's weights": ("same", "coordinates"),
    "random weights": ("same, fresh", "coordinates, fresh"),
    "light network": ("light", "light, coordinates"),
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
    if apart := minus(cells):
        found["differences to fd+ld"] = markdown_table(_differences(apart))
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
        "difference": _bold(each.gain),
        "seeds": str(each.gain.seeds),
        "minus labels only": "" if each.to_labels is None else str(each.to_labels),
    }


def _bold(found: Interval) -> str:
    return f"**{found}**" if excludes_zero(found) else str(found)


def _counts(compared: Iterable[Comparison]) -> str:
    """How many cells are better and worse. By chance one interval in twenty excludes zero."""
    gains = [each.gain for each in compared]
    lower = [gain for gain in gains if gain.mean < 0]
    higher = [gain for gain in gains if gain.mean > 0]
    clear = [sum(map(excludes_zero, side)) for side in (lower, higher)]
    return (
        f"{len(gains)} settings: dual injection has the lower mean in {len(lower)} ({clear[0]} with "
        f"an interval that excludes zero), the higher in {len(higher)} ({clear[1]}). Without any "
        f"effect about {0.05 * len(gains):.0f} intervals would exclude zero."
    )


def _mean_gains(compared: Sequence[Comparison]) -> list[dict[str, str]]:
    """Mean gains over the cells of one benchmark, number of labels and so on, without registration."""
    plain = [each for each in compared if not each.cell.registered]
    groups = {"all settings": plain}
    for each in plain:
        cell = each.cell
        groups.setdefault(BENCHMARKS.get(cell.benchmark, cell.benchmark), []).append(each)
    for labels in sorted({each.cell.labels for each in plain}, key=order_of_labels):
        name = {"0": "no"}.get(labels, labels)
        groups[f"{name} labels"] = [each for each in plain if each.cell.labels == labels]
    for shift in sorted({each.cell.shift for each in plain}):
        groups[f"{shift:g} px"] = [each for each in plain if each.cell.shift == shift]
    for name, students in KINDS.items():
        groups[name] = [each for each in plain if each.cell.student in students]
    return [
        {"settings": name}
        | {
            head: _over([each for each in group if each.cell.student in students])
            for head, students in HEADS.items()
        }
        for name, group in groups.items()
    ]


def _over(compared: Sequence[Comparison]) -> str:
    """Their mean gain and their number; the mean of one cell has no interval."""
    if not compared:
        return ""
    gain = mean_gain(compared)
    text = _bold(gain) if len(compared) > 1 else f"{gain.mean:.2f}"
    return f"{text} ({len(compared)})"


def _differences(apart: dict[str, dict[str, list[float]]]) -> list[dict[str, str]]:
    """Rows of the third table: strategies, with a column for each student."""
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
    guarded(main)
