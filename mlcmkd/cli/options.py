"""Options that several commands share, so that each means the same everywhere."""

from pathlib import Path
from typing import Annotated

import typer

Out = Annotated[Path, typer.Option(help="Run directory to write.")]
# Options of a command that also takes a parameter file default to None: what was not typed must not
# overrule what the file says. The configs hold the defaults.
Data = Annotated[str | None, typer.Option(help="A manifest's folder, or 'synthetic' (default).")]
Seed = Annotated[
    int | None, typer.Option(help="Of weights, drawn pairs, shuffling and augmentation (0).")
]
Strategy = Annotated[
    str | None,
    typer.Option(help="none, fd, ld, fd+ld, fi, ri, dikd (default) or dikd+fd+ld."),
]
Steps = Annotated[int | None, typer.Option(help="Optimiser steps.")]
Precision = Annotated[str | None, typer.Option(help="32-true or bf16-mixed.")]
Params = Annotated[Path | None, typer.Option("--params", "-f", help="YAML file of config fields.")]
Sets = Annotated[
    list[str] | None, typer.Option("--set", help="Any config field, such as fit.batch=64.")
]

Workers = Annotated[int, typer.Option(min=1, help="Processes, one thread each.")]
Scheduler = Annotated[
    str | None, typer.Option(help="A dask scheduler to use instead, tcp://host:8786.")
]
Gpus = Annotated[
    int,
    typer.Option(
        min=0,
        help="Workers of one GPU each instead; with --scheduler, any number makes each run ask its "
        "worker for the resource GPU=1.",
    ),
]
Retries = Annotated[int, typer.Option(min=0, help="How often a run that failed is tried again.")]
DryRun = Annotated[bool, typer.Option(help="Only say what would be done, and how long that takes.")]

NormaliserName = Annotated[
    str | None, typer.Option(help="inter-ocular (default), inter-pupil or box.")
]
Threshold = Annotated[float | None, typer.Option(help="Of FR and AUC, a share (0.08).")]
