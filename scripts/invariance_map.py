"""The tables of docs/results/invariance.md on the students of the map of dual injection.

    python scripts/invariance_map.py results/dikd_map_invariance.csv docs/results/invariance.md

From the table of `benchmarks/invariance_transfer.py`: the rank correlation of each gap with both errors
by number of labels, and the mean difference of each strategy to FD+LD. Students are compared within a
setting, which is a kind of student with the same images, labels and shift, and each setting counts once;
intervals are those over settings.

Students whose features have the teacher's width are ranked among all strategies, and among those with FD
or RI only. The features of the light network have another width and are compared through the adapter
that FD and RI train, so the study has only its students by strategies with one of them.
"""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

from mlcmkd.cli import guarded
from mlcmkd.course.invariance_study import ERRORS, read_invariance_study
from mlcmkd.evaluation.injection_cells import STRATEGIES
from mlcmkd.evaluation.invariance.gaps import GAPS
from mlcmkd.evaluation.rank_correlation import Row, correlation_over_settings
from mlcmkd.evaluation.statistics import Interval, difference, interval
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
REFERENCE = "fd+ld"


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the tables and writes them between their markers in the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("table", type=Path)
    parser.add_argument("page", type=Path)
    given = parser.parse_args(arguments)
    text = given.page.read_text(encoding="utf-8")
    for name, table in tables(read_invariance_study(given.table)).items():
        print(f"{name}\n\n{table}\n")
        text = with_table(text, name, table)
    given.page.write_text(text, encoding="utf-8")


def tables(rows: Sequence[Row]) -> dict[str, str]:
    """The tables in Markdown by name, which is that of their markers in the page."""
    light = [row for row in rows if row["student"].startswith(LIGHT)]
    equal = [row for row in rows if not row["student"].startswith(LIGHT)]
    by_terms = [row for row in equal if row["strategy"] not in WEAK]
    return {
        "students": _students(equal),
        "correlations": markdown_table(_correlations(equal)),
        "correlations with FD or RI": markdown_table(_correlations(by_terms)),
        "students of the light network": _students(light),
        "correlations of the light network": markdown_table(_correlations(light)),
        "differences to fd+ld": markdown_table(_differences(rows)),
    }


def kind_of(row: Row) -> str:
    """Which of the `KINDS` a student is."""
    coordinates = "coordinates" in row["student"]
    light = row["student"].startswith(LIGHT)
    return KINDS[2 * light + (not coordinates)]


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


def _correlations(rows: Sequence[Row]) -> list[dict[str, str]]:
    """A row for each gap: its correlation with both errors for each number of labels with rows."""
    by_labels = {name: [row for row in rows if labels_of(row) == name] for name in LABELS}
    by_labels = {name: some for name, some in by_labels.items() if some}

    def columns(gap: str) -> dict[str, str]:
        found = {}
        for error, name in zip(ERRORS, ("benchmark", "real frames"), strict=True):
            for labels, some in by_labels.items():
                found[f"{name}: {LABELS[labels]}"] = _text(
                    correlation_over_settings(some, gap, error)
                )
        return found

    return [{"gap to invariance": gap} | columns(gap) for gap in GAPS]


def _differences(rows: Sequence[Row]) -> list[dict[str, str]]:
    """A row for each kind of student and strategy: its mean differences to FD+LD."""
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
    return lines


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
