"""Errors a user can mend: each names the file or field, what is wrong, and what to do."""


class InputError(ValueError):
    """Input from outside (a file, a row, a parameter) that cannot be used.

    The command line prints it as one line, without a traceback; the message therefore has to
    stand alone: where, what, mend.
    """
