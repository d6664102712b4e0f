"""Executes the notebooks of the course by papermill, in one shared work folder."""

import csv
import os
import sys
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlcmkd.course.execution import KERNEL, execute
from mlcmkd.course.project import NOTEBOOKS, SOLUTIONS, check_scale, default_work
from mlcmkd.course.resource_usage import PeakMemory, Usage, usage_of, write_usage
from mlcmkd.course.scales import get_scale
from mlcmkd.course.side_by_side import run_side_by_side, waiting_for
from mlcmkd.course.tables import markdown_table
from mlcmkd.course.trainings import run_training, trainings_of
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.processes import cores
from mlcmkd.utils.progress import tqdm


def number_of(name: str) -> str:
    """The number of a notebook, from its name: "06b" of `06b_trust`."""
    return name.partition("_")[0]


def numbered(folder: Path = NOTEBOOKS) -> list[Path]:
    """The numbered notebooks, in order; `06b` is after `06`.

    Raises:
        InputError: there are none, for example in an installation without the repository.
    """
    notebooks = sorted(folder.glob("[0-9][0-9]*_*.ipynb"))
    if not notebooks:
        raise InputError(f"{folder}: no notebooks; run the course in a clone of the repository")
    return notebooks


def run_course(
    out: Path | str | None = None,
    scale: str = "laptop",
    notebooks: Sequence[str] | None = None,
    *,
    device: str = "auto",
    seed: int = 0,
    solutions: bool = False,
    workers: int | None = None,
    progress: bool = True,
) -> Path:
    """Executes the numbered notebooks and prints where the results are.

    Args:
        out: work folder of the course; None for `runs/course`, at other scales than "laptop"
            `runs/course-SCALE`. Also for `notebooks/`, `figures/`, `results.csv`, and
            `report.md` and `report.csv` with the resource usage of each notebook.
        scale: "smoke", "laptop" or "gpu".
        notebooks: only those whose names start with one of these, such as "02"; None for all.
        device: "auto", "cpu", "cuda" or "mps".
        seed: of every run.
        solutions: execute the solutions of the exercises as well, after the lessons.
        workers: notebooks that run side by side; None for one per core, at most 4, and for one by one
            if there is a GPU, which they would have to share.
        progress: show progress bars; those of the trainings only if notebooks run one by one.

    Returns:
        The work folder.

    Raises:
        InputError: the scale or a notebook is unknown, `out` contains networks of another scale, or a
            cell failed.
    """
    get_scale(scale)
    out = Path(out or default_work(scale)).resolve()
    check_scale(out, scale)
    chosen = [p for p in numbered() if notebooks is None or p.name.startswith(tuple(notebooks))]
    if not chosen:
        raise InputError(f"no notebook starts with {', '.join(notebooks or ())}")
    targets = {path: out / "notebooks" / path.name for path in chosen}
    if solutions:
        chosen_names = {path.name for path in chosen}
        solved = [p for p in numbered(SOLUTIONS) if p.name in chosen_names]
        targets |= {path: out / "notebooks" / SOLUTIONS.name / path.name for path in solved}
    parameters = {"scale": scale, "device": device, "work": str(out), "seed": seed}
    workers = min(_workers(device) if workers is None else workers, len(targets))
    started = time.monotonic()
    if workers > 1:
        usages = _side_by_side(targets, parameters, workers, progress)
    else:
        usages = _one_by_one(targets, parameters, progress)
    minutes = (time.monotonic() - started) / 60
    title = f"{len(targets)} notebooks at scale {scale} in {minutes:.1f} minutes"
    report = write_usage(usages, out, title)
    print(f"\n{title}")
    print(f"executed notebooks  {out / 'notebooks'}")
    print(f"figures             {out / 'figures'}")
    print(f"resource usage      {report}")
    if (out / "results.csv").is_file():
        print(f"results             {out / 'results.csv'}\n")
        with (out / "results.csv").open(encoding="utf-8") as file:
            print(markdown_table(list(csv.DictReader(file))))
    return out


def _workers(device: str) -> int:
    """Number of notebooks that run side by side by default."""
    import torch  # takes seconds

    if device in ("cuda", "mps") or (device == "auto" and torch.accelerator.is_available()):
        return 1
    return min(4, cores())


def _run_one(
    path: Path, target: Path, parameters: dict[str, Any], threads: int | None, show: bool
) -> Usage:
    """Executes one notebook and measures its resource usage."""
    started = time.monotonic()
    with PeakMemory(KERNEL) as memory:
        execute(path, target, parameters, show=show, threads=threads)
    return usage_of(target, time.monotonic() - started, memory.bytes)


def _one_by_one(
    targets: Mapping[Path, Path], parameters: dict[str, Any], progress: bool
) -> list[Usage]:
    """Executes notebooks in order; the progress bars of each are below that of the course."""
    usages = []
    bar = tqdm(targets.items(), desc="course", unit="notebook", disable=not progress)
    for path, target in bar:
        bar.set_description(f"course: {path.stem}")
        if progress:
            print(file=sys.stderr)
        usages.append(_run_one(path, target, parameters, None, progress))
    return usages


def _side_by_side(
    targets: Mapping[Path, Path], parameters: dict[str, Any], workers: int, progress: bool
) -> list[Usage]:
    """Trains and executes notebooks in several processes; returns usages in the order of `targets`.

    Each process has its share of the cores, unless the user has set OMP_NUM_THREADS. The minutes of a
    notebook include those of the trainings that it teaches.
    """
    chosen = "OMP_NUM_THREADS" in os.environ
    threads = None if chosen else max(1, cores() // workers)
    lessons = {number_of(path.stem): path for path in targets if path.parent != SOLUTIONS}
    before = waiting_for(list(lessons))
    # Solutions use the models of all lessons.
    solved = {
        f"solution {number_of(path.stem)}": path for path in targets if path.parent == SOLUTIONS
    }
    before |= {name: {*lessons} for name in solved}
    trainings = trainings_of(list(lessons))
    jobs = {name: (run_training, name, parameters, threads) for name in trainings}
    jobs |= {
        name: (_run_one, path, targets[path], parameters, threads, False)
        for name, path in (lessons | solved).items()
    }
    usages, minutes = {}, defaultdict(float)
    bar = tqdm(total=len(jobs), desc=f"course, {workers} at a time", disable=not progress)
    with bar:
        for name, result in run_side_by_side(jobs, before, workers):
            if name in trainings:
                minutes[trainings[name].lesson] += result
                line = f"{name}: {result:.1f} minutes"
            else:
                usages[name] = result
                line = f"{result.notebook}: {result.minutes:.1f} minutes"
            if progress:
                tqdm.write(line, file=sys.stderr)
            bar.update()
    return [
        usages[name]._replace(minutes=round(usages[name].minutes + minutes[name], 2))
        for name in jobs
        if name in usages
    ]
