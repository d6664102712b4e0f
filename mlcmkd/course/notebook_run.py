"""Executes one notebook as a run: validated parameters, and all results in one run directory.

Papermill only warns about an unknown parameter and continues. Here the names are those of the parameters
cell, and the values are validated by the lesson class that the notebook passes to `check_parameters`.
Both are checked before a kernel starts; the error message suggests the closest name.

    RUN/notebook.ipynb     the executed notebook; up to the error if a cell failed
    RUN/config.json        notebook, hash of its cells, parameters
    RUN/provenance.json    commit, versions, hardware, minutes, hash of every data set
    RUN/work/              runs of the stages with weights, metrics and errors; figures
    RUN/result.json        the result of every stage run; written last
"""

import ast
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
from pydantic import Field

from mlcmkd.course.lesson import LESSONS, Lesson, check_parameters
from mlcmkd.course.series import NOTEBOOKS, execute, numbered
from mlcmkd.training.run_directory import CONFIG, PROVENANCE, RESULT, Run
from mlcmkd.utils.config import Config
from mlcmkd.utils.errors import InputError, suggestion

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


class _Parameters(NamedTuple):
    """The parameters cell of a notebook: default values, and the lesson class that validates them."""

    defaults: dict[str, Any]
    lesson_class: type[Lesson] | None


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
            run, or a cell failed.
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
    run = Run(out, "notebook", config)
    values.setdefault("work", str(out / WORK))
    execute(path, out / EXECUTED, values, show=show)
    stage_runs = {
        folder.parent.relative_to(values["work"]).as_posix(): folder.parent
        for folder in sorted(Path(values["work"]).rglob(RESULT))
    }
    run.note(
        data={name: _read(folder / PROVENANCE).get("data") for name, folder in stage_runs.items()}
    )
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
    matches = [file for file in series if file.name.startswith(str(notebook))]
    if len(matches) != 1 or not str(notebook):
        names = ", ".join(file.stem for file in series)
        raise InputError(f"{notebook}: no such notebook; use a file, or one of {names}")
    return matches[0]


def validate_parameters(
    path: Path, parameters: Mapping[str, Any]
) -> tuple[NotebookRun, dict[str, Any]]:
    """Validates the parameters of a notebook.

    Returns:
        The run's config, and all parameter values, defaults included.

    Raises:
        InputError: a name is unknown (the message suggests the closest one), or a value has the wrong
            type or range.
    """
    cells = nbformat.read(path, as_version=4).cells
    defaults, lesson_class = _parameters(path, [cell for cell in cells if cell.cell_type == "code"])
    for name in parameters:
        if name not in defaults:
            raise InputError(f"{path.name}: no parameter '{name}'{suggestion(name, defaults)}")
    values = {**defaults, **parameters}
    if lesson_class is None:
        _check_types(path, defaults, parameters)
    else:
        check_parameters(dict(values), lesson_class)  # as in the notebook
    text = "\0".join(f"{cell.cell_type}\0{cell.source}" for cell in cells)
    shared = parameters.get("work")
    values.pop("work", None)
    config = NotebookRun(
        notebook=path.name,
        cells=hashlib.sha256(text.encode()).hexdigest()[:16],
        parameters=values,
    )
    return config, {**values, **({"work": str(Path(shared).resolve())} if shared else {})}


def _parameters(path: Path, cells: list[Any]) -> _Parameters:
    """Reads the parameters cell, and the lesson class from the call of `check_parameters`."""
    tagged = [cell for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    if not tagged:
        raise InputError(f"{path.name}: no cell has the tag 'parameters'; tag the first code cell")
    try:
        assignments = ast.parse(tagged[0].source)
        defaults = {
            line.targets[0].id: ast.literal_eval(line.value)
            for line in assignments.body
            if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name)
        }
    except (SyntaxError, ValueError) as error:
        raise InputError(
            f"{path.name}: the parameters cell may only assign literal values: {error}"
        ) from None
    return _Parameters(defaults, _lesson_class(path, cells))


def _lesson_class(path: Path, cells: list[Any]) -> type[Lesson] | None:
    """The lesson class that a notebook validates its parameters with; None without `check_parameters`.

    Raises:
        InputError: the class is not one of `mlcmkd.course`.
    """
    for cell in cells:
        name = _checked_class(cell.source)
        if name is None:
            continue
        if name not in LESSONS:
            raise InputError(
                f"{path.name}: check_parameters is called with '{name}', which is no lesson class of "
                f"mlcmkd.course; use one of {', '.join(LESSONS)}"
            )
        return LESSONS[name]
    return None


def _checked_class(source: str) -> str | None:
    """The name of the class in a call `check_parameters(globals(), CLASS)`; None without a call."""
    try:
        tree = ast.parse(source)
    except SyntaxError:  # a cell with magics
        return None
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("check_parameters"):
            classes = [*call.args[1:2], *(k.value for k in call.keywords if k.arg == "kind")]
            return ast.unparse(classes[0]).rpartition(".")[2] if classes else Lesson.__name__
    return None


def _check_types(path: Path, defaults: dict[str, Any], parameters: Mapping[str, Any]) -> None:
    """Without a lesson class: a value needs the type of its default, unless the default is None."""
    for name, value in parameters.items():
        default = defaults[name]
        matches = default is None or type(value) is type(default)
        if not matches and not (isinstance(default, float) and type(value) is int):
            raise InputError(
                f"{path.name}: parameter {name}={value!r}: a {type(default).__name__} such as "
                f"{default!r} is expected"
            )


def read_result(run: Path) -> dict[str, Any]:
    """The results of the stage runs of a run, by folder."""
    return _read(run / RESULT)


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
