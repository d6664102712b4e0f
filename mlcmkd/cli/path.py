"""The command that runs the whole path: train, transfer, compress, and the scores of all models."""

import typer

from mlcmkd.cli.config_command import config_command
from mlcmkd.studies.path import TABLE, PathConfig, as_table, run_path


@config_command("out", "data.source", "zero_shot", "seed")
def path(config: PathConfig) -> None:
    """Run train, transfer and compress, and score all models.

    Completed runs are reused. The scores are printed as one table.
    """
    typer.echo(as_table(run_path(config)))
    typer.echo(f"the table: {config.out / TABLE}")
