"""Errors that a user can correct."""

import difflib
from collections.abc import Collection

_MOST_NAMES = 20  # an error lists the known names if there are at most so many


class InputError(ValueError):
    """Input from outside (a file, a row, a parameter) that cannot be used.

    The command line prints it as one line without a traceback, so the message must stand alone:
    where, what is wrong, and a suggested fix.
    """


def suggestion(name: str, known: Collection[str]) -> str:
    """The end of a message on an unknown name: the nearest known name, or else all known names."""
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return f"; did you mean '{near[0]}'?"
    return f"; use one of {', '.join(known)}" if 0 < len(known) <= _MOST_NAMES else ""
