"""Fine-tuning of students without thermal labels on a few labelled frames of a real thermal camera.

    python benchmarks/few_shot.py MANIFEST --sweep experiments/few_shot_students.yaml \\
        --labels 0 50 200 --seeds 0 1 2 --table results/knapik_few_shot.csv
    python benchmarks/few_shot.py MANIFEST --students mine=WEIGHTS other=WEIGHTS --table TABLE

With `--sweep`, the students are those of a sweep that kept its weights, one for each benchmark,
strategy and seed; each is fine-tuned on the frames of its own seed. With `--students`, all seeds
use the same weights. Every student takes thermal input and is fine-tuned by plain training on
frames of the split "train", drawn with the seed: 200 steps of 32, learning rate 5e-4, the same for
all. No checkpoint is selected; the weights after the last step count. 0 labels means no fine-
tuning. Students are scored on "test" with the box normaliser, and may predict more points than the
manifest has. `mlcmkd prepare ... --train-on SUBJECT` creates a training split for formats without
one. Completed runs are reused.
"""

import argparse
import hashlib
import json
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import NamedTuple

from few_shot_table import NORMALISER, as_table, caveat

from mlcmkd.cli import guarded
from mlcmkd.data.manifest import MANIFEST, PairRow, read_rows
from mlcmkd.models import Landmarker
from mlcmkd.stages.evaluate import EvaluateConfig, evaluate
from mlcmkd.stages.train import TrainConfig, train
from mlcmkd.studies.ktl.plan import SweepConfig
from mlcmkd.studies.table import add_row, read_table
from mlcmkd.training.config import FitConfig
from mlcmkd.training.run_directory import WEIGHTS
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.progress import tqdm
from mlcmkd.utils.yaml_files import read_fields

COLUMNS = (
    "student", "labels", "seed", "faces", "normaliser", "nme", "nme_near_frontal", "run",
)  # fmt: skip
FIT = FitConfig(steps=200, batch=32, learning_rate=5e-4, evaluations=1)


Students = dict[str, Path | dict[int, Path]]  # weights, or weights by seed


class Planned(NamedTuple):
    """A run: one student, number of labels and seed; `run` is a hash of all that determines it."""

    student: str
    weights: Path
    labels: int
    config: TrainConfig
    run: str


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def students_of(
    params: Path,
    seeds: Sequence[int],
    runs: Path | None = None,
    strategies: Sequence[str] | None = None,
) -> Students:
    """Weights of the students of a sweep, by strategy and seed; with several benchmarks, the name of a
    student is "benchmark, strategy".

    Args:
        params: parameter file of the sweep.
        seeds: seeds that every strategy must have.
        runs: folder of the sweep's runs; None for the folder of the parameter file.
        strategies: names of the strategies; None for all.

    Raises:
        InputError: not a parameter file of a sweep, a strategy that it does not have, or the student of
            a seed is missing.
    """
    sweep = SweepConfig.validated(f"{params}: not a parameter file of a sweep", read_fields(params))
    for name in strategies or ():
        if name not in sweep.strategies:
            known = ", ".join(sweep.strategies)
            raise InputError(f"{params}: has no strategy '{name}'; its strategies are {known}")
    students: dict[str, dict[int, Path]] = {}
    for row in read_table(sweep.table, sweep.columns):
        if strategies and row["strategy"] not in strategies:
            continue
        weights = (runs or sweep.out) / row["run"] / WEIGHTS
        several = len(sweep.benchmarks) > 1
        name = f"{row['benchmark']}, {row['strategy']}" if several else row["strategy"]
        students.setdefault(name, {})[int(row["seed"])] = weights
    for name, by_seed in students.items():
        for seed in seeds:
            if seed not in by_seed or not by_seed[seed].is_file():
                raise InputError(
                    f"{params}: no weights of {name}, seed {seed}; run the sweep with keep_weights"
                )
    if not students:
        raise InputError(f"{sweep.table}: contains no row; run `mlcmkd sweep {params}` first")
    return dict(students)


def plan(
    manifest: Path,
    students: Students,
    labels: Sequence[int],
    seeds: Sequence[int],
    out: Path,
    fit: FitConfig = FIT,
) -> Iterator[Planned]:
    """All runs, with seeds as the outermost loop.

    Without labels no frames are drawn, so a student with the same weights for all seeds has one run.

    Raises:
        InputError: weights that cannot be read, or of a model with RGB input.
    """
    data_stamp = _sha256(manifest / MANIFEST)  # it contains the hash of every image
    counts = sorted(set(labels))
    for seed, count, (name, source) in product(dict.fromkeys(seeds), counts, students.items()):
        by_seed = isinstance(source, dict)
        if count == 0 and not by_seed and seed != seeds[0]:
            continue
        weights = source[seed] if by_seed else source
        spec = Landmarker.load(weights).spec
        if spec.modality != "thermal":
            raise InputError(f"{weights}: takes RGB input; give the weights of a thermal student")
        config = TrainConfig(
            out=out,
            data={"source": str(manifest), "pairs": count or None},
            fit=fit,
            seed=seed if count or by_seed else 0,
            modality="thermal",
            init=weights,
            **spec.model_dump(include={"size", "head", "input_px", "normalisation"}),
        )
        fields = json.loads(config.model_dump_json(exclude={"out", "init"}))
        fields["data"].pop("source")  # a path does not determine the result
        parts = [name, count, fields, data_stamp, _sha256(weights), NORMALISER]
        run = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]
        yield Planned(name, weights, count, config.model_copy(update={"out": out / run}), run)


def make(planned: Planned) -> dict[str, object]:
    """Trains if there are labels and scores on "test"; returns the row of the table."""
    config, weights = planned.config, planned.weights
    if planned.labels:
        train(config, progress=False)
        weights = config.out / WEIGHTS
    result, _ = evaluate(
        EvaluateConfig(
            out=config.out / "score-test",
            weights=weights,
            data={"source": config.data.source},
            normaliser=NORMALISER,
        ),
        progress=False,
    )
    return {
        "student": planned.student,
        "labels": planned.labels,
        "seed": config.seed,
        "faces": result["faces"],
        "normaliser": result["normaliser"],
        "nme": result["nme_percent"],
        "nme_near_frontal": result["nme_near_frontal_percent"],
        "run": planned.run,
    }


def check(manifest: Path, labels: Sequence[int]) -> list[PairRow]:
    """Validates the splits of the manifest and returns its rows.

    Raises:
        InputError: no test split; with labels also too few training frames, a training frame without
            a label, or no validation split.
    """
    if min(labels) < 0 or 1 in labels:
        raise InputError("labels: give 0, or at least 2 frames for a batch")
    rows = read_rows(manifest)
    by_split = {split: [r for r in rows if r.split == split] for split in ("train", "val", "test")}
    if not by_split["test"]:
        raise InputError(f"{manifest}: no row in split 'test'; prepare a manifest with test frames")
    if len(by_split["train"]) < max(labels):
        raise InputError(
            f"{manifest}: {len(by_split['train'])} rows in split 'train', {max(labels)} requested; "
            "prepare the manifest with --train-on SUBJECT"
        )
    if max(labels) and any(row.landmarks is None for row in by_split["train"]):
        raise InputError(f"{manifest}: a row in split 'train' has no label; leave such rows out")
    if max(labels) and not by_split["val"]:
        raise InputError(
            f"{manifest}: no row in split 'val'; prepare it with another --train-on SUBJECT"
        )
    return rows


def few_shot(
    manifest: Path,
    students: Students,
    labels: Sequence[int],
    seeds: Sequence[int],
    table: Path,
    out: Path,
    fit: FitConfig = FIT,
) -> str:
    """Runs what is missing in the table and adds the rows.

    Returns:
        The rows of all planned runs as text, and the origin of the labels.
    """
    rows = check(manifest, labels)
    planned = list(plan(manifest, students, labels, seeds, out, fit))
    done = {row["run"] for row in read_table(table, COLUMNS)}
    missing = [run for run in planned if run.run not in done]
    print(f"{len(planned)} runs, {len(planned) - len(missing)} done, {len(missing)} to do")
    for run in tqdm(missing, desc=table.stem, unit="run", disable=not missing):
        add_row(table, COLUMNS, make(run))
    requested = {run.run for run in planned}
    results = [row for row in read_table(table, COLUMNS) if row["run"] in requested]
    results.sort(key=lambda row: (int(row["labels"]), list(students).index(row["student"])))
    return f"{as_table(results)}\n\n{caveat(rows)}"


def _student(text: str) -> tuple[str, Path]:
    name, equals, path = text.partition("=")
    if not (name and equals and path):
        raise argparse.ArgumentTypeError(f"'{text}' is not name=weights")
    return name, Path(path)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("manifest", type=Path, help="folder of a manifest with thermal images")
    students_from = parser.add_mutually_exclusive_group(required=True)
    students_from.add_argument("--students", type=_student, nargs="+", help="name=weights")
    students_from.add_argument(
        "--sweep", type=Path, help="parameter file of the sweep that trained them"
    )
    parser.add_argument("--strategies", nargs="+", help="strategies of the sweep (default all)")
    parser.add_argument("--sweep-runs", type=Path, help="folder of its runs, if it has moved")
    parser.add_argument("--labels", type=int, nargs="+", default=[0, 50, 200], help="frames")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--table", type=Path, required=True, help="CSV that rows are added to")
    parser.add_argument("--out", type=Path, default=Path("runs/few-shot"), help="folder of runs")
    options = parser.parse_args(arguments)
    if options.sweep:
        students = students_of(options.sweep, options.seeds, options.sweep_runs, options.strategies)
    else:
        students = dict(options.students)
        if len(students) < len(options.students):
            raise InputError("--students: a name is given twice; give every student its own")
    print(
        few_shot(
            options.manifest, students, options.labels, options.seeds, options.table, options.out
        )
    )


if __name__ == "__main__":
    guarded(main)
