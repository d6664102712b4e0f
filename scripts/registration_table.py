"""The table of registration before distillation, from the runs of its study.

    mlcmkd sweep experiments/registration.yaml --workers 2
    python scripts/registration_table.py results/registration.csv runs/registration

The same for the rigs with parallax, `experiments/registration_parallax.yaml`.

NME in percent, and differences with paired bootstrap intervals over the test faces; of several seeds the
errors of each face are averaged first, over the seeds that both sides have. Intervals do not include the
variance between trainings.
"""

import csv
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

from mlcmkd.evaluation.metrics import bootstrap_interval
from mlcmkd.utils.markdown import markdown_table

# Columns of the rig, with their values for aligned pairs; a table has some of them.
ALIGNED = {"misalignment_px": "0.0", "same_in_all_pairs": "False", "rotation_degrees": "0",
           "scale": "0", "wrong_pairs": "0", "baseline_cm": "0.0"}  # fmt: skip
Cell = tuple[tuple[str, str], ...]  # columns of labels and rig, with their values
Runs = dict[tuple[Cell, str], dict[int, np.ndarray]]  # cell, strategy -> seed -> errors


def errors_of(run: Path) -> np.ndarray:
    """NME of each test face, percent, in the order of their ids."""
    with (run / "score-test" / "errors.csv").open(encoding="utf-8") as file:
        by_id = {row["id"]: 100 * float(row["nme"]) for row in csv.DictReader(file)}
    return np.array([by_id[name] for name in sorted(by_id)])


def read(table: Path, runs: Path) -> Runs:
    """The errors of all runs of a table."""
    found: Runs = defaultdict(dict)
    with table.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            cell = tuple((name, row[name]) for name in ("labelled", *ALIGNED) if name in row)
            found[cell, row["strategy"]][int(row["seed"])] = errors_of(runs / row["run"])
    return found


def minus(ours: dict[int, np.ndarray], theirs: dict[int, np.ndarray]) -> str:
    """The paired difference over the seeds of both, with its interval; empty without a common seed."""
    seeds = sorted(set(ours) & set(theirs))
    if not seeds or ours is theirs:
        return ""
    faces = np.mean([ours[seed] - theirs[seed] for seed in seeds], axis=0)
    low, high = bootstrap_interval(faces)
    return f"{faces.mean():.2f} [{low:.2f}, {high:.2f}]"


def main(table: Path, runs: Path) -> None:
    """Prints the table as Markdown."""
    found = read(table, runs)
    lines = []
    for (cell, strategy), by_seed in found.items():
        aligned = tuple((name, ALIGNED.get(name, value)) for name, value in cell)
        lines.append(
            dict(cell)
            | {
                "strategy": strategy,
                "seeds": " ".join(map(str, sorted(by_seed))),
                "NME (%)": f"{np.mean([each.mean() for each in by_seed.values()]):.2f}",
                "minus labels alone": minus(by_seed, found.get((aligned, "none"), {})),
                "minus aligned FD+LD": minus(by_seed, found.get((aligned, "fd+ld"), {})),
            }
        )
    print(markdown_table(lines))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
