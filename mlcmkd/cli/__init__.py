"""The command line. `mlcmkd --help` lists the commands and imports none of them."""

import sys
from collections.abc import Callable

import typer

from mlcmkd.cli.commands import COMMANDS, CommandGroup
from mlcmkd.utils.errors import InputError

__all__ = ["COMMANDS", "app", "guarded", "main"]

app = typer.Typer(
    cls=CommandGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # importing rich takes longer than all else that --help does
)


@app.callback()
def _describe() -> None:
    """Cross-modal knowledge distillation for facial landmarks in thermal images."""


def guarded(command: Callable[[], None]) -> None:
    """Runs the command line; an InputError becomes one line on stderr and exit code 2."""
    try:
        command()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None


def main() -> None:
    """Entry point of the `mlcmkd` command."""
    guarded(app)
