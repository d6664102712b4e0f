"""Commands that run studies and notebooks, and report their runs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlcmkd.cli.configs import config_of, read_params
from mlcmkd.cli.options import DryRun, Gpus, Retries, Scheduler, Sets, Workers
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.yaml_files import parse_yaml

if TYPE_CHECKING:
    from mlcmkd.studies.study import Study


def _run(
    study: "Study", workers: int, scheduler: str | None, gpus: int, retries: int, dry_run: bool
) -> None:
    """Runs a study and reports where its table is; ends with 1 if a run failed."""
    from mlcmkd.studies.cluster import Cluster
    from mlcmkd.studies.runner import run_study

    cluster = Cluster(workers, scheduler, gpus, retries)
    failed = run_study(study, cluster, dry_run=dry_run, say=typer.echo)
    typer.echo(f"the table: {study.table}")
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
    """Run all runs of a parameter file that its table lacks.

    If the file names a notebook, each run executes it, like `mlcmkd run`.
    """
    from mlcmkd.course.notebook_study import NotebookStudy, NotebookStudyConfig
    from mlcmkd.studies.ktl.plan import SweepConfig
    from mlcmkd.studies.ktl.run import KTLStudy

    study: Study
    if "notebook" in read_params(params):
        study = NotebookStudy(config_of(NotebookStudyConfig, params, sets))
    else:
        study = KTLStudy(config_of(SweepConfig, params, sets))
    _run(study, workers, scheduler, gpus, retries, dry_run)


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
            help="Only measure the latency of all networks of the table again, side by side; on an "
            "idle machine.",
        ),
    ] = False,
) -> None:
    """Train light students by several methods, and measure their cost.

    Completed runs are reused.
    """
    from mlcmkd.studies.students.config import StudentsConfig
    from mlcmkd.studies.students.run import StudentsStudy
    from mlcmkd.studies.students.speed import retime_table

    config = config_of(StudentsConfig, params, sets)
    if time and dry_run:
        raise InputError("--dry-run: --time measures and writes; give one of the two")
    if time:
        retime_table(config, say=typer.echo)
        return
    _run(StudentsStudy(config), workers, scheduler, gpus, retries, dry_run)


def levels(
    params: Annotated[Path, typer.Argument(help="Parameter file, see experiments/levels.yaml.")],
    sets: Sets = None,
    workers: Workers = 1,
    scheduler: Scheduler = None,
    gpus: Gpus = 0,
    retries: Retries = 1,
    dry_run: DryRun = False,
) -> None:
    """Compare two levels with one step at equal training time.

    Completed runs are reused. A student without a teacher is the control.
    """
    from mlcmkd.studies.levels.plan import LevelsConfig
    from mlcmkd.studies.levels.run import LevelsStudy

    study = LevelsStudy(config_of(LevelsConfig, params, sets))
    _run(study, workers, scheduler, gpus, retries, dry_run)


def run(
    context: typer.Context,
    notebook: Annotated[
        str, typer.Argument(help="A file, or a notebook of the course, such as 03.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="Run directory; runs/NOTEBOOK-HASH without one.")
    ] = None,
    params: Annotated[
        Path | None, typer.Option("--params", "-f", help="YAML file of names and values.")
    ] = None,
) -> None:
    """Run one notebook with parameters.

    mlcmkd run NOTEBOOK -p NAME VALUE -p NAME VALUE ... -f PARAMS
    """
    from mlcmkd.course import run_notebook

    given = read_params(params)
    typed: dict[str, Any] = {}
    words = list(context.args)
    while words:
        if words[0] not in ("-p", "--parameter") or len(words) < 3:
            raise InputError(f"'{words[0]}': expected -p NAME VALUE")
        name, value, *words = words[1:]
        if name in typed:
            raise InputError(f"-p {name} {value}: '{name}' is given twice; keep one")
        typed[name] = parse_yaml(value, f"-p {name}")
    typer.echo(f"the run: {run_notebook(notebook, {**given, **typed}, out)}")


def course(
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder of notebooks, figures and runs.  [default: runs/course; at another scale "
            "runs/course-SCALE]"
        ),
    ] = None,
    scale: Annotated[
        str, typer.Option(metavar="[smoke|laptop|gpu]", help="How much is computed.")
    ] = "laptop",
    solutions: Annotated[
        bool, typer.Option("--solutions", help="Run the solutions of the exercises as well.")
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Notebooks that run side by side.  [default: one per core, at most 4; 1 with a GPU]",
        ),
    ] = None,
) -> None:
    """Run every numbered notebook on the synthetic faces."""
    from mlcmkd.course import run_course
    from mlcmkd.training.run_directory import lock_run

    with lock_run(out):
        run_course(out, scale, solutions=solutions, workers=workers)


def report(
    runs: Annotated[
        list[Path], typer.Argument(help="Run directories, or folders that contain some.")
    ],
    out: Annotated[Path, typer.Option(help="Folder of the report.")] = Path("report"),
    against: Annotated[
        str | None, typer.Option(help="Compare with the configuration whose name contains this.")
    ] = None,
    tensorboard: Annotated[
        Path | None,
        typer.Option(help="Also write the logs as TensorBoard events into this folder."),
    ] = None,
) -> None:
    """Write a table and figures of many runs.

    The report is Markdown, HTML and CSV, and lists failed runs.
    """
    from mlcmkd.studies.report import to_tensorboard, write_report

    typer.echo(write_report(runs, out, against))
    if tensorboard is not None:
        to_tensorboard(runs, tensorboard)
