"""The command line. `mlcmkd --help` lists the commands and imports none of them."""

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Annotated

import typer

from mlcmkd import __version__
from mlcmkd.cli.commands import COMMANDS, RESUMING, CommandGroup
from mlcmkd.utils.errors import InputError, first_line, system_problem

__all__ = ["COMMANDS", "app", "guarded", "main"]

app = typer.Typer(
    cls=CommandGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # importing rich takes longer than all else that --help does
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"mlcmkd {__version__}")
        raise typer.Exit


_Version = Annotated[
    bool,
    typer.Option(
        "--version", callback=_print_version, is_eager=True, help="Show the version and exit."
    ),
]


@app.callback()
def _describe(version: _Version = False) -> None:
    """Cross-modal knowledge distillation for facial landmarks in thermal images."""


def guarded(command: Callable[[], None]) -> None:
    """Runs the command line; what a user can correct becomes one line on stderr and exit code 2.

    That is an InputError, and an error of the system: a full disk, a folder that cannot be written, too
    little memory. Other errors are bugs and keep their traceback.
    """
    try:
        _make_printable()
        _check_encoding([*sys.argv[1:], os.getcwd()])
        command()
    except InputError as error:
        line = str(error)
    except OSError as error:
        line = f"{system_problem(error)}; {_again()}"
    except ValueError as error:  # UnicodeEncodeError, or pydantic's of the same text
        if "surrogates not allowed" not in str(error):
            raise
        line = f"{_name_in(error)}: a name that is not UTF-8 text; rename the file or folder"
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and type(error).__name__ != "OutOfMemoryError":
            raise  # the other one is torch's, of a GPU
        line = f"not enough memory ({first_line(error)}); use smaller batches; {_again()}"
    else:
        return
    with suppress(OSError):  # stderr may be a file on the full disk
        print(f"error: {line}", file=sys.stderr)
    raise SystemExit(2)


def _again() -> str:
    """What the same command does after an error of the system."""
    command = next((word for word in sys.argv[1:] if word in COMMANDS), None)
    if command in RESUMING:
        return "then the same command resumes"
    return "then give the same command again"


def _name_in(error: ValueError) -> str:
    """The argument that is not UTF-8, or else the part of the text that could not be encoded."""
    names = [word for word in sys.argv[1:] if not word.isprintable() and not word.isascii()]
    if isinstance(error, UnicodeEncodeError):
        names.append(error.object[max(0, error.start - 40) : error.end + 20])
    return names[0] if names else "a path"


def _make_printable() -> None:
    """Lets names of files be printed that are not text in the encoding of the terminal."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _check_encoding(names: list[str]) -> None:
    """Refuses names beyond ASCII where Python and the libraries would encode them differently."""
    encoding = sys.getfilesystemencoding()
    if encoding == "utf-8":
        return
    for name in names:
        if not name.isascii():
            shown = os.fsencode(name).decode("utf-8", "backslashreplace")
            raise InputError(
                f"{shown}: the encoding of the locale is {encoding}, which other programs read "
                "differently; set PYTHONUTF8=1 and give the same command again"
            )


def main() -> None:
    """Entry point of the `mlcmkd` command."""
    guarded(app)
