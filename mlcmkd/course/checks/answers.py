"""Functions shared by all checks: conversion of answers to numbers, recognition of typical mistakes."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from mlcmkd.utils.errors import InputError

# (the value that a mistake leads to, the message for it)
Mistakes = Sequence[tuple[Any, str]]


class NotYet(InputError):
    """An answer that is not correct yet; the message describes the mistake."""

    def _render_traceback_(self) -> list[str]:
        """Notebooks show only the message, because a traceback would hide it."""
        return [f"Not yet: {self}"]


def require_answer(answer: Any, what: str) -> Any:
    """The answer, if there is one.

    Raises:
        NotYet: it is still `...`, None or NotImplemented.
    """
    if answer is None or answer is ... or answer is NotImplemented:
        raise NotYet(f"{what} is not answered: replace `...` by your answer")
    return answer


def as_numbers(answer: Any, what: str, shape: tuple[int, ...] | None = None) -> np.ndarray:
    """Converts an answer of any number type (Python, NumPy, torch) to float64.

    Args:
        shape: the required shape; None for any.

    Raises:
        NotYet: it is missing, not numeric, of another shape, or not finite.
    """
    require_answer(answer, what)
    if isinstance(answer, Tensor):
        answer = answer.detach().cpu().double().numpy()
    elif isinstance(answer, list | tuple):
        answer = [float(a) if isinstance(a, Tensor) and a.numel() == 1 else a for a in answer]
    try:
        value = np.asarray(answer, dtype=np.float64)
    except (TypeError, ValueError):
        raise NotYet(f"{what} has to be a number or an array, not {answer!r:.80}") from None
    if shape is not None and value.shape != shape:
        raise NotYet(f"{what} has the shape {value.shape}; the required shape is {shape}")
    if not np.isfinite(value).all():
        raise NotYet(f"{what} contains NaN or infinity: look for a division by zero")
    return value


def as_number(answer: Any, what: str) -> float:
    """Converts an answer to one number; any type, any axes of length 1."""
    value = as_numbers(answer, what)
    if value.size != 1:
        raise NotYet(f"{what} has to be one number; yours has the shape {value.shape}")
    return float(value.reshape(()))


def is_close(a: Any, b: Any, rel: float = 1e-3, absolute: float = 1e-6) -> bool:
    """Whether two numbers or arrays are equal, up to float32 and the order of summation."""
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=rel, atol=absolute))


def check_value(
    value: Any,
    right: Any,
    what: str,
    mistakes: Mistakes = (),
    rel: float = 1e-3,
    hint: str = "",
    *,
    percent: bool = False,
) -> None:
    """Raises an error if an answer is wrong.

    Args:
        value: the answer; right: the correct value.
        mistakes: results of typical mistakes; the message of the first match is used.
        rel: relative tolerance.
        hint: the message if no mistake is recognised.
        percent: the answer has to be in percent; mistakes are also recognised as shares.

    Raises:
        NotYet: the answer is wrong.
    """
    if is_close(value, right, rel):
        return
    for wrong, message in mistakes:
        if is_close(value, wrong, rel) and not is_close(wrong, right, rel):
            raise NotYet(f"{what}: {message}")
        if percent and is_close(value, 0.01 * np.asarray(wrong), rel):
            raise NotYet(f"{what}: {message}; also, the value is a share, not percent")
    for factor, message in (
        (0.01, "100 times too small: convert to percent"),
        (100, "100 times too large: is it percent already?"),
        (-1, "of the wrong sign"),
    ):
        if np.any(right) and is_close(value, factor * np.asarray(right), rel):
            raise NotYet(f"{what} is {message}")
    number = f" = {float(value):.4g}" if np.ndim(value) == 0 else ""
    raise NotYet(f"{what}{number} is not correct. {hint}".strip())


def call_function(function: Any, what: str, *arguments: Any) -> Any:
    """Calls a student's function and returns its result.

    Raises:
        NotYet: it is missing, not a function, raises an error, or returns nothing.
    """
    require_answer(function, what)
    if not callable(function):
        raise NotYet(f"{what} has to be a function, not {function!r:.60}")
    try:
        value = function(*arguments)
    except Exception as error:
        raise NotYet(f"{what} raises {type(error).__name__}: {error}") from error
    if value is None or value is ... or value is NotImplemented:
        raise NotYet(f"{what} returns nothing: write its body and `return` the result")
    return value


def check_choices(
    answer: Any, right: Mapping[str, Any], hints: Mapping[str, str], what: str
) -> None:
    """Checks several short answers.

    Args:
        answer: a dict with the keys of `right`, or a list in their order.
        hints: the message for a wrong answer, by key.

    Raises:
        NotYet: an entry is missing or wrong; the message contains its hint.
    """
    require_answer(answer, what)
    if isinstance(answer, list | tuple | np.ndarray) and len(answer) == len(right):
        answer = dict(zip(right, answer, strict=True))
    if not isinstance(answer, Mapping):
        raise NotYet(f"{what} has to contain {len(right)} answers: {'; '.join(right)}")
    missing = [key for key in right if key not in answer]
    if missing:
        raise NotYet(f"{what} has no entry for {', '.join(missing)}")
    for key, value in right.items():
        require_answer(answer[key], f"{what}[{key!r}]")
        if isinstance(value, bool) and not isinstance(answer[key], bool | np.bool_):
            raise NotYet(f"{what}[{key!r}] is {answer[key]!r}; use True or False")
        theirs = set(answer[key]) if isinstance(value, set | frozenset) else answer[key]
        if theirs != value:
            raise NotYet(f"{what}[{key!r}] is not correct. {hints[key]}")


def check_table(
    rows: Any, columns: Sequence[str], what: str, least: int = 2
) -> list[dict[str, Any]]:
    """Checks the form of experimental results: `least` or more rows with numbers in these columns.

    Raises:
        NotYet: there are too few rows, a column is missing, or it is not numeric.
    """
    require_answer(rows, what)
    if not isinstance(rows, list | tuple) or not all(isinstance(row, Mapping) for row in rows):
        raise NotYet(f"{what} has to be a list of dicts, one per row")
    if len(rows) < least:
        raise NotYet(f"{what} has {len(rows)} rows; at least {least} settings are required")
    for place, row in enumerate(rows):
        for column in columns:
            if column not in row:
                raise NotYet(f"{what}, row {place}: no '{column}'; it has {', '.join(row)}")
            as_number(row[column], f"{what}, row {place}, '{column}'")
    return list(rows)


def check_finding(text: Any, words: int = 15) -> str:
    """Checks the form of a finding: a few sentences that contain a number.

    Raises:
        NotYet: it is missing, too short, or contains no number.
    """
    require_answer(text, "finding")
    if not isinstance(text, str) or len(text.split()) < words:
        raise NotYet(f"finding: describe what you varied and the result, in {words} words or more")
    if not re.search(r"\d", text):
        raise NotYet("finding: state the numbers that support it")
    return text


FORM = "The form is complete. An open question has no automatic check: compare with the discussion."
