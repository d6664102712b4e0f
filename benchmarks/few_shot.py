"""What a few labelled frames of a real thermal camera are worth to students trained without any.

    python benchmarks/few_shot.py MANIFEST --sweep experiments/few_shot_students.yaml \\
        --labels 0 50 200 --seeds 0 1 2 --table results/knapik_few_shot.csv
    python benchmarks/few_shot.py MANIFEST --students mine=WEIGHTS other=WEIGHTS --table TABLE

The students of a sweep (its weights kept) are one a strategy and seed, and the student of a seed goes
on with the frames of that seed; weights given by name are the same for all seeds. Every student reads
thermal images and goes on by plain training on so many frames of the split "train", drawn by the
seed: 200 steps of 32, learning rate 5e-4, the same for all; nothing is chosen, the weights after the
last step count. 0 labels are the student as it is. Scored on "test", box normaliser. The students may
know more points than the manifest has. `mlcmkd prepare ... --train-on SUBJECT` makes a training split
where a format has none. A run whose row stands is not made again.
"""

import argparse
import hashlib
import json
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import NamedTuple

import yaml
from tqdm.auto import tqdm

from mlcmkd.cli import guarded
from mlcmkd.data.manifest import MANIFEST, PairRow, read_rows
from mlcmkd.evaluation.statistics import difference, interval
from mlcmkd.models import Landmarker
from mlcmkd.stages.evaluate import EvaluateConfig, evaluate
from mlcmkd.stages.train import TrainConfig, train
from mlcmkd.studies.ktl import SweepConfig
from mlcmkd.studies.table import add_row, read_table
from mlcmkd.training.loop import FitConfig
from mlcmkd.training.run_directory import WEIGHTS
from mlcmkd.utils.errors import InputError

COLUMNS = (
    "student", "labels", "seed", "faces", "normaliser", "nme", "nme_near_frontal", "run",
)  # fmt: skip
NORMALISER = "box"
FIT = FitConfig(steps=200, batch=32, learning_rate=5e-4, evaluations=1)


Students = dict[str, Path | dict[int, Path]]  # weights, or weights by seed


class Planned(NamedTuple):
    """One student, so many labels, one seed; `run` is a hash of what decides the result."""

    student: str
    weights: Path
    labels: int
    config: TrainConfig
    run: str


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def students_of(params: Path, seeds: Sequence[int], runs: Path | None = None) -> Students:
    """The students a sweep has made: their weights by strategy and seed.

    Args:
        runs: where the sweep's runs lie; None for where its parameter file says.

    Raises:
        InputError: the file is none of a sweep, or a student of one of the seeds is not there.
    """
    try:
        fields = yaml.safe_load(params.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise InputError(f"{params}: no parameter file of a sweep ({error})") from None
    sweep = SweepConfig.validated(f"{params}: no parameter file of a sweep", fields)
    students: dict[str, dict[int, Path]] = {}
    for row in read_table(sweep.table, sweep.columns):
        weights = (runs or sweep.out) / row["run"] / WEIGHTS
        students.setdefault(row["strategy"], {})[int(row["seed"])] = weights
    for name, by_seed in students.items():
        for seed in seeds:
            if seed not in by_seed or not by_seed[seed].is_file():
                raise InputError(
                    f"{params}: no weights of {name}, seed {seed}; run the sweep with keep_weights"
                )
    if not students:
        raise InputError(f"{sweep.table}: no row yet; run `mlcmkd sweep {params}` first")
    return dict(students)


def plan(
    manifest: Path,
    students: Students,
    labels: Sequence[int],
    seeds: Sequence[int],
    out: Path,
    fit: FitConfig = FIT,
) -> Iterator[Planned]:
    """All runs, seeds outermost.

    Without labels nothing is drawn, so one run stands for all seeds of a student that is the same
    for all.

    Raises:
        InputError: weights that cannot be read, or that read RGB.
    """
    data_stamp = _sha256(manifest / MANIFEST)  # holds every image's hash
    counts = sorted(set(labels))
    for seed, count, (name, given) in product(dict.fromkeys(seeds), counts, students.items()):
        own = isinstance(given, dict)
        if count == 0 and not own and seed != seeds[0]:
            continue
        weights = given[seed] if own else given
        spec = Landmarker.load(weights).spec
        if spec.modality != "thermal":
            raise InputError(f"{weights}: reads RGB; give the weights of a thermal student")
        config = TrainConfig(
            out=out,
            data={"source": str(manifest), "pairs": count or None},
            fit=fit,
            seed=seed if count or own else 0,
            modality="thermal",
            init=weights,
            **spec.model_dump(include={"size", "head", "input_px", "normalisation"}),
        )
        told = json.loads(config.model_dump_json(exclude={"out", "init"}))
        told["data"].pop("source")  # folders may be moved
        parts = [name, count, told, data_stamp, _sha256(weights), NORMALISER]
        run = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]
        yield Planned(name, weights, count, config.model_copy(update={"out": out / run}), run)


def make(planned: Planned) -> dict[str, object]:
    """Trains where there is something to train on, scores on "test"; the table's row."""
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
    """The manifest's rows, once it is sure that they are enough.

    Raises:
        InputError: no test split; or, where something is trained, too few training frames, one
            without a label, or no validation split.
    """
    if min(labels) < 0 or 1 in labels:
        raise InputError("labels: 0, or at least 2 frames: one is no batch")
    rows = read_rows(manifest)
    there = {split: [r for r in rows if r.split == split] for split in ("train", "val", "test")}
    if not there["test"]:
        raise InputError(f"{manifest}: no row in split 'test' to score on")
    if len(there["train"]) < max(labels):
        raise InputError(
            f"{manifest}: {len(there['train'])} rows in split 'train', {max(labels)} asked for; "
            "prepare the manifest with --train-on SUBJECT"
        )
    if max(labels) and any(row.landmarks is None for row in there["train"]):
        raise InputError(f"{manifest}: a row in split 'train' has no label; leave such rows out")
    if max(labels) and not there["val"]:
        raise InputError(f"{manifest}: no row in split 'val'; prepare it with another --train-on")
    return rows


def _mean(rows: list[dict[str, str]], column: str) -> str:
    values = [float(row[column]) for row in rows if row[column]]
    if not values:
        return "none"
    # One student as it is had no draw of frames that an interval could speak of.
    as_it_is = rows[0]["labels"] == "0" and len(values) == 1
    return f"{values[0]:.2f}" if as_it_is else str(interval(values))


def _difference(rows: list[dict[str, str]], other: list[dict[str, str]]) -> str:
    nme = [{int(row["seed"]): float(row["nme"]) for row in each} for each in (rows, other)]
    return difference(*nme).text()


def as_table(rows: list[dict[str, str]]) -> str:
    """A table's rows as Markdown: mean and 95 % interval over the seeds, percent, and the difference
    from the first student, paired by seed."""
    first = rows[0]["student"] if rows else ""
    faces = ", ".join(dict.fromkeys(row["faces"] for row in rows))
    lines = [
        f"| student | labels | seeds | NME (%), {NORMALISER}, {faces} faces | near-frontal (%) "
        f"| minus {first} |",
        "|" + " --- |" * 6,
    ]
    for name, count in dict.fromkeys((row["student"], row["labels"]) for row in rows):
        here = [row for row in rows if (row["student"], row["labels"]) == (name, count)]
        cells = [_mean(here, column) for column in ("nme", "nme_near_frontal")]
        other = [row for row in rows if (row["student"], row["labels"]) == (first, count)]
        cells.append("" if name == first or len(here) < 2 else _difference(here, other))
        lines.append(f"| {name} | {count} | {len(here)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def caveat(rows: list[PairRow]) -> str:
    """How the frames' labels came about, and whose frames train, validate and test."""
    kinds = sorted({row.labels or "nobody said how" for row in rows})
    who = {}
    for split in ("train", "val", "test"):
        names = sorted({row.subject for row in rows if row.split == split})
        who[split] = f"{len(names)} subjects" if len(names) > 4 else ", ".join(names) or "nobody"
    silver = any("silver" in kind for kind in kinds)
    return (
        f"Labels: {', '.join(kinds)}"
        + ("; trained on and scored against a detector's answers, not a person's" if silver else "")
        + f". Trained on {who['train']}, validated on {who['val']}, tested on {who['test']}. "
        "Intervals: 95 %, over the seeds: of the frames, and of the students where each has its own."
    )


def few_shot(
    manifest: Path,
    students: Students,
    labels: Sequence[int],
    seeds: Sequence[int],
    table: Path,
    out: Path,
    fit: FitConfig = FIT,
) -> str:
    """Makes the runs whose rows are not in the table yet, and adds theirs.

    Returns:
        The rows of these runs as text, with what is to be known of the labels.
    """
    rows = check(manifest, labels)
    planned = list(plan(manifest, students, labels, seeds, out, fit))
    done = {row["run"] for row in read_table(table, COLUMNS)}
    left = [each for each in planned if each.run not in done]
    print(f"{len(planned)} runs, {len(planned) - len(left)} done, {len(left)} to do")
    for each in tqdm(left, desc=table.stem, unit="run", disable=not left):
        add_row(table, COLUMNS, make(each))
    wanted = {each.run for each in planned}
    made = [row for row in read_table(table, COLUMNS) if row["run"] in wanted]
    made.sort(key=lambda row: (int(row["labels"]), list(students).index(row["student"])))
    return f"{as_table(made)}\n\n{caveat(rows)}"


def _student(text: str) -> tuple[str, Path]:
    name, equals, path = text.partition("=")
    if not (name and equals and path):
        raise argparse.ArgumentTypeError(f"'{text}' is not name=weights")
    return name, Path(path)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("manifest", type=Path, help="folder of a manifest with thermal images")
    who = parser.add_mutually_exclusive_group(required=True)
    who.add_argument("--students", type=_student, nargs="+", help="name=weights")
    who.add_argument("--sweep", type=Path, help="parameter file of the sweep that made them")
    parser.add_argument("--sweep-runs", type=Path, help="where its runs lie, if not where it says")
    parser.add_argument("--labels", type=int, nargs="+", default=[0, 50, 200], help="frames")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--table", type=Path, required=True, help="CSV that rows are added to")
    parser.add_argument("--out", type=Path, default=Path("runs/few-shot"), help="folder of runs")
    given = parser.parse_args(arguments)
    if given.sweep:
        students = students_of(given.sweep, given.seeds, given.sweep_runs)
    else:
        students = dict(given.students)
        if len(students) < len(given.students):
            raise InputError("--students: a name stands twice; give every student its own")
    print(few_shot(given.manifest, students, given.labels, given.seeds, given.table, given.out))


if __name__ == "__main__":
    guarded(main)
