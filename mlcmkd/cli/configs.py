"""From what was typed to a validated config, and from a result to the terminal.

Each command builds the same config that a notebook would, so a misspelt name fails before anything is
computed. `--set fit.steps=3000` reaches any field of a stage's config.
"""

import json
from pathlib import Path
from typing import Any, TypeVar

import typer
import yaml

from mlcmkd.utils.config import Config
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.processes import is_first

C = TypeVar("C", bound=Config)


def config_of(kind: type[C], params: Path | None, sets: list[str] | None, /, **given: Any) -> C:
    """A stage's config from, in rising order of force, a YAML file, options and --set."""
    fields = read_params(params)
    for name, value in given.items():
        if value is not None:
            _put(fields, name.replace("__", "."), value)
    for text in sets or []:
        name, equals, value = text.partition("=")
        if not equals:
            raise InputError(f"--set {text}: expected name=value")
        _put(fields, name, value_of(f"--set {text}", value))
    return kind.validated("", fields)


def value_of(option: str, text: str) -> Any:
    """A value as YAML has it; InputError names the option whose text is none."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        first = str(error).splitlines()[0]
        raise InputError(f"{option}: not a value ({first}); quote it, or mend it") from None


def read_params(params: Path | None) -> dict[str, Any]:
    """Names and values of a YAML file; none without a file."""
    if params is None:
        return {}
    if not params.is_file():
        raise InputError(f"{params}: no such parameter file")
    try:
        fields = yaml.safe_load(params.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{params}: not YAML ({error})") from None
    if not isinstance(fields, dict):
        raise InputError(f"{params}: expected names and values")
    return fields


def _put(fields: dict[str, Any], dotted: str, value: Any) -> None:
    *path, last = dotted.split(".")
    for part in path:
        fields = fields.setdefault(part, {})
        if not isinstance(fields, dict):
            raise InputError(f"{dotted}: '{part}' is a value, not a group of fields")
    fields[last] = value


def show(result: dict[str, Any]) -> None:
    if is_first():
        typer.echo(json.dumps(result, indent=2))
