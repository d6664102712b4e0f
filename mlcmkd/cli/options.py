"""Options that several commands share, so that each has the same meaning everywhere."""

from pathlib import Path
from typing import Annotated

import typer

Params = Annotated[
    Path | None,
    typer.Option("--params", "-f", metavar="FILE", help="YAML file of the config's fields."),
]
Sets = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Any field of the config, such as data.pairs=500; repeatable.",
    ),
]

# Fields of a config that are options of every command that trains one network.
TRAINING_FIELDS = ("seed", "fit.steps", "fit.precision", "augmentation.agc")

Workers = Annotated[int, typer.Option(min=1, help="Processes, with one thread each.")]
Scheduler = Annotated[
    str | None, typer.Option(help="A dask scheduler to use instead, such as tcp://host:8786.")
]
Gpus = Annotated[
    int,
    typer.Option(
        min=0,
        help="Number of workers with one GPU each, instead of --workers; with --scheduler, any "
        "number makes each run request the resource GPU=1.",
    ),
]
Retries = Annotated[int, typer.Option(min=0, help="How often a failed run is repeated.")]
DryRun = Annotated[
    bool, typer.Option(help="Only print what would be run, and how long it would take.")
]
