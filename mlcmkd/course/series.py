"""Executes the notebooks of the course in order, by papermill, in one shared work folder."""

import csv
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from mlcmkd.course.execution import KERNEL, execute
from mlcmkd.course.project import NOTEBOOKS, SOLUTIONS, check_scale, default_work
from mlcmkd.course.resource_usage import PeakMemory, usage_of, write_usage
from mlcmkd.course.scales import get_scale
from mlcmkd.course.tables import markdown_table
from mlcmkd.utils.errors import InputError
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
    progress: bool = True,
) -> Path:
    """Executes the numbered notebooks in order and prints where the results are.

    Args:
        out: work folder of the course; None for `runs/course`, at other scales than "laptop"
            `runs/course-SCALE`. Also for `notebooks/`, `figures/`, `results.csv`, and
            `report.md` and `report.csv` with the resource usage of each notebook.
        scale: "smoke", "laptop" or "gpu".
        notebooks: only those whose names start with one of these, such as "02"; None for all.
        device: "auto", "cpu", "cuda" or "mps".
        seed: of every run.
        solutions: execute the solutions of the exercises as well, after the lessons.
        progress: show progress bars.

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
    usages = []
    started = time.monotonic()
    bar = tqdm(targets.items(), desc="course", unit="notebook", disable=not progress)
    for path, target in bar:
        bar.set_description(f"course: {path.stem}")
        if progress:
            print(file=sys.stderr)  # the progress bars of the notebook are below this one
        notebook_started = time.monotonic()
        parameters = {"scale": scale, "device": device, "work": str(out), "seed": seed}
        with PeakMemory(KERNEL) as memory:
            execute(path, target, parameters, show=progress)
        usages.append(usage_of(target, time.monotonic() - notebook_started, memory.bytes))
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
