"""What all checks share: reading an answer of any number type, and naming a typical mistake."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from mlcmkd.utils.errors import InputError

# (the value that a mistake leads to, what to tell whoever made it)
Mistakes = Sequence[tuple[Any, str]]


class NotYet(InputError):
    """An answer that is not right yet; the message tells what is wrong with it."""

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows: the message alone, for a traceback would hide it."""
        return [f"Not yet: {self}"]


def given(answer: Any, what: str) -> Any:
    """The answer, once there is one.

    Raises:
        NotYet: it still is `...`, None or NotImplemented.
    """
    if answer is None or answer is ... or answer is NotImplemented:
        raise NotYet(f"{what} is still open: write your answer in the place of `...`")
    return answer


def numbers(answer: Any, what: str, shape: tuple[int, ...] | None = None) -> np.ndarray:
    """An answer of any number type (Python, NumPy, torch) as float64.

    Args:
        shape: what it has to be; None for any.

    Raises:
        NotYet: it is open, no numbers, of another shape, or not finite.
    """
    given(answer, what)
    if isinstance(answer, Tensor):
        answer = answer.detach().cpu().double().numpy()
    elif isinstance(answer, list | tuple):
        answer = [float(a) if isinstance(a, Tensor) and a.numel() == 1 else a for a in answer]
    try:
        found = np.asarray(answer, dtype=np.float64)
    except (TypeError, ValueError):
        raise NotYet(f"{what} has to be a number or an array, not {answer!r:.80}") from None
    if shape is not None and found.shape != shape:
        raise NotYet(f"{what} has the shape {found.shape}; {shape} is asked for")
    if not np.isfinite(found).all():
        raise NotYet(f"{what} holds NaN or infinity: look for a division by zero")
    return found


def number(answer: Any, what: str) -> float:
    """An answer that is one number, whatever its type and whatever axes of length 1 it has."""
    found = numbers(answer, what)
    if found.size != 1:
        raise NotYet(f"{what} has to be one number; yours has the shape {found.shape}")
    return float(found.reshape(()))


def close(a: Any, b: Any, rel: float = 1e-3, absolute: float = 1e-6) -> bool:
    """Whether two numbers or arrays of one shape agree: float32 and another order of sums do."""
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=rel, atol=absolute))


def agree(
    found: Any,
    right: Any,
    what: str,
    mistakes: Mistakes = (),
    rel: float = 1e-3,
    hint: str = "",
    *,
    percent: bool = False,
) -> None:
    """Makes sure that an answer is right.

    Args:
        mistakes: values that typical mistakes lead to; the first that fits is named.
        rel: relative tolerance.
        hint: what to look at where no mistake is recognised.
        percent: percent was asked for: a mistake is also known by its value as a share.

    Raises:
        NotYet: it is not, with the mistake where it is a known one.
    """
    if close(found, right, rel):
        return
    for wrong, message in mistakes:
        if close(found, wrong, rel) and not close(wrong, right, rel):
            raise NotYet(f"{what}: {message}")
        if percent and close(found, 0.01 * np.asarray(wrong), rel):
            raise NotYet(f"{what}: {message}; and it is a share, not percent")
    for factor, message in (
        (0.01, "100 times too small: did you forget percent?"),
        (100, "100 times too large: is it percent already?"),
        (-1, "the sign is the other way round"),
    ):
        if np.any(right) and close(found, factor * np.asarray(right), rel):
            raise NotYet(f"{what} is {message}")
    told = f" is {float(found):.4g}" if np.ndim(found) == 0 else " is"
    raise NotYet(f"{what}{told} not right. {hint}".strip())


def call(function: Any, what: str, *arguments: Any) -> Any:
    """What a student's function returns.

    Raises:
        NotYet: it is open, no function, stops with an error, or returns nothing.
    """
    given(function, what)
    if not callable(function):
        raise NotYet(f"{what} has to be a function, not {function!r:.60}")
    try:
        found = function(*arguments)
    except Exception as error:
        raise NotYet(f"{what} stops with {type(error).__name__}: {error}") from error
    if found is None or found is ... or found is NotImplemented:
        raise NotYet(f"{what} returns nothing yet: write its body, and `return` the answer")
    return found


def choices(answer: Any, right: Mapping[str, Any], hints: Mapping[str, str], what: str) -> None:
    """Makes sure that short answers are right, one by one.

    Args:
        answer: by the keys of `right`, or a list in their order.

    Raises:
        NotYet: entries are missing, open or wrong; each wrong one is named with its hint.
    """
    given(answer, what)
    if isinstance(answer, list | tuple | np.ndarray) and len(answer) == len(right):
        answer = dict(zip(right, answer, strict=True))
    if not isinstance(answer, Mapping):
        raise NotYet(f"{what} has to hold {len(right)} answers: {'; '.join(right)}")
    missing = [key for key in right if key not in answer]
    if missing:
        raise NotYet(f"{what} lacks {', '.join(missing)}")
    for key, value in right.items():
        given(answer[key], f"{what}[{key!r}]")
        if isinstance(value, bool) and not isinstance(answer[key], bool | np.bool_):
            raise NotYet(f"{what}[{key!r}] is {answer[key]!r}; answer with True or False")
        theirs = set(answer[key]) if isinstance(value, set | frozenset) else answer[key]
        if theirs != value:
            raise NotYet(f"{what}[{key!r}] is not right. {hints[key]}")


def table(rows: Any, columns: Sequence[str], what: str, least: int = 2) -> list[dict[str, Any]]:
    """The form of an experiment's outcome: at least so many rows, each with numbers by these names.

    Raises:
        NotYet: too few rows, a column that is missing, or no number in it.
    """
    given(rows, what)
    if not isinstance(rows, list | tuple) or not all(isinstance(row, Mapping) for row in rows):
        raise NotYet(f"{what} has to be a list of dicts, one a row")
    if len(rows) < least:
        raise NotYet(f"{what} has {len(rows)} rows; vary something, for {least} or more")
    for place, row in enumerate(rows):
        for column in columns:
            if column not in row:
                raise NotYet(f"{what}, row {place}: no '{column}'; it has {', '.join(row)}")
            number(row[column], f"{what}, row {place}, '{column}'")
    return list(rows)


def finding(text: Any, words: int = 15) -> str:
    """The form of a finding in words: a few sentences, with a number in them.

    Raises:
        NotYet: it is open, too short, or holds no number.
    """
    given(text, "finding")
    if not isinstance(text, str) or len(text.split()) < words:
        raise NotYet(f"finding: say in {words} words or more what you varied and what came out")
    if not re.search(r"\d", text):
        raise NotYet("finding: quote the numbers that it rests on")
    return text


FORM = "Complete in form. No number can check an open question: compare with the discussion."
