"""Scores of several runs of `mlcmkd evaluate` as one table.

    python scripts/evaluations_table.py results/300w_light_mixed.csv 0=runs/a 1000=runs/b 4000=runs/c \\
        --name rendered_faces --seed 2

Each NAME=RUN is a row: the name, then the benchmark, split and scores that the run stored.
"""

import argparse
import csv
import json
from pathlib import Path

from mlcmkd.cli import guarded
from mlcmkd.training.run_directory import RESULT
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.writing import replacing

SCORES = ("faces", "nme_percent", "nme_low_percent", "nme_high_percent", "failure_rate", "auc")


def row_of(run: Path) -> dict[str, object]:
    """Benchmark, split, normaliser and scores of a run of `evaluate`.

    Raises:
        InputError: no result of `evaluate`.
    """
    try:
        config = json.loads((run / "config.json").read_text(encoding="utf-8"))
        result = json.loads((run / RESULT).read_text(encoding="utf-8"))
        names = {
            "benchmark": Path(config["data"]["source"]).name,
            "split": config["split"],
            "normaliser": config["normaliser"],
        }
        return names | {score: result[score] for score in SCORES}
    except (OSError, KeyError, ValueError) as error:
        raise InputError(
            f"{run}: no result of `mlcmkd evaluate`; run it with --out {run}"
        ) from error


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", type=Path, help="CSV to write")
    parser.add_argument("runs", nargs="+", help="NAME=RUN")
    parser.add_argument("--name", default="name", help="heading of the names")
    parser.add_argument("--seed", type=int, required=True, help="seed of the trainings")
    options = parser.parse_args()
    rows = []
    for each in options.runs:
        name, _, run = each.partition("=")
        rows.append({options.name: name, "seed": options.seed} | row_of(Path(run)))
    with replacing(options.table) as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    guarded(main)
