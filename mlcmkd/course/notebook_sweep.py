"""One notebook with many parameters: each run strict, on its own, and a row in one tidy table.

    notebook: 03_ktl_dikd
    table: results/notebook_03.csv
    out: runs/notebook_03
    parameters: {scale: laptop, labelled: 100}             # all runs share these
    grids:
      - name: strategies
        vary: {seed: [0, 1, 2], strategy: [fd+ld, dikd], decay: [constant, cosine]}
        leave_out: [{strategy: fd+ld, decay: constant}]    # combinations that say nothing
    quote:                                                 # columns: STAGE RUN / FIELD of its result
      nme: student-{strategy}_*/nme_percent

A run is the very run that `mlcmkd run NOTEBOOK -p NAME VALUE ...` makes, in a directory of the same
name, and plain papermill gives the same results with the same parameters.
"""

from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from mlcmkd.course.notebook_run import NotebookRun, checked, find, read_result, run_notebook
from mlcmkd.studies.cluster import Cluster
from mlcmkd.studies.fill import fill, missing
from mlcmkd.utils.errors import InputError


class _Config(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NotebookGrid(_Config):
    """All combinations of what is listed.

    Attributes:
        name: of the setting, for the eye.
        vary: parameter -> values. Seeds are outermost, so that a table cut short is balanced.
        leave_out: combinations that are not run: all that agree with one of these in every parameter
            that it names.
    """

    name: str
    vary: dict[str, list[Any]] = Field(min_length=1)
    leave_out: list[dict[str, Any]] = []

    def combinations(self) -> Iterator[dict[str, Any]]:
        """In order."""
        names = sorted(self.vary, key=lambda name: name != "seed")
        for values in product(*(self.vary[name] for name in names)):
            chosen = dict(zip(names, values, strict=True))
            if not any(without.items() <= chosen.items() for without in self.leave_out):
                yield {name: chosen[name] for name in self.vary}


class NotebookSweep(_Config):
    """A whole sweep over one notebook.

    Attributes:
        notebook: a file, or the number or name of one of the series.
        table: the CSV that rows are added to.
        out: folder of the runs.
        parameters: what all runs share.
        share: let runs share the stage runs that they have in common, such as the teacher; the first
            that needs one makes it, and the others wait. Else each run makes its own.
        grids: what is run, in this order.
        quote: further columns of the table: "FOLDER/FIELD" of the stage runs' results. FOLDER may have
            `*`, and `{parameter}` stands for a value as folders are named by it.
    """

    notebook: str
    table: Path
    out: Path
    parameters: dict[str, Any] = {}
    share: bool = False
    grids: list[NotebookGrid] = Field(min_length=1)
    quote: dict[str, str] = {}

    @property
    def varied(self) -> tuple[str, ...]:
        """The parameters that tell runs apart."""
        return tuple(dict.fromkeys(name for grid in self.grids for name in grid.vary))

    @property
    def columns(self) -> tuple[str, ...]:
        """Of the table."""
        return ("notebook", *self.varied, *self.quote, "run")


class Planned(NamedTuple):
    """One run: the notebook's file, its parameters, the strict run's config, its directory."""

    notebook: Path
    parameters: dict[str, Any]
    config: NotebookRun
    out: Path

    @property
    def run(self) -> str:
        """Hash of what decides its outputs, with the notebook's name."""
        return self.config.name

    @property
    def told(self) -> str:
        """What to call it in a line of text."""
        return " ".join(f"{name}={value}" for name, value in self.parameters.items())


def plan(sweep: NotebookSweep) -> Iterator[Planned]:
    """The sweep's runs, in order; the same run in two grids is made once.

    Raises:
        InputError: a name or a value that the notebook does not take, or one that is the sweep's own.
    """
    notebook = find(sweep.notebook)
    seen: set[str] = set()
    for grid in sweep.grids:
        for chosen in grid.combinations():
            parameters = {**sweep.parameters, **chosen}
            if "work" in parameters:
                raise InputError(
                    f"grid '{grid.name}': work is the sweep's to say; use share: true for one folder"
                )
            config, _ = checked(notebook, parameters)
            if config.name not in seen:
                seen.add(config.name)
                if sweep.share:
                    parameters["work"] = str((sweep.out / "shared").resolve())
                yield Planned(notebook, parameters, config, (sweep.out / config.name).resolve())


def make(planned: Planned, quote: dict[str, str]) -> dict[str, Any]:
    """Makes one run; what its row quotes of the results of its stage runs. Runs in a worker."""
    made = run_notebook(planned.notebook, planned.parameters, planned.out, show=False)
    results, values = read_result(made), planned.config.parameters
    return {name: quoted(pattern, results, values) for name, pattern in quote.items()}


def quoted(pattern: str, results: dict[str, Any], parameters: dict[str, Any]) -> Any:
    """One figure out of the results of a run's stages.

    Raises:
        InputError: no folder, or several, or none with such a field.
    """
    folder, _, field = pattern.rpartition("/")
    named = {name: str(value).replace("+", "-") for name, value in parameters.items()}
    try:
        wanted = folder.format(**named)
    except (KeyError, IndexError):
        raise InputError(f"quote '{pattern}': the notebook has no such parameter") from None
    found = [name for name in results if fnmatch(name, wanted)]
    if len(found) != 1 or field not in results[found[0]]:
        raise InputError(
            f"quote '{pattern}': needs one run with this field, found {', '.join(found) or 'none'} "
            f"among {', '.join(results) or 'no stage runs'}"
        )
    return results[found[0]][field]


def run_notebook_sweep(
    config: NotebookSweep,
    cluster: Cluster | None = None,
    *,
    dry_run: bool = False,
    say: Callable[[str], None] = print,
) -> list[str]:
    """Makes the runs whose rows are not in the table yet, and adds theirs.

    Args:
        config: what to run.
        cluster: where; one process of this machine by default, whose kernels run one at a time.
        dry_run: only say what would be done, and how long that takes by what earlier runs took.
        say: where lines of text go.

    Returns:
        A line a failed run, empty when all went well. A failure does not stop the others.

    Raises:
        InputError: a parameter that the notebook does not take, or the table has other columns.
    """
    cluster = cluster or Cluster()
    what = f"runs of {config.notebook}"
    left = missing(plan(config), config.table, config.columns, cluster=cluster, what=what, say=say)
    if dry_run or not left:
        return []
    work, row_of = partial(make, quote=config.quote), partial(_row, config)
    return fill(config.table, config.columns, left, work, row_of, cluster=cluster, say=say)


def _row(sweep: NotebookSweep, planned: Planned, found: dict[str, Any]) -> dict[str, Any]:
    values = planned.config.parameters
    told = {name: values[name] for name in sweep.varied}
    return {"notebook": planned.notebook.stem, **told, **found, "run": planned.run}
