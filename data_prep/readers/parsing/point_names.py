"""Which point is which: the names of points in an annotation file decide their order."""

import re
from collections import Counter
from collections.abc import Sequence

from mlcmkd.schemes import Scheme
from mlcmkd.utils.errors import InputError

_NUMBERED = re.compile(r"^(.*?) ?(\d+)$")
_CHARACTERS = 40  # of a name in a message


def places(names: Sequence[str], scheme: Scheme, where: str) -> list[int] | None:
    """Return the index of each named point in a scheme of K points.

    Names are those of the scheme, or numbers from 0 to K-1 or from 1 to K, alone or after a common
    prefix ("p12"). Upper and lower case, "_", "-" and blanks are alike. Not every point needs to be
    there.

    Args:
        names: the points' names, in the file's order.
        scheme: the landmark scheme of the points.
        where: file and face, for messages.

    Returns:
        One index for each name; None if all points have the same name.

    Raises:
        InputError: a name that appears twice or belongs to no point, or numbers that may begin at 0 or
            at 1; the message names it.
    """
    plain = [_plain(name) for name in names]
    if len(plain) > 1 and len(set(plain)) == 1:
        return None
    own = {_plain(name): index for index, name in enumerate(scheme.names)}
    numbers = _numbers(plain)
    known = sum(name in own for name in plain)
    index_of = own if known >= len(numbers) else _from_first(numbers, scheme, where)
    for name, original in zip(plain, names, strict=True):
        if index_of.get(name, -1) not in range(scheme.points):
            expected = _expected(index_of is own, scheme, index_of, numbers)
            raise InputError(
                f"{where}: '{original[:_CHARACTERS]}' is not the name of a point of scheme "
                f"{scheme.name} ({expected}); rename that point, or name another scheme"
            )
    indices = [index_of[name] for name in plain]
    index, count = Counter(indices).most_common(1)[0]
    if count > 1:
        name = names[indices.index(index)]
        raise InputError(
            f"{where}: {count} points are called '{name[:_CHARACTERS]}'; give each its own name"
        )
    return indices


def _plain(name: str) -> str:
    return " ".join(re.split(r"[\s_-]+", name.strip().casefold())).strip()


def _numbers(names: Sequence[str]) -> dict[str, int]:
    """Return name -> number of the names that end in a number after the most common prefix."""
    matches = [match for name in names if (match := _NUMBERED.match(name))]
    if not matches:
        return {}
    prefix = Counter(match[1] for match in matches).most_common(1)[0][0]
    return {match[0]: int(match[2]) for match in matches if match[1] == prefix}


def _from_first(numbers: dict[str, int], scheme: Scheme, where: str) -> dict[str, int]:
    """Return name -> index, the numbers counted from 0 or from 1."""
    given = set(numbers.values())
    if 0 not in given and scheme.points not in given:
        raise InputError(
            f"{where}: the points are numbered, but neither 0 nor {scheme.points} is among them, so the "
            f"first may be 0 or 1; label that point, or use the names of scheme {scheme.name}"
        )
    first = 0 if 0 in given else 1
    return {name: number - first for name, number in numbers.items()}


def _expected(
    by_name: bool, scheme: Scheme, index_of: dict[str, int], numbers: dict[str, int]
) -> str:
    """The names that a scheme's points may have in this file, in words."""
    if by_name:
        return f"such as '{scheme.names[0]}', or numbers 0 to {scheme.points - 1}"
    name, number = next(iter(numbers.items()))
    prefix, first = _NUMBERED.match(name)[1], number - index_of[name]
    return f"{prefix}{first} to {prefix}{first + scheme.points - 1}"
