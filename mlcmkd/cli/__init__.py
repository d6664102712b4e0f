"""The command line: every stage of the path, one command each."""

import sys
from collections.abc import Callable

import typer

from mlcmkd.cli import data, scoring, training
from mlcmkd.cli import deployment as using
from mlcmkd.cli import studies as many
from mlcmkd.utils.errors import InputError

app = typer.Typer(
    help="Cross-modal knowledge distillation for facial landmarks in thermal images.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
COMMANDS = {  # as `mlcmkd --help` lists them
    "Data": (data.prepare, data.formats, data.pair),
    "Training": (
        training.train,
        training.transfer,
        training.compress,
        training.tolerant,
        training.kd_loss,
        training.path,
    ),
    "Scores": (scoring.evaluate, scoring.score, scoring.attribute),
    "Use": (using.export, using.predict),
    "Many runs": (many.sweep, many.students, many.levels, many.run, many.course, many.report),
}
# Papermill's own way, `-p name value`, which is no kind of option that typer knows.
SETTINGS = {many.run: {"allow_extra_args": True, "ignore_unknown_options": True}}

for panel, commands in COMMANDS.items():
    for command in commands:
        app.command(rich_help_panel=panel, context_settings=SETTINGS.get(command))(command)


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
