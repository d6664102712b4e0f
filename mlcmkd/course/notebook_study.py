"""A study of one notebook: strict runs with many parameters, and a table with a row for each run.

    notebook: 03_ktl_dikd
    table: results/notebook_03.csv
    out: runs/notebook_03
    parameters: {scale: laptop, labelled: 100}             # shared by all runs
    grids:
      - name: strategies
        vary: {seed: [0, 1, 2], strategy: [fd+ld, dikd], decay: [constant, cosine]}
        leave_out: [{strategy: fd+ld, decay: constant}]    # combinations that are not run
    quote:                                                 # columns: STAGE RUN / FIELD of its result
      nme: student-{strategy}_*_s{seed}/nme_percent

Each run is the one that `mlcmkd run NOTEBOOK -p NAME VALUE ...` makes, in a directory of the same
name. Plain papermill gives the same results with the same parameters.
"""

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import Field

from mlcmkd.course.notebook_run import (
    NotebookRun,
    find_notebook,
    read_result,
    run_notebook,
    validate_parameters,
)
from mlcmkd.studies.config import GridConfig, StudyConfig
from mlcmkd.studies.study import Row, Study, without_repeats
from mlcmkd.utils.errors import InputError


class NotebookGrid(GridConfig):
    """All combinations of the listed values of parameters.

    Attributes:
        vary: parameter -> values. Seeds are outermost: an interrupted table is still balanced.
    """

    vary: dict[str, list[Any]] = Field(min_length=1)

    def combinations(self) -> Iterator[dict[str, Any]]:
        """In order."""
        return self.product_of(self.vary)


class NotebookStudyConfig(StudyConfig):
    """Parameter file of a study of one notebook.

    Attributes:
        notebook: a file, or the number or name of a notebook of the course.
        parameters: shared by all runs.
        share: let runs share the stage runs that they have in common, such as the teacher; the first
            that needs one makes it, and the others wait. Otherwise each run makes its own.
        grids: what is run, in this order.
        quote: further columns of the table: "FOLDER/FIELD" of the stage runs' results. FOLDER may have
            `*`; `{parameter}` is replaced by the value as it is written in names of folders. With
            `share`, a FOLDER with `*` has to name every parameter that differs between runs: the
            folders of all runs are side by side.
    """

    notebook: str
    parameters: dict[str, Any] = {}
    share: bool = False
    grids: list[NotebookGrid] = Field(min_length=1)
    quote: dict[str, str] = {}

    @property
    def varied(self) -> tuple[str, ...]:
        """The parameters that differ between runs."""
        return tuple(dict.fromkeys(name for grid in self.grids for name in grid.vary))

    @property
    def columns(self) -> tuple[str, ...]:
        """Of the table."""
        return ("notebook", *self.varied, *self.quote, "run")


class PlannedNotebook(NamedTuple):
    """One run: the notebook's file, its parameters, the strict run's config, its directory."""

    notebook: Path
    parameters: dict[str, Any]
    config: NotebookRun
    out: Path

    @property
    def run(self) -> str:
        """Hash of everything that decides its outputs, with the notebook's name."""
        return self.config.name

    @property
    def label(self) -> str:
        """Its name in messages."""
        return " ".join(f"{name}={value}" for name, value in self.parameters.items())


def plan(config: NotebookStudyConfig) -> Iterator[PlannedNotebook]:
    """The runs, in order.

    Raises:
        InputError: a name or a value that the notebook does not have, one that the study sets, or a
            quote that does not distinguish the runs.
    """
    planned = list(without_repeats(p for grid in config.grids for p in _plan_grid(config, grid)))
    if config.share:
        for name, pattern in config.quote.items():
            _check_quote(name, pattern, planned)
    return iter(planned)


def _check_quote(name: str, pattern: str, planned: Sequence["PlannedNotebook"]) -> None:
    """Refuses a pattern that would match the folders of several runs in a shared work folder."""
    if not any(mark in pattern for mark in "*?["):
        return
    first: dict[str, dict[str, Any]] = {}
    for values in (each.config.parameters for each in planned):
        folder = _folder(pattern, values)
        other = first.setdefault(folder, values)
        for parameter, value in values.items():
            if value != other[parameter]:
                raise InputError(
                    f"quote '{name}': '{folder}' is the same folder for {parameter}="
                    f"{other[parameter]} and {parameter}={value}, which share a work folder; add "
                    f"{{{parameter}}} to '{pattern}', or write the name without *"
                )


def _plan_grid(config: NotebookStudyConfig, grid: NotebookGrid) -> Iterator[PlannedNotebook]:
    notebook = find_notebook(config.notebook)
    for chosen in grid.combinations():
        parameters = {**config.parameters, **chosen}
        if "work" in parameters:
            raise InputError(
                f"grid '{grid.name}': work is set by the study; use share: true for one folder"
            )
        if config.share:
            parameters["work"] = str((config.out / "shared").resolve())
        run, _ = validate_parameters(notebook, parameters)
        yield PlannedNotebook(notebook, parameters, run, (config.out / run.name).resolve())


def quoted(pattern: str, results: dict[str, Any], parameters: dict[str, Any]) -> Any:
    """A field of the result of one of a run's stage runs.

    Args:
        pattern: "FOLDER/FIELD", see NotebookStudyConfig.
        results: by folder.
        parameters: of the run.

    Raises:
        InputError: no folder, or several, or no such field.
    """
    field = pattern.rpartition("/")[2]
    wanted = _folder(pattern, parameters)
    matches = [name for name in results if fnmatch(name, wanted)]
    if len(matches) != 1 or field not in results[matches[0]]:
        raise InputError(
            f"quote '{pattern}': needs one run with this field, found "
            f"{', '.join(matches) or 'none'} among {', '.join(results) or 'no stage runs'}"
        )
    return results[matches[0]][field]


def _folder(pattern: str, parameters: dict[str, Any]) -> str:
    """The folder of a quote, with the values of a run's parameters."""
    texts = {name: str(value).replace("+", "-") for name, value in parameters.items()}
    try:
        return pattern.rpartition("/")[0].format(**texts)
    except (LookupError, ValueError):
        raise InputError(f"quote '{pattern}': the notebook has no such parameter") from None


class NotebookStudy(Study[PlannedNotebook]):
    """Runs of one notebook as a study; nothing has to exist before the first run."""

    def __init__(self, config: NotebookStudyConfig) -> None:
        super().__init__(config.table, config.columns)
        self.config = config
        self.units = f"runs of {config.notebook}"

    def plan(self) -> Iterable[PlannedNotebook]:
        return plan(self.config)

    def make(self, planned: PlannedNotebook) -> Row:
        """Runs the notebook; the fields of its result that the table quotes."""
        run = run_notebook(planned.notebook, planned.parameters, planned.out, show=False)
        results, values = read_result(run), planned.config.parameters
        return {
            name: quoted(pattern, results, values) for name, pattern in self.config.quote.items()
        }

    def row(self, planned: PlannedNotebook, result: Row) -> Row:
        values = {name: planned.config.parameters[name] for name in self.config.varied}
        return {"notebook": planned.notebook.stem, **values, **result, "run": planned.run}
