"""The base class of all configs: immutable, without unknown fields, one form of error messages."""

import reprlib
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from mlcmkd.utils.errors import InputError, suggestion

Place = tuple[str | int, ...]
# The seed of a random state. Torch accepts no larger value.
Seed = Annotated[int, Field(ge=0, le=2**63 - 1)]


class Config(BaseModel):
    """A validated config: unknown fields are refused, and values cannot be changed.

    Runs are identified by a hash of their config's JSON text. Declare a field that is added to an
    existing config with `late`, so that the hashes of earlier runs stay the same.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def validated(cls, where: str, fields: Any) -> Self:
        """The config with these fields, usually from a file or from the command line.

        Args:
            where: beginning of the error message, such as the name of a file; may be empty.
            fields: names and values; or a config of this class, which is returned as it is.

        Raises:
            InputError: an unknown or missing field, or a value that is not allowed.
        """
        try:
            return cls.model_validate(fields)
        except ValidationError as error:
            first = problems(error, cls, fields)[0]
            raise InputError(f"{where}: {first}" if where else first) from None


def late(default: Any, **arguments: Any) -> Any:
    """A field that was added to an existing config: it is not written while it has its default.

    Args:
        default: value that gives the same results as the code before the field existed.
        arguments: further arguments of pydantic's `Field`.
    """
    return Field(default, exclude_if=lambda value: value == default, **arguments)


def problems(error: ValidationError, kind: type[BaseModel], fields: Any) -> list[str]:
    """One line for each wrong field: what is wrong, the given value, the nearest name if misspelt.

    Unknown names come before missing ones, because a misspelt name causes both.

    Args:
        error: pydantic's error.
        kind: the config that was validated.
        fields: the names and values that were validated.
    """
    # A value that fits no type of a union has one error for each type, all at the same place.
    at_place: dict[Place, list[ErrorDetails]] = {}
    for each in error.errors(include_url=False):
        at_place.setdefault(_place(each, fields), []).append(each)
    unknown_first = sorted(at_place, key=lambda place: not _is_unknown(at_place[place][0]))
    return [_line(place, at_place[place], kind) for place in unknown_first]


def _is_unknown(error: ErrorDetails) -> bool:
    return error["type"] == "extra_forbidden"


def _line(place: Place, errors: list[ErrorDetails], kind: type[BaseModel]) -> str:
    first = errors[0]
    if _is_unknown(first):
        text = f"no such field{suggestion(str(place[-1]), _known_names(kind, place))}"
    elif first["type"] == "missing" or isinstance(first["input"], Mapping):
        text = _message(first)
    else:
        text = " or ".join(dict.fromkeys(map(_message, errors)))
        given = reprlib.repr(first["input"])
        text += "" if given in text else f" (given: {given})"
    return f"{'.'.join(map(str, place))}: {text}" if place else text


def _message(error: ErrorDetails) -> str:
    return error["msg"].removeprefix("Value error, ")


def _place(error: ErrorDetails, fields: Any) -> Place:
    """The location of an error, without the names that pydantic adds for the types of a union."""
    place: list[str | int] = []
    value = fields
    for part in error["loc"]:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            continue
        place.append(part)
    if error["type"] == "missing":
        place.append(error["loc"][-1])
    return tuple(place)


def _known_names(kind: type[BaseModel], place: Place) -> list[str]:
    """The names of the fields beside the one at `place`."""
    models = [kind]
    for part in place[:-1]:
        inner = [each.model_fields[part].annotation for each in models if part in each.model_fields]
        if inner:  # else the key of a mapping or the index in a list: the same models
            models = [found for annotation in inner for found in _models_in(annotation)]
    return [name for each in models for name in each.model_fields]


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that an annotation such as `list[Grid] | None` names."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)
