"""The tables of docs/results/invariance.md on the students of the map of dual injection.

    python scripts/invariance_map.py results/dikd_map_invariance.csv \\
           results/dikd_map_invariance_fitted.csv docs/results/invariance.md \\
           --figure docs/figures/invariance_map.png

From two tables of `benchmarks/invariance_transfer.py`: the rank correlation of each gap with both errors
by number of labels, and the mean difference of each strategy to FD+LD. Students are compared within a
setting, which is a kind of student with the same images, labels and shift, and each setting counts once;
intervals are those over settings. Students are ranked among all strategies, and among those with FD or
RI only.

The features of the light network have another width than the teacher's. The first table compares them
through the adapters of the training, which only strategies with FD or RI have from student to teacher,
so its tables have these strategies only. The second table (`--fit-maps`) compares them through maps that
are fitted afterwards, for every strategy.
"""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from mlcmkd.cli import guarded
from mlcmkd.course.invariance_study import ERRORS, read_invariance_study
from mlcmkd.evaluation.injection_cells import STRATEGIES
from mlcmkd.evaluation.invariance.gaps import GAPS
from mlcmkd.evaluation.rank_correlation import Row, correlation_over_settings
from mlcmkd.evaluation.statistics import Interval, difference, interval
from mlcmkd.plots.invariance_transfer import rank_correlations
from mlcmkd.plots.saving import save_figure
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.markdown import markdown_table, with_table

LABELS = {"100": "100 labels", "all": "all", "0": "none"}
# Strategies that do not train the student's features by the teacher's: they have neither FD nor RI.
WEAK = ("none", "pseudo-labels", "R, pseudo-labels", "ld", "fi")
LIGHT = "light"  # beginning of the names of students whose features have another width
KINDS = (
    "coordinate head",
    "teacher's head",
    "light network, coordinate head",
    "light network, teacher's kind of head",
)
SHOWN = {"nme": "NME, benchmark", "nme_real": "NME, real frames"} | {
    gap: f"gap: {gap}" for gap in ("teacher's head", "CKA", "retrieval", "probe")
}
NAMES = {"nme": "benchmark", "nme_real": "real frames"}  # of the errors
REFERENCE = "fd+ld"
NOBODY = "No such students were measured."  # in the place of a table


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the tables and writes them between their markers in the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("table", type=Path, help="gaps by the adapters of the training")
    parser.add_argument("fitted", type=Path, help="gaps by maps that are fitted afterwards")
    parser.add_argument("page", type=Path)
    parser.add_argument("--figure", type=Path, help="draw the correlations")
    given = parser.parse_args(arguments)
    text = given.page.read_text(encoding="utf-8")
    rows, fitted = _read(given.table, "trained"), _read(given.fitted, "fitted")
    for name, table in tables(rows, fitted).items():
        print(f"{name}\n\n{table}\n")
        text = with_table(text, name, table)
    given.page.write_text(text, encoding="utf-8")
    if given.figure:
        save_figure(figure_of(rows, fitted), given.figure)


def _read(path: Path, maps: str) -> list[Row]:
    """The rows of a table that was measured by one kind of maps.

    Raises:
        InputError: there is no such table, or it has rows by another kind.
    """
    rows = read_invariance_study(path)
    if others := {row["maps"] for row in rows} - {maps}:
        raise InputError(
            f"{path}: has rows by {others.pop()} maps; give a table with {maps} ones only"
        )
    return rows


def tables(rows: Sequence[Row], fitted: Sequence[Row]) -> dict[str, str]:
    """The tables in Markdown by name, which is that of their markers in the page.

    Args:
        rows: with the gaps by the adapters of the training, where features have another width.
        fitted: with the gaps by maps that are fitted afterwards; the light network's are shown.
    """
    light = [row for row in rows if _is_light(row)]
    equal = [row for row in rows if not _is_light(row)]
    adapted = _with_fd_or_ri(light)
    fitted = [row for row in fitted if _is_light(row)]
    return {
        "students": _students(equal),
        "correlations": _correlations(equal),
        "correlations with FD or RI": _correlations(_with_fd_or_ri(equal)),
        "students of the light network": _students(light),
        "students with adapters": _students(adapted),
        "correlations by adapters": _correlations(adapted),
        "correlations by fitted maps": _correlations(fitted),
        "correlations by fitted maps with FD or RI": _correlations(_with_fd_or_ri(fitted)),
        "differences to fd+ld": _differences([*equal, *adapted]),
        "differences by fitted maps": _differences(fitted),
    }


def _is_light(row: Row) -> bool:
    return row["student"].startswith(LIGHT)


def _with_fd_or_ri(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row["strategy"] not in WEAK]


def kind_of(row: Row) -> str:
    """Which of the `KINDS` a student is."""
    coordinates = "coordinates" in row["student"]
    return KINDS[2 * _is_light(row) + (not coordinates)]


def labels_of(row: Row) -> str:
    """Number of labels from a student's name, which has it if it is not all."""
    found = re.search(r"(\d+) labels", row["student"])
    return found[1] if found else "all"


def _students(rows: Sequence[Row]) -> str:
    """How many students there are."""
    counts = {labels: sum(labels_of(row) == labels for row in rows) for labels in LABELS}
    settings = {(row["benchmark"], row["student"]) for row in rows}
    return (
        f"{len(rows)} students in {len(settings)} settings: {counts['100']} with 100 labels, "
        f"{counts['all']} with all and {counts['0']} with none."
    )


def _correlations(rows: Sequence[Row]) -> str:
    """A row for each gap: its correlation with both errors for each number of labels with rows."""
    if not rows:
        return NOBODY
    found = {error: _correlations_with(rows, error) for error in ERRORS}
    return markdown_table(
        [
            {"gap to invariance": gap}
            | {
                f"{NAMES[error]}: {labels}": _text(each)
                for error in ERRORS
                for labels, each in found[error][gap].items()
            }
            for gap in GAPS
        ]
    )


def _correlations_with(rows: Sequence[Row], error: str) -> dict[str, dict[str, Interval]]:
    """Correlation of each gap with an error, for each number of labels with rows."""
    by_labels = {
        name: [row for row in rows if labels_of(row) == labels] for labels, name in LABELS.items()
    }
    return {
        gap: {
            name: correlation_over_settings(some, gap, error)
            for name, some in by_labels.items()
            if some
        }
        for gap in GAPS
    }


def figure_of(rows: Sequence[Row], fitted: Sequence[Row]) -> Figure:
    """Rank correlations of the whole map; of the light network those by fitted maps."""
    groups = {
        "teacher's width": [row for row in rows if not _is_light(row)],
        "light network": [row for row in fitted if _is_light(row)],
    }
    panels = {}
    for name, students in groups.items():
        panels[f"{name}, all strategies"] = students
        panels[f"{name}, FD or RI"] = _with_fd_or_ri(students)
    return rank_correlations(
        {
            name: {title: _named(_correlations_with(some, error)) for error, title in NAMES.items()}
            for name, some in panels.items()
        }
    )


def _named(found: dict[str, dict[str, Interval]]) -> dict[str, dict[str, Interval]]:
    """With numbers of labels as in a legend, which has no heading."""
    names = {"all": "all labels", "none": "no labels"}
    return {
        gap: {names.get(labels, labels): each for labels, each in by_labels.items()}
        for gap, by_labels in found.items()
    }


def _differences(rows: Sequence[Row]) -> str:
    """A row for each kind of student and strategy: its mean differences to FD+LD."""
    if not rows:
        return NOBODY
    settings: dict[tuple[str, str, str], dict[str, dict[int, Row]]] = {}
    for row in rows:
        setting = (kind_of(row), row["benchmark"], row["student"])
        of_setting = settings.setdefault(setting, {})
        of_setting.setdefault(row["strategy"], {})[int(row["seed"])] = row
    lines = []
    for kind in KINDS:
        of_kind = [
            runs for (its, *_), runs in settings.items() if its == kind and REFERENCE in runs
        ]
        for strategy in STRATEGIES:
            having = [runs for runs in of_kind if strategy in runs]
            if strategy != REFERENCE and having:
                columns = {
                    name: _mean_difference(having, strategy, column)
                    for column, name in SHOWN.items()
                }
                names = {"students": kind, "strategy": strategy, "settings": str(len(having))}
                lines.append(names | columns)
    return markdown_table(lines)


def _mean_difference(
    settings: Sequence[dict[str, dict[int, Row]]], strategy: str, column: str
) -> str:
    """Mean over settings of the difference to the reference, which is paired by seed."""

    def values(runs: dict[int, Row]) -> dict[int, float]:
        return {seed: float(row[column]) for seed, row in runs.items()}

    return _text(
        interval(
            [difference(values(runs[strategy]), values(runs[REFERENCE])).mean for runs in settings]
        )
    )


def _text(found: Interval) -> str:
    """An interval, in bold if it excludes zero; the mean alone if there is one setting."""
    return found.marked() if found.seeds > 1 else f"{found.mean:.2f}"


if __name__ == "__main__":
    guarded(main)
