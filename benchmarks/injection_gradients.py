"""Why dual injection helps some students only: its gradients beside those of the other terms.

    python benchmarks/injection_gradients.py experiments/dikd_map.yaml --labelled 100 \\
        --table results/injection_gradients.csv

For every student of the sweep that was trained by FD+LD on aligned pairs, with its new weights
(`start`) and with the trained ones (`trained`, which `keep_weights` keeps): training pairs without a
label are run through DIKD+FD+LD with the weights of the sweep, and gradients are compared.

- ri_cosine, ri_ratio, fi_cosine: see `mlcmkd.distillation.gradients`.
- own_nme, teacher_nme: validation NME of the student's features with its own head and with the
  teacher's, inter-ocular. A lower error with the teacher's head shows what the student's head does not
  yet get out of its features.

Students whose features have another width than the teacher's are left out, because FD+LD does not train
both adapters.
Rows are added one by one; a completed one is not measured again.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from mlcmkd.cli import guarded
from mlcmkd.data.dataset import Pairs
from mlcmkd.data.transforms import NO_AUGMENTATION, Batch, make_batch
from mlcmkd.distillation.gradients import InjectionGradients, injection_gradients
from mlcmkd.distillation.mlcm_kd import KTL
from mlcmkd.distillation.strategies import Weights
from mlcmkd.evaluation.invariance import measure_invariance
from mlcmkd.evaluation.statistics import interval
from mlcmkd.models import Landmarker
from mlcmkd.stages.transfer import new_student
from mlcmkd.studies.ktl.kept import has_equal_features, kept_runs
from mlcmkd.studies.ktl.plan import PlannedTransfer, SweepConfig, plan
from mlcmkd.studies.table import add_row, read_table
from mlcmkd.training.run_directory import WEIGHTS
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.markdown import markdown_table
from mlcmkd.utils.progress import tqdm
from mlcmkd.utils.yaml_files import read_fields

ALONE = "fd+ld"  # strategy of the students
INJECTED = "dikd+fd+ld"  # its terms are compared
START, TRAINED = "start", "trained"
BATCHES, BATCH = 10, 32
MEASURES = (*InjectionGradients._fields, "own_nme", "teacher_nme")
COLUMNS = ("benchmark", "student", "labelled", "seed", "state", *MEASURES, "run")
Row = dict[str, str]


def students_of(sweep: SweepConfig) -> list[tuple[PlannedTransfer, Weights]]:
    """Runs by FD+LD on aligned pairs whose weights exist, with the weights of the terms to compare.

    Raises:
        InputError: the sweep has no such run, or lacks the strategy whose terms are compared.
    """
    both = [each.config.distillation for each in plan(sweep) if each.strategy == INJECTED]
    kept = [
        run
        for run in kept_runs(sweep)
        if has_equal_features(run) and run.strategy == ALONE and run.config.data.misalignment == 0
    ]
    if not both or not kept:
        raise InputError(f"{sweep.out}: no kept run of {ALONE}, or no strategy {INJECTED}")
    return [(run, both[0].resolved()) for run in kept]


def batches_of(pairs: Pairs, seed: int) -> Iterator[Batch]:
    """Random batches of the unlabelled training pairs, without augmentation.

    Raises:
        InputError: there are fewer than one batch of them.
    """
    unlabelled = (~pairs.labelled).nonzero()[:, 0]
    if len(unlabelled) < BATCH:
        raise InputError(f"{len(unlabelled)} pairs without a label; at least {BATCH} are needed")
    generator = torch.Generator().manual_seed(seed)
    for _ in range(BATCHES):
        chosen = unlabelled[torch.randperm(len(unlabelled), generator=generator)[:BATCH]]
        yield make_batch(pairs, chosen, NO_AUGMENTATION, generator)


def measure(run: PlannedTransfer, weights: Weights, state: str) -> dict[str, object]:
    """The row of one student in one state.

    Raises:
        InputError: the student's width or input size is not that of its teacher.
    """
    teacher, config = Landmarker.load(run.config.teacher), run.config
    pairs = config.data.load_training(teacher.spec.input_px, config.seed, progress=False)
    torch.manual_seed(config.seed)
    student = new_student(config, teacher, None, pairs)
    if state == TRAINED:
        student = Landmarker.load(run.out / WEIGHTS)
    held = config.data.load(
        "val", student.spec.input_px, radiometry=student.spec.radiometry, progress=False
    )
    swap = measure_invariance(teacher, student, held, faces=None).head_swap
    objective = KTL(teacher, student, weights, config.distillation.guide).train()
    values = injection_gradients(objective, batches_of(pairs, config.seed))._asdict()
    values |= {"own_nme": 100 * swap[1, 1], "teacher_nme": 100 * swap[1, 0]}
    names = {"benchmark": run.benchmark, "student": run.student, "seed": config.seed}
    counts = {"labelled": config.data.labelled if config.data.labelled is not None else "all"}
    numbers = {name: round(float(values[name]), 4) for name in MEASURES}
    return names | counts | {"state": state} | numbers | {"run": run.run}


def report(rows: Sequence[Row]) -> str:
    """Means over the seeds, with intervals, for each student and state, as a Markdown table."""
    lines = []
    names = ("benchmark", "student", "labelled", "state")
    for key in dict.fromkeys(tuple(row[name] for name in names) for row in rows):
        mine = [row for row in rows if tuple(row[name] for name in names) == key]
        means = {name: str(interval([float(row[name]) for row in mine])) for name in MEASURES}
        lines.append(dict(zip(names, key, strict=True)) | means | {"seeds": str(len(mine))})
    return markdown_table(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures what is missing and prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("params", type=Path, help="parameter file of the sweep")
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--students", nargs="+", help="names of students; default all")
    parser.add_argument("--labelled", type=int, help="only with this number of labels")
    given = parser.parse_args(arguments)
    sweep = SweepConfig.validated(
        f"{given.params}: not a parameter file of a sweep", read_fields(given.params)
    )
    chosen = [
        (run, weights)
        for run, weights in students_of(sweep)
        if (not given.students or run.student in given.students)
        and given.labelled in (None, run.config.data.labelled)
    ]
    done = {(row["run"], row["state"]) for row in read_table(given.table, COLUMNS)}
    jobs = [(*each, state) for each in chosen for state in (START, TRAINED)]
    missing = [job for job in jobs if (job[0].run, job[2]) not in done]
    for job in tqdm(missing, desc=given.table.stem, unit="row", disable=not missing):
        add_row(given.table, COLUMNS, measure(*job))
    wanted = {run.run for run, _ in chosen}
    print(report([row for row in read_table(given.table, COLUMNS) if row["run"] in wanted]))


if __name__ == "__main__":
    guarded(main)
