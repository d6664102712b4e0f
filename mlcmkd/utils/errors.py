"""Errors that a user can correct."""

import difflib
import errno
from collections.abc import Collection

_MOST_NAMES = 20  # an error lists the known names if there are at most this many
# Suggested fixes for errors of the operating system.
_FIXES = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some of your quota",
    errno.EFBIG: "raise the limit of a file's size (ulimit -f)",
    errno.EROFS: "name a folder that can be written",
    errno.EACCES: "change the permissions, or name another place",
    errno.EPERM: "change the permissions, or name another place",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.ENAMETOOLONG: "choose a shorter name",
}


class InputError(ValueError):
    """Input from outside (a file, a row, a parameter) that cannot be used.

    The command line prints it as one line without a traceback, so the message must be complete:
    location, problem, and a suggested fix.
    """


def suggestion(name: str, known: Collection[str]) -> str:
    """The end of a message on an unknown name: the nearest known name, or else all known names."""
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return f"; did you mean '{near[0]}'?"
    return f"; use one of {', '.join(known)}" if 0 < len(known) <= _MOST_NAMES else ""


def first_line(error: BaseException | str) -> str:
    """The first line of an error's text that is not empty; the error's type if it has no text."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def system_problem(error: OSError) -> str:
    """One line for an error of the operating system, such as a full disk: path, reason, fix."""
    place = error.filename if error.filename is not None else "a file or a connection"
    reason = error.strerror or first_line(error)
    return f"{place}: {reason}; {_FIXES.get(error.errno, 'correct this')}"
