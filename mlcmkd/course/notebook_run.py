"""One notebook as an experiment: parameters checked before a kernel starts, everything in one folder.

Papermill runs a notebook on with a parameter that it does not have, and warns. Here the names come
from the notebook's parameters cell, the values are checked by the lesson that the notebook itself
calls `check_parameters` with, and both fail at once, with the nearest right name.

    RUN/notebook.ipynb     as executed, or as far as it came
    RUN/config.json        notebook, hash of its cells, parameters
    RUN/provenance.json    commit, versions, hardware, minutes, hash of every data set read
    RUN/work/              what the notebook makes: stage runs with weights, metrics and errors; figures
    RUN/result.json        the result of every stage run, the last file to be written
"""

import ast
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
from pydantic import Field

from mlcmkd.course import lesson
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
        """A name for the run's directory."""
        told = self.model_dump_json().encode()
        return f"{Path(self.notebook).stem}-{hashlib.sha256(told).hexdigest()[:8]}"


class _Parameters(NamedTuple):
    """A notebook's parameters cell: the values that stand there, and the model they are checked by."""

    defaults: dict[str, Any]
    kind: type[lesson.Lesson] | None


def run_notebook(
    notebook: Path | str,
    parameters: Mapping[str, Any],
    out: Path | None = None,
    *,
    show: bool = True,
) -> Path:
    """Runs a notebook into a run directory of its own, and returns the directory.

    A run of the same notebook, cells and parameters that stands there whole is not made again.

    Args:
        notebook: a file, or the number or name of one of the series.
        parameters: by name; the rest keep the values of the parameters cell. `work` may be given to
            share the series' folder; else everything goes into the run.
        out: the run directory; None for `runs/<notebook>-<hash>`.
        show: pass the notebook's progress bars on to the terminal.

    Raises:
        InputError: no such notebook, an unknown parameter, a value that it cannot have, another run
            in `out`, or a cell that failed.
    """
    path = find(notebook)
    config, values = checked(path, parameters)
    out = (out or Path("runs") / config.name).resolve()
    if (out / CONFIG).is_file():
        there = json.loads((out / CONFIG).read_text(encoding="utf-8"))
        if there != json.loads(config.model_dump_json()):
            raise InputError(f"{out}: holds another run; name another folder")
        if (out / RESULT).is_file():
            return out
    run = Run(out, "notebook", config)
    values.setdefault("work", str(out / WORK))
    execute(path, out / EXECUTED, values, show=show)
    made = {
        folder.parent.relative_to(values["work"]).as_posix(): folder.parent
        for folder in sorted(Path(values["work"]).rglob(RESULT))
    }
    run.note(data={name: _read(folder / PROVENANCE).get("data") for name, folder in made.items()})
    run.finish(**{name: _read(folder / RESULT) for name, folder in made.items()})
    return out


def find(notebook: Path | str) -> Path:
    """The file of a notebook.

    Raises:
        InputError: no such file, and none of the series begins so.
    """
    path = Path(notebook)
    if path.is_file():
        return path.resolve()
    series = numbered() if NOTEBOOKS.is_dir() else []
    known = [each for each in series if each.name.startswith(str(notebook))]
    if len(known) != 1 or not str(notebook):
        names = ", ".join(each.stem for each in series)
        raise InputError(f"{notebook}: no such notebook; give a file, or one of {names}")
    return known[0]


def checked(path: Path, parameters: Mapping[str, Any]) -> tuple[NotebookRun, dict[str, Any]]:
    """A notebook's config and its parameters, once every name and value is one that it takes.

    Raises:
        InputError: an unknown name, with the nearest right one, or a value of the wrong type or
            range.
    """
    cells = nbformat.read(path, as_version=4).cells
    defaults, kind = _parameters(path, [cell for cell in cells if cell.cell_type == "code"])
    for name in parameters:
        if name not in defaults:
            raise InputError(f"{path.name}: no parameter '{name}'{suggestion(name, defaults)}")
    values = {**defaults, **parameters}
    if kind is None:
        _check_types(path, defaults, parameters)
    else:
        lesson.check_parameters(dict(values), kind)  # as the notebook itself will
    told = "\0".join(f"{cell.cell_type}\0{cell.source}" for cell in cells)
    shared = parameters.get("work")
    values.pop("work", None)
    config = NotebookRun(
        notebook=path.name,
        cells=hashlib.sha256(told.encode()).hexdigest()[:16],
        parameters=values,
    )
    return config, {**values, **({"work": str(Path(shared).resolve())} if shared else {})}


def _parameters(path: Path, cells: list[Any]) -> _Parameters:
    """What the parameters cell says; the model is that of the call to `check_parameters`."""
    tagged = [cell for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    if not tagged:
        raise InputError(f"{path.name}: no cell is tagged 'parameters'; tag the first one")
    try:
        said = ast.parse(tagged[0].source)
        defaults = {
            line.targets[0].id: ast.literal_eval(line.value)
            for line in said.body
            if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name)
        }
    except (SyntaxError, ValueError) as error:
        raise InputError(
            f"{path.name}: its parameters cell is not names and values: {error}"
        ) from None
    return _Parameters(defaults, next(filter(None, map(_kind, cells)), None))


def _kind(cell: Any) -> type[lesson.Lesson] | None:
    """The lesson that a cell checks parameters by; None where it does not."""
    try:
        tree = ast.parse(cell.source)
    except SyntaxError:  # a cell with magics
        return None
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("check_parameters"):
            name = ast.unparse(call.args[1]).rpartition(".")[2] if len(call.args) > 1 else "Lesson"
            return getattr(lesson, name, None)
    return None


def _check_types(path: Path, defaults: dict[str, Any], parameters: Mapping[str, Any]) -> None:
    """Without a model: a value has to be of its default's type; a None says nothing."""
    for name, value in parameters.items():
        default = defaults[name]
        fits = default is None or type(value) is type(default)
        if not fits and not (isinstance(default, float) and type(value) is int):
            raise InputError(
                f"{path.name}: parameter {name}={value!r}: a {type(default).__name__} such as "
                f"{default!r} is expected"
            )


def read_result(run: Path) -> dict[str, Any]:
    """The results of a run's stage runs, by folder."""
    return _read(run / RESULT)


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
