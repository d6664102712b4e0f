"""The YAML of parameter files, of `--set` and `-p`, and of descriptions of data sets.

Values follow YAML 1.2: `010` is 10, `1e3` is a number; `no`, `on`, `12:30` and dates are texts. Python's
`None` and `1_000` are accepted, too. A key that occurs twice is an error. PyYAML alone follows YAML 1.1,
in which the same values are 8, a text, False, True, 750 and a date; of two equal keys it keeps the last.
(ruamel.yaml follows YAML 1.2, but would be a second YAML library beside that of dask and Jupyter.)
"""

import re
from pathlib import Path
from typing import Any

import yaml

from mlcmkd.utils.errors import InputError

_TAG = "tag:yaml.org,2002:"
_DIGITS = r"[0-9]+(?:_[0-9]+)*"
# Tag, pattern of the plain scalars that have it, their first characters. The first match counts.
_PLAIN_SCALARS = (
    ("null", r"~|null|Null|NULL|None|", ("~", "n", "N", "")),
    ("bool", r"true|True|TRUE|false|False|FALSE", tuple("tTfF")),
    (
        "int",
        rf"[-+]?(?:{_DIGITS}|0x[0-9a-fA-F]+|0o[0-7]+|0b[01]+)",
        tuple("-+0123456789"),
    ),
    (
        "float",
        rf"[-+]?(?:{_DIGITS}\.?(?:{_DIGITS})?|\.{_DIGITS})(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        tuple("-+.0123456789"),
    ),
    ("merge", r"<<", ("<",)),
)


class _Loader(yaml.SafeLoader):
    """YAML without application types (`!!python/...` is an error) and without repeated keys."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # instead of those of YAML 1.1

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """A mapping; an error at the second of two equal keys, at any depth."""
        node = super().compose_mapping_node(anchor)
        first: dict[tuple[str, str], int] = {}  # line of a key
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            name = (key.tag, key.value)
            if name in first:
                raise yaml.composer.ComposerError(
                    problem=f"'{key.value}' occurs twice, first in line {first[name]}",
                    problem_mark=key.start_mark,
                    note="keep one of them",
                )
            first[name] = key.start_mark.line + 1
        return node

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        """A whole number; leading zeros have no meaning."""
        digits = node.value.lstrip("-+")
        return int(node.value, 0 if digits[:2] in ("0x", "0o", "0b") else 10)


for _name, _pattern, _starts in _PLAIN_SCALARS:
    _Loader.add_implicit_resolver(_TAG + _name, re.compile(f"(?:{_pattern})$"), list(_starts))
_Loader.add_constructor(_TAG + "int", _Loader.construct_yaml_int)


def parse_yaml(text: str, where: str) -> Any:
    """The value of a YAML text.

    Args:
        text: one document.
        where: beginning of the error message: a file, or an option.

    Raises:
        InputError: not YAML, or a key that occurs twice; the message names the line of a longer text.
    """
    try:
        return yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = f", line {mark.line + 1}" if mark and "\n" in text.strip() else ""
        if error.note:
            raise InputError(f"{where}{line}: {error.problem}; {error.note}") from None
        reason = error.problem or error.context
        raise InputError(f"{where}{line}: not YAML ({reason}); correct or quote it") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # such as a control character
        reason = str(error).splitlines()[0]
        raise InputError(f"{where}: not YAML ({reason}); correct it") from None


def read_yaml(path: Path) -> Any:
    """The value of a YAML file.

    Raises:
        InputError: it cannot be read or is not UTF-8 text; or as `parse_yaml`.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); correct the path") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8 text; save it as UTF-8") from None
    return parse_yaml(text, str(path))


def read_fields(path: Path) -> dict[str, Any]:
    """Names and values of a YAML file; an empty dict for an empty file.

    Raises:
        InputError: as `read_yaml`; or the file contains something else.
    """
    fields = read_yaml(path)
    if fields is None:
        return {}
    if not isinstance(fields, dict):
        raise InputError(f"{path}: no fields; write lines such as `name: value`")
    return fields
