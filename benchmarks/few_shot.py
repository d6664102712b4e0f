"""What a few labelled frames of a real thermal camera are worth to students trained without any.

    python benchmarks/few_shot.py MANIFEST --students none=W1 fd+ld=W2 dikd+fd+ld=W3 \\
        --labels 0 50 200 --seeds 0 1 2 --table results/knapik_few_shot.csv

Every student (weights that read thermal images) goes on by plain training on so many frames of the
split "train", drawn by the seed: 200 steps of 32, learning rate 5e-4, the same for all; nothing is
chosen, the weights after the last step count. 0 labels are the student as it is. Scored on "test", box
normaliser. The students may know more points than the manifest has. `mlcmkd prepare ... --train-on
SUBJECT` makes a training split where a format has none. A run whose row stands is not made again.
"""

import argparse
import hashlib
import json
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import NamedTuple

from tqdm.auto import tqdm

from mlcmkd import stages
from mlcmkd.ablation import interval
from mlcmkd.cli import guarded
from mlcmkd.errors import InputError
from mlcmkd.fit import FitConfig
from mlcmkd.models import Landmarker
from mlcmkd.rows import MANIFEST, PairRow, read_rows
from mlcmkd.runs import WEIGHTS
from mlcmkd.sweep import add_row, read_table

COLUMNS = (
    "student", "labels", "seed", "faces", "normaliser", "nme", "nme_near_frontal", "run",
)  # fmt: skip
NORMALISER = "box"
FIT = FitConfig(steps=200, batch=32, learning_rate=5e-4, evaluations=1)


class Planned(NamedTuple):
    """One student, so many labels, one seed; `run` is a hash of what decides the result."""

    student: str
    weights: Path
    labels: int
    config: stages.TrainConfig
    run: str


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def plan(
    manifest: Path,
    students: dict[str, Path],
    labels: Sequence[int],
    seeds: Sequence[int],
    out: Path,
    fit: FitConfig = FIT,
) -> Iterator[Planned]:
    """All runs, seeds outermost; without labels nothing is drawn, so one run stands for all seeds.

    Raises:
        InputError: weights that cannot be read, or that read RGB.
    """
    specs = {name: Landmarker.load(path).spec for name, path in students.items()}
    for name, spec in specs.items():
        if spec.modality != "thermal":
            raise InputError(f"{students[name]}: reads RGB; give the weights of a thermal student")
    data_stamp = _sha256(manifest / MANIFEST)  # holds every image's hash
    draws = [(0, 0)] if 0 in labels else []
    draws += [(seed, count) for seed in dict.fromkeys(seeds) for count in sorted(set(labels) - {0})]
    for (seed, count), (name, weights) in product(draws, students.items()):
        config = stages.TrainConfig(
            out=out,
            data={"source": str(manifest), "pairs": count or None},
            fit=fit,
            seed=seed,
            modality="thermal",
            init=weights,
            **specs[name].model_dump(include={"size", "head", "input_px", "normalisation"}),
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
        stages.train(config, progress=False)
        weights = config.out / WEIGHTS
    result, _ = stages.evaluate(
        stages.EvaluateConfig(
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
    # The students as they are had no draw of frames that an interval could speak of.
    as_it_is = rows[0]["labels"] == "0"
    return f"{values[0]:.2f}" if as_it_is else str(interval(values))


def as_table(rows: list[dict[str, str]]) -> str:
    """A table's rows as Markdown: mean and 95 % interval over the seeds, percent."""
    faces = ", ".join(dict.fromkeys(row["faces"] for row in rows))
    lines = [
        f"| student | labels | seeds | NME (%), {NORMALISER}, {faces} faces | near-frontal (%) |",
        "|" + " --- |" * 5,
    ]
    for name, count in dict.fromkeys((row["student"], row["labels"]) for row in rows):
        here = [row for row in rows if (row["student"], row["labels"]) == (name, count)]
        cells = [_mean(here, column) for column in ("nme", "nme_near_frontal")]
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
        "Intervals: 95 %, over the seeds that draw and shuffle the frames."
    )


def few_shot(
    manifest: Path,
    students: dict[str, Path],
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
    parser.add_argument("--students", type=_student, nargs="+", required=True, help="name=weights")
    parser.add_argument("--labels", type=int, nargs="+", default=[0, 50, 200], help="frames")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--table", type=Path, required=True, help="CSV that rows are added to")
    parser.add_argument("--out", type=Path, default=Path("runs/few-shot"), help="folder of runs")
    given = parser.parse_args(arguments)
    students = dict(given.students)
    if len(students) < len(given.students):
        raise InputError("--students: a name stands twice; give every student its own")
    print(few_shot(given.manifest, students, given.labels, given.seeds, given.table, given.out))


if __name__ == "__main__":
    guarded(main)
