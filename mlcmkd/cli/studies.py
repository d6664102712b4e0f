"""Commands that make many runs, or whole notebooks, and tell of them."""

from pathlib import Path
from typing import Annotated

import typer

from mlcmkd.cli.configs import config_of, read_params, value_of
from mlcmkd.cli.options import DryRun, Gpus, Retries, Scheduler, Sets, Workers
from mlcmkd.utils.errors import InputError


def _end(table: Path, failed: list[str]) -> None:
    """Says where the table is; ends with 1 where a run is missing from it."""
    typer.echo(f"the table: {table}")
    if failed:
        typer.echo(f"{len(failed)} runs failed; give the command again to try them again", err=True)
        raise typer.Exit(1)


def sweep(
    params: Annotated[Path, typer.Argument(help="Parameter file of a sweep, see experiments/.")],
    sets: Sets = None,
    workers: Workers = 1,
    scheduler: Scheduler = None,
    gpus: Gpus = 0,
    retries: Retries = 1,
    dry_run: DryRun = False,
) -> None:
    """Make all runs of a parameter file that its table does not hold yet.

    A file that names a notebook runs that notebook, each run like `mlcmkd run`.
    """
    from mlcmkd.course.notebook_sweep import NotebookSweep, run_notebook_sweep
    from mlcmkd.studies.cluster import Cluster
    from mlcmkd.studies.ktl import SweepConfig
    from mlcmkd.studies.ktl import sweep as run_sweep

    cluster = Cluster(workers, scheduler, gpus, retries)
    if "notebook" in read_params(params):
        config = config_of(NotebookSweep, params, sets)
        failed = run_notebook_sweep(config, cluster, dry_run=dry_run, say=typer.echo)
    else:
        config = config_of(SweepConfig, params, sets)
        failed = run_sweep(config, cluster, dry_run=dry_run, say=typer.echo)
    _end(config.table, failed)


def students(
    params: Annotated[Path, typer.Argument(help="Parameter file, see experiments/students.yaml.")],
    sets: Sets = None,
    workers: Workers = 1,
    scheduler: Scheduler = None,
    gpus: Gpus = 0,
    retries: Retries = 1,
    dry_run: DryRun = False,
    time: Annotated[
        bool,
        typer.Option(
            "--time",
            help="Only measure all networks' ms a face anew, side by side, on a quiet machine.",
        ),
    ] = False,
) -> None:
    """Light students of many methods and what they cost: all that the table does not hold yet."""
    from mlcmkd.studies.cluster import Cluster
    from mlcmkd.studies.students.plan import StudentsConfig
    from mlcmkd.studies.students.run import run_students
    from mlcmkd.studies.students.speed import time_again

    config = config_of(StudentsConfig, params, sets)
    if time and dry_run:
        raise InputError("--dry-run: --time measures and writes; give one of the two")
    if time:
        time_again(config, say=typer.echo)
        return
    cluster = Cluster(workers, scheduler, gpus, retries)
    failed = run_students(config, cluster, dry_run=dry_run, say=typer.echo)
    _end(config.table, failed)


def levels(
    params: Annotated[Path, typer.Argument(help="Parameter file, see experiments/levels.yaml.")],
    sets: Sets = None,
) -> None:
    """Two levels, one step and no teacher at equal training time: all runs not yet in the table."""
    from mlcmkd.studies.levels import LevelsConfig, run_levels

    table = run_levels(config_of(LevelsConfig, params, sets), say=typer.echo)
    typer.echo(f"the table: {table}")


def run(
    context: typer.Context,
    notebook: Annotated[str, typer.Argument(help="A file, or one of the series, such as 03.")],
    out: Annotated[
        Path | None, typer.Option(help="Run directory; runs/NOTEBOOK-HASH without one.")
    ] = None,
    params: Annotated[
        Path | None, typer.Option("--params", "-f", help="YAML file of names and values.")
    ] = None,
) -> None:
    """Run one notebook strictly: mlcmkd run NOTEBOOK -p NAME VALUE -p NAME VALUE ... -f PARAMS."""
    from mlcmkd.course import run_notebook

    given = read_params(params)
    words = list(context.args)
    while words:
        if words[0] not in ("-p", "--parameter") or len(words) < 3:
            raise InputError(f"'{words[0]}': expected -p NAME VALUE")
        given[words[1]] = value_of(f"-p {words[1]}", words[2])
        words = words[3:]
    typer.echo(f"the run: {run_notebook(notebook, given, out)}")


def course(
    out: Annotated[Path, typer.Option(help="Where notebooks, figures and runs go.")] = Path(
        "runs/course"
    ),
    scale: Annotated[str, typer.Option(help="smoke, laptop or gpu.")] = "laptop",
    solutions: Annotated[
        bool, typer.Option("--solutions", help="Run the solutions of the exercises as well.")
    ] = False,
) -> None:
    """Run every numbered notebook end to end on the embedded faces."""
    from mlcmkd.course import run_course

    run_course(out, scale, solutions=solutions)


def report(
    runs: Annotated[list[Path], typer.Argument(help="Run directories, or folders that hold some.")],
    out: Annotated[Path, typer.Option(help="Where the report goes.")] = Path("report"),
    against: Annotated[
        str | None, typer.Option(help="Compare with the configuration whose name holds this.")
    ] = None,
    tensorboard: Annotated[
        Path | None,
        typer.Option(help="Also write the logs as TensorBoard events into this folder."),
    ] = None,
) -> None:
    """One table and figures of many runs, as Markdown, HTML and CSV; runs that failed are named."""
    from mlcmkd.studies.report import to_tensorboard, write_report

    typer.echo(write_report(runs, out, against))
    if tensorboard is not None:
        to_tensorboard(runs, tensorboard)
