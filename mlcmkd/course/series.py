"""Executes the notebooks of the course in order, by papermill, in one shared work folder."""

import csv
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
import papermill
from papermill.exceptions import PapermillExecutionError
from tqdm.auto import tqdm

import mlcmkd
from mlcmkd.course.resource_usage import PeakMemory, usage_of, write_usage
from mlcmkd.course.scales import get_scale
from mlcmkd.course.tables import markdown_table
from mlcmkd.utils.errors import InputError

NOTEBOOKS = Path(mlcmkd.__file__).resolve().parents[1] / "notebooks"
SOLUTIONS = NOTEBOOKS / "solutions"  # of the exercises
RESULTS = NOTEBOOKS.parent / "results"  # stored tables of studies
_WIDGET = "application/vnd.jupyter.widget-view+json"
# tqdm.auto chooses between text and widget at its first import. Imported before IPython it chooses text,
# which papermill can forward to a terminal.
_KERNEL = "import tqdm.auto; from ipykernel.kernelapp import launch_new_instance as go; go()"


def numbered(folder: Path = NOTEBOOKS) -> list[Path]:
    """The numbered notebooks, in order.

    Raises:
        InputError: there are none, for example in an installation without the repository.
    """
    notebooks = sorted(folder.glob("[0-9][0-9]_*.ipynb"))
    if not notebooks:
        raise InputError(f"{folder}: no notebooks; run the course in a clone of the repository")
    return notebooks


@contextmanager
def this_interpreter() -> Iterator[None]:
    """Makes `python3` the name of a kernel of this interpreter, independent of installed kernels."""
    spec = {
        "argv": [sys.executable, "-c", _KERNEL, "-f", "{connection_file}", "--log-level=40"],
        "display_name": "Python 3",
        "language": "python",
    }
    before = os.environ.get("JUPYTER_PATH")
    with tempfile.TemporaryDirectory() as folder:
        kernel = Path(folder) / "kernels" / "python3"
        kernel.mkdir(parents=True)
        (kernel / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
        # JUPYTER_PATH is searched before the user's own kernels.
        os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, (folder, before)))
        try:
            yield
        finally:
            if before is None:
                del os.environ["JUPYTER_PATH"]
            else:
                os.environ["JUPYTER_PATH"] = before


def execute(source: Path, target: Path, parameters: dict[str, Any], *, show: bool = True) -> None:
    """Executes a notebook and writes it, cleaned, to `target`.

    Args:
        show: forward the progress bars of the notebook to the terminal.

    Raises:
        InputError: a cell failed; the message contains notebook, cell and error.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with this_interpreter():
            papermill.execute_notebook(
                source,
                target,
                parameters=parameters,
                kernel_name="python3",
                progress_bar=False,
                cwd=source.parent,
                stderr_file=sys.stderr if show else None,
            )
    except PapermillExecutionError as error:
        raise InputError(
            f"{source.name}, cell {error.exec_count}: {error.ename}: {error.evalue} "
            f"(partly executed notebook: {target})"
        ) from None
    nbformat.write(cleaned(nbformat.read(target, as_version=4)), target)


def cleaned(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Removes progress bars, timings and paths from a notebook."""
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:02d}"
        cell.metadata = {"tags": cell.metadata.tags} if cell.metadata.get("tags") else {}
        if cell.cell_type == "code":
            cell.outputs = [out for out in map(_without_widget, cell.outputs) if not _is_bar(out)]
    return notebook


def _without_widget(output: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """An output with a widget and a picture keeps only the picture, which needs no kernel."""
    if "image/png" in output.get("data", {}):
        output.data.pop(_WIDGET, None)
    return output


def _is_bar(output: nbformat.NotebookNode) -> bool:
    if output.output_type == "stream":
        return output.name == "stderr"
    return _WIDGET in output.get("data", {})


def run_course(
    out: Path | str,
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
        out: work folder of the course; also for `notebooks/`, `figures/`, `results.csv`, and
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
        InputError: the scale or a notebook is unknown, or a cell failed.
    """
    get_scale(scale)
    out = Path(out).resolve()
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
        with PeakMemory(_KERNEL) as memory:
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
