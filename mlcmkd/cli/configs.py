"""From what was typed to a validated config, and from a result to the terminal.

Each command builds the same config that a notebook would, so a misspelt name fails before anything is
computed.
"""

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import typer

from mlcmkd.utils.config import Config
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.processes import is_first
from mlcmkd.utils.yaml_files import parse_yaml, read_fields

C = TypeVar("C", bound=Config)


def config_of(
    kind: type[C],
    params: Path | None,
    sets: list[str] | None,
    options: Mapping[str, Any] | None = None,
) -> C:
    """A config from a parameter file, which options overrule, which --set overrules.

    Args:
        kind: the class of the config.
        params: YAML file of fields.
        sets: texts such as "fit.steps=3000", from --set.
        options: values of the options that were typed, by dotted field names.

    Raises:
        InputError: a file that cannot be read, an unknown field, a value that is not allowed, or a
            field that --set gives twice.
    """
    fields = read_params(params)
    for name, value in (options or {}).items():
        _put(fields, name, value)
    for name, value in _set_fields(sets or []).items():
        _put(fields, name, value)
    return kind.validated("", fields)


def _set_fields(sets: list[str]) -> dict[str, Any]:
    """Values of --set by dotted names; a later one must not replace an earlier one."""
    values: dict[str, Any] = {}
    nested: dict[str, Any] = {}
    for text in sets:
        name, equals, value = text.partition("=")
        if not equals:
            raise InputError(f"--set {text}: expected name=value")
        if _is_in(nested, name):
            raise InputError(f"--set {text}: '{name}' is given twice; keep one")
        values[name] = parse_yaml(value, f"--set {text}")
        _put(nested, name, copy.deepcopy(values[name]))
    return values


def read_params(params: Path | None) -> dict[str, Any]:
    """Names and values of a YAML file; empty without a file."""
    return {} if params is None else read_fields(params)


def _put(fields: dict[str, Any], dotted: str, value: Any) -> None:
    *path, last = dotted.split(".")
    for part in path:
        fields = fields.setdefault(part, {})
        if not isinstance(fields, dict):
            raise InputError(f"{dotted}: '{part}' is a value, not a group of fields")
    fields[last] = value


def _is_in(fields: Mapping[str, Any], dotted: str) -> bool:
    """Whether a field, or a group of fields, has a value."""
    for part in dotted.split("."):
        if not isinstance(fields, Mapping) or part not in fields:
            return False
        fields = fields[part]
    return True


def show(result: dict[str, Any]) -> None:
    """Prints a result as JSON, in one process of a training only."""
    if is_first():
        typer.echo(json.dumps(result, indent=2))
