"""Does invariance pay? Measures of invariance of a sweep's students, beside their errors.

    python benchmarks/invariance_transfer.py experiments/real_thermal.yaml --real data/knapik \\
        --table results/invariance_transfer.csv --figure docs/figures/invariance_transfer.png

The sweep must have kept its weights (`keep_weights`). Five gaps of each student to invariance
(`mlcmkd.evaluation.invariance.gaps.GAPS`) and its NME (inter-ocular) are measured on a split of its
benchmark, and its NME (box) on real thermal frames that no student was trained on. If the features of
student and teacher have different widths, exchanged heads, retrieval and the probe use the adapters that
the run has trained, and a measure whose adapter its strategy did not train is left empty. With
`--fit-maps` these measures use maps between the features of both networks instead, which are fitted by
least squares on 400 training pairs, not shifted, for every strategy alike. The report contains:

- Spearman's rank correlation of each gap with both errors, within each benchmark, and its mean over the
  benchmarks. The 95 % intervals are those of a bootstrap over strategies, each with all of its seeds,
  because runs of one strategy resemble one another.
- The rank correlation of the two errors within each benchmark.
- The differences between strategies and a reference (`--reference`), paired by seed.

Rows are added one by one; a completed run is not measured again. A study with many settings gets rows
only (`--rows-only`); `scripts/invariance_map.py` compares its students within each setting.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from torch import nn

from mlcmkd.cli import guarded
from mlcmkd.course.invariance_study import ERRORS, rank_correlation_table
from mlcmkd.data.config import DataConfig
from mlcmkd.data.dataset import Pairs
from mlcmkd.evaluation.evaluate import evaluate_model
from mlcmkd.evaluation.invariance.features import modality_features
from mlcmkd.evaluation.invariance.fitted_map import fit_map
from mlcmkd.evaluation.invariance.gaps import GAPS, invariance_gaps
from mlcmkd.evaluation.rank_correlation import by_benchmark, rank_correlation
from mlcmkd.evaluation.statistics import difference
from mlcmkd.models import Landmarker
from mlcmkd.plots.invariance_transfer import gaps_and_errors
from mlcmkd.plots.saving import save_figure
from mlcmkd.studies.ktl.kept import adapters_of, kept_runs
from mlcmkd.studies.ktl.plan import PlannedTransfer, SweepConfig
from mlcmkd.studies.table import add_row, read_table
from mlcmkd.training.run_directory import WEIGHTS
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.markdown import markdown_table
from mlcmkd.utils.progress import tqdm
from mlcmkd.utils.yaml_files import read_fields

COLUMNS = (
    "benchmark", "student", "strategy", "seed", "split", "real_split", "maps", *ERRORS, *GAPS, "run",
)  # fmt: skip
Row = dict[str, str]
Maps = Literal["trained", "fitted"]  # between features of different widths
FACES = 400  # to fit a map: 100,000 locations at 64 px, for some 1,500 weights


def chosen_runs(
    sweep: SweepConfig,
    labelled: str | None = None,
    seeds: Sequence[int] | None = None,
    students: Sequence[str] | None = None,
) -> list[PlannedTransfer]:
    """The kept runs of a sweep; of these, those with a number of labels, a seed and a student if given.

    Args:
        labelled: number of labelled pairs as text, or "all".
        students: names of the sweep's students.

    Raises:
        InputError: there is none.
    """
    found = [
        run
        for run in kept_runs(sweep)
        if labelled in (None, labels_of(run))
        and (seeds is None or run.config.seed in seeds)
        and (students is None or run.student in students)
    ]
    if not found:
        asked = {"labels": labelled, "seeds": seeds, "students": students}
        given = ", ".join(f"{name}: {value}" for name, value in asked.items() if value is not None)
        raise InputError(f"{sweep.out}: no kept run has what was asked for ({given})")
    return found


def labels_of(run: PlannedTransfer) -> str:
    """Its number of labelled pairs as text, or "all"."""
    labelled = run.config.data.labelled
    return "all" if labelled is None else str(labelled)


def student_of(run: PlannedTransfer) -> str:
    """The student's name, with its number of labels if not all, and the shift of its pairs if any."""
    shift = run.config.data.misalignment
    labels = "" if labels_of(run) == "all" else f"{labels_of(run)} labels"
    return ", ".join(filter(None, (run.student, labels, f"{shift:g} px" if shift else "")))


def measure(
    run: PlannedTransfer, real: Path, *, split: str, real_split: str, maps: Maps
) -> dict[str, object]:
    """The row of one student.

    Args:
        maps: compare features by the adapters that the run has trained, or by maps that are fitted on
            the training pairs.

    Raises:
        InputError: the student's input size is not that of its teacher, its adapters were not stored,
            or data that cannot be used.
    """
    teacher, student = Landmarker.load(run.config.teacher), Landmarker.load(run.out / WEIGHTS)
    spec = student.spec
    options = {"radiometry": spec.radiometry, "progress": False}
    pairs = run.config.data.load(split, spec.input_px, **options)
    frames = DataConfig(source=str(real)).load(real_split, spec.input_px, **options)
    if maps == "fitted":
        training = run.config.data.load("train", spec.input_px, **options)
        to_teacher, to_student = fitted_maps(teacher, student, training)
    else:
        adapters = adapters_of(run)
        to_teacher, to_student = adapters.to_teacher, adapters.to_student
    gaps = invariance_gaps(
        teacher,
        student,
        pairs,
        to_teacher=to_teacher,
        to_student=to_student,
        groups=0,  # intervals over subjects are not used here
    )
    return {
        "benchmark": run.benchmark,
        "student": student_of(run),
        "strategy": run.strategy,
        "seed": run.config.seed,
        "split": split,
        "real_split": real_split,
        "maps": maps,
        "nme": round(100 * evaluate_model(student, pairs, "thermal").nme, 4),
        "nme_real": round(100 * evaluate_model(student, frames, "thermal", "box").nme, 4),
        **{name: round(gap.value, 4) for name, gap in gaps.items()},
        "run": run.run,
    }


def fitted_maps(
    teacher: Landmarker, student: Landmarker, pairs: Pairs
) -> tuple[nn.Module, nn.Module]:
    """The maps from the student's features on thermal images to the teacher's on RGB, and back.

    They are fitted on at most 400 of the pairs, evenly spaced, because a split lists one source after
    another.
    """
    chosen = np.linspace(0, len(pairs) - 1, min(FACES, len(pairs))).astype(int)
    pairs = pairs.subset(chosen)
    thermal = modality_features(student, pairs, "thermal")
    rgb = modality_features(teacher, pairs, "rgb")
    return fit_map(thermal, rgb), fit_map(rgb, thermal)


def differences(rows: Sequence[Row], reference: str) -> str:
    """Differences of every strategy to the reference, paired by seed, as a Markdown table."""
    lines = []
    for of_one in by_benchmark(rows):
        for student in dict.fromkeys(row["student"] for row in of_one):
            mine = [row for row in of_one if row["student"] == student]
            other = {int(row["seed"]): row for row in mine if row["strategy"] == reference}
            for strategy in dict.fromkeys(row["strategy"] for row in mine):
                its = {int(row["seed"]): row for row in mine if row["strategy"] == strategy}
                if strategy == reference or not set(its) & set(other):
                    continue
                names = {"benchmark": mine[0]["benchmark"], "student": student}
                columns = {name: _difference(its, other, name) for name in (*ERRORS, *GAPS)}
                lines.append(names | {f"minus {reference}": strategy} | columns)
    return markdown_table(lines) if lines else f"no run has the strategy {reference}"


def _difference(its: dict[int, Row], other: dict[int, Row], column: str) -> str:
    a, b = (
        {seed: float(row[column]) for seed, row in rows.items() if row[column]}
        for rows in (its, other)
    )
    return difference(a, b).text() if set(a) & set(b) else "not measured"


def errors_compared(rows: Sequence[Row]) -> str:
    """The rank correlation of the two errors within each benchmark, as a Markdown table."""
    lines = []
    for of_one in by_benchmark(rows):
        value, low, high = rank_correlation(of_one, *ERRORS)
        text = f"{value:.2f} [{low:.2f}, {high:.2f}]"
        lines.append({"benchmark": of_one[0]["benchmark"], "correlation of the two errors": text})
    return markdown_table(lines)


def report(rows: Sequence[Row], reference: str) -> str:
    """The three tables as text."""
    parts = (rank_correlation_table(rows), errors_compared(rows), differences(rows, reference))
    return "\n\n".join(parts)


def _of_runs(rows: Sequence[Row], planned: Sequence[PlannedTransfer]) -> list[Row]:
    """The rows of these runs."""
    runs = {run.run for run in planned}
    return [row for row in rows if row["run"] in runs]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures what is missing and, unless only rows are wanted, reports and draws the figure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("params", type=Path, help="parameter file of the sweep")
    parser.add_argument("--real", type=Path, required=True, help="manifest of real thermal frames")
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--split", default="val", help="split of the benchmark (default val)")
    parser.add_argument("--real-split", default="val", help="split of the frames (default val)")
    parser.add_argument("--reference", default="fd+ld", help="strategy to compare with")
    parser.add_argument("--labelled", help="only with this number of labels, or all")
    parser.add_argument("--seeds", type=int, nargs="+", help="only with these seeds")
    parser.add_argument("--students", nargs="+", help="only with these names in the sweep")
    parser.add_argument(
        "--fit-maps", action="store_true", help="fit maps instead of using adapters"
    )
    parser.add_argument("--rows-only", action="store_true", help="no report and no figure")
    given = parser.parse_args(arguments)
    sweep = SweepConfig.validated(
        f"{given.params}: not a parameter file of a sweep", read_fields(given.params)
    )
    planned = chosen_runs(sweep, given.labelled, given.seeds, given.students)
    how = {
        "split": given.split,
        "real_split": given.real_split,
        "maps": "fitted" if given.fit_maps else "trained",
    }

    def known() -> list[Row]:
        rows = read_table(given.table, COLUMNS)
        return [row for row in rows if all(row[name] == value for name, value in how.items())]

    done = {row["run"] for row in known()}
    missing = [run for run in planned if run.run not in done]
    for run in tqdm(missing, desc=given.table.stem, unit="run", disable=not missing):
        add_row(given.table, COLUMNS, measure(run, given.real, **how))
    if given.rows_only:
        return
    rows = _of_runs(known(), planned)
    print(report(rows, given.reference))
    if given.figure:
        save_figure(gaps_and_errors(rows, list(GAPS), ERRORS), given.figure)


if __name__ == "__main__":
    guarded(main)
