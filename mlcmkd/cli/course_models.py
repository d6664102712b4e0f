"""The command that unpacks the course's trained models."""

from pathlib import Path
from typing import Annotated

import typer

from mlcmkd.utils.errors import InputError


def course_models(
    lesson: Annotated[
        str | None,
        typer.Argument(
            help="Lesson to start with, such as 06: only models that lessons before it train.  "
            "[default: all models]",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Work folder of the lessons.  [default: runs/course]")
    ] = None,
    archive: Annotated[
        Path | None,
        typer.Option(help="Another archive of models.  [default: the one beside the notebooks]"),
    ] = None,
) -> None:
    """Put the trained models of earlier lessons into the course's work folder.

    A lesson then trains only what it teaches itself. The models are those of scale laptop and seed 0.
    Runs in the folder are not replaced.
    """
    from mlcmkd.course.project import work_folder
    from mlcmkd.course.ready_models import ARCHIVE, unpack_models
    from mlcmkd.course.series import number_of, numbered

    before = None
    if lesson is not None:
        known = [number_of(path.name) for path in numbered()]
        before = number_of(lesson)
        if before not in known:
            raise InputError(f"lesson '{lesson}' is unknown; use one of {', '.join(known)}")
    work = work_folder(out, "laptop")
    written = unpack_models(archive or ARCHIVE, work, before)
    for name in written:
        typer.echo(f"{name}: written")
    if not written:
        typer.echo(f"{work}: nothing to write")
    if before is not None:
        typer.echo(f"Open lesson {before}: it reuses the models in {work} and trains only its own.")
