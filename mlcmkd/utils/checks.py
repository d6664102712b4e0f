"""Checks of plain arguments."""

from operator import index as as_index

from mlcmkd.utils.errors import InputError


def checked_integer(name: str, value: int, low: int, high: int | None = None) -> int:
    """The value as an integer from `low` to `high` (None: without limit).

    Args:
        name: name of the argument, for the error message.
        value: its value; booleans are not accepted.
        low, high: smallest and largest allowed value.

    Raises:
        InputError: not an integer, or out of range.
    """
    allowed = f"an integer from {low}" + (f" to {high}" if high is not None else "")
    try:
        number = as_index(value)
    except TypeError:
        raise InputError(f"{name}={value!r} is not an integer; give {allowed}") from None
    if isinstance(value, bool) or number < low or (high is not None and number > high):
        raise InputError(f"{name}={value!r} is out of range; give {allowed}")
    return number
