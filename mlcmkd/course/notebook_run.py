"""Executes one notebook as a run: validated parameters, and all results in one run directory.

See `notebook_parameters` for the validation. A notebook without the parameter `work` is executed without
a work folder, and its run has no results of stages.

    RUN/notebook.ipynb     the executed notebook; up to the error if a cell failed
    RUN/config.json        notebook, hash of its cells, parameters
    RUN/provenance.json    commit, versions, hardware, minutes, hash of every data set
    RUN/work/              runs of the stages with weights, metrics and errors; figures
    RUN/result.json        the result of every stage run; written last
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from mlcmkd.course.execution import execute
from mlcmkd.course.notebook_parameters import parameter_values, read_notebook
from mlcmkd.course.project import NOTEBOOKS
from mlcmkd.course.series import number_of, numbered
from mlcmkd.training.run_directory import CONFIG, PROVENANCE, RESULT, Run, lock_run
from mlcmkd.utils.config import Config
from mlcmkd.utils.errors import InputError

EXECUTED = "notebook.ipynb"
WORK = "work"


class NotebookRun(Config):
    """What decides a run's outputs."""

    notebook: str = Field(description="Name of the notebook's file.")
    cells: str = Field(description="Hash of its cells.")
    parameters: dict[str, Any] = Field(
        description="Parameters by name, with defaults; without `work`, which each run has for itself."
    )

    @property
    def name(self) -> str:
        """Name of the run directory: notebook and hash of the config."""
        text = self.model_dump_json().encode()
        return f"{Path(self.notebook).stem}-{hashlib.sha256(text).hexdigest()[:8]}"


def run_notebook(
    notebook: Path | str,
    parameters: Mapping[str, Any],
    out: Path | None = None,
    *,
    show: bool = True,
) -> Path:
    """Executes a notebook in a run directory, and returns the directory.

    A completed run of the same notebook, cells and parameters is reused.

    Args:
        notebook: a file, or the number or name of a notebook of the course.
        parameters: by name; the others have the values of the parameters cell. `work` is a shared
            work folder; without it the work folder is in the run directory.
        out: the run directory; None for `runs/<notebook>-<hash>`.
        show: forward the progress bars of the notebook to the terminal.

    Raises:
        InputError: the notebook or a parameter is unknown, a value is invalid, `out` contains another
            run or is written by another command, or a cell failed.
    """
    path = find_notebook(notebook)
    config, values = validate_parameters(path, parameters)
    out = (out or Path("runs") / config.name).resolve()
    if (out / CONFIG).is_file():
        existing = json.loads((out / CONFIG).read_text(encoding="utf-8"))
        if existing != json.loads(config.model_dump_json()):
            raise InputError(f"{out}: contains another run; choose another folder")
        if (out / RESULT).is_file():
            return out
    with lock_run(out):
        run = Run(out, "notebook", config)
        if "work" in values:
            values["work"] = values["work"] or str(out / WORK)
        execute(path, out / EXECUTED, values, show=show)
        stage_runs = _stage_runs(values["work"]) if "work" in values else {}
        data = {name: _read(folder / PROVENANCE).get("data") for name, folder in stage_runs.items()}
        run.note(data=data)
        run.finish(**{name: _read(folder / RESULT) for name, folder in stage_runs.items()})
    return out


def find_notebook(notebook: Path | str) -> Path:
    """The file of a notebook.

    Args:
        notebook: a file, or the start of the name of a notebook of the course, such as "03".

    Raises:
        InputError: there is no such file, and not exactly one notebook of the course with this start.
    """
    path = Path(notebook)
    if path.is_file():
        return path.resolve()
    series = numbered() if NOTEBOOKS.is_dir() else []
    matches = [file for file in series if number_of(file.stem) == str(notebook)]
    matches = matches or [file for file in series if file.name.startswith(str(notebook))]
    if len(matches) != 1 or not str(notebook):
        names = ", ".join(file.stem for file in series)
        raise InputError(f"{notebook}: no such notebook; use a file, or one of {names}")
    return matches[0]


def validate_parameters(
    path: Path, parameters: Mapping[str, Any]
) -> tuple[NotebookRun, dict[str, Any]]:
    """Validates the parameters of a notebook.

    Returns:
        The run's config, and all parameter values, defaults included. `work` is the absolute path of a
        given folder, None if each run has its own, and missing if the notebook has no such parameter.

    Raises:
        InputError: not a notebook, a name is unknown (the message suggests the closest one), or a value
            has the wrong type or range.
    """
    cells = read_notebook(path).cells
    code = [cell for cell in cells if cell.cell_type == "code"]
    values = parameter_values(path.name, code, parameters)
    text = "\0".join(f"{cell.cell_type}\0{cell.source}" for cell in cells)
    others = {name: value for name, value in values.items() if name != "work"}
    config = NotebookRun(
        notebook=path.name,
        cells=hashlib.sha256(text.encode()).hexdigest()[:16],
        parameters=others,
    )
    if "work" not in values:
        return config, others
    shared = parameters.get("work")
    return config, {**others, "work": str(Path(shared).resolve()) if shared else None}


def _stage_runs(work: str) -> dict[str, Path]:
    """The completed runs in a work folder, by their path in it."""
    return {
        file.parent.relative_to(work).as_posix(): file.parent
        for file in sorted(Path(work).rglob(RESULT))
    }


def read_result(run: Path) -> dict[str, Any]:
    """The results of the stage runs of a run, by folder."""
    return _read(run / RESULT)


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
