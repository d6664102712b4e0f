"""Errors a user can mend: each names the file or field, what is wrong, and what to do."""

from pydantic import ValidationError


class InputError(ValueError):
    """Input from outside (a file, a row, a parameter) that cannot be used.

    The command line prints it as one line, without a traceback; the message therefore has to
    stand alone: where, what, mend.
    """


def first_wrong(error: ValidationError, whole: str = "") -> str:
    """The first field that a config does not take, and why: "fit.steps: Input should be ...".

    Args:
        error: pydantic's.
        whole: stands for the field where the config is wrong as a whole.
    """
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc'])) or whole}: {first['msg']}"
