"""What decides a row, as one hash: an interrupted preparation knows by it what it need not repeat."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel

import mlcmkd

_LIBRARIES = ("numpy", "opencv-python-headless", "opencv-python", "pillow")


def fingerprint(value: Any) -> str | None:
    """A hash of `value`, of the files it names, and of the code that works on it.

    A file counts by path, size and times. A dataclass counts by its fields, also where it can be
    called: what it gives must depend on nothing else, and its files must be `Path` fields.

    Returns:
        64 hexadecimal digits; None where something cannot be told, such as a plain function or a
        file that is missing.
    """
    try:
        told = json.dumps([_code(), _told(value)])
    except (_Untold, OSError):
        return None
    return hashlib.sha256(told.encode()).hexdigest()


class _Untold(Exception):
    """A value of which nobody knows what it depends on."""


def _told(value: Any) -> Any:
    """`value` as plain lists, words and numbers; two that differ in effect never look alike."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, np.generic):
        return _told(value.item())
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        digest = hashlib.sha256(np.ascontiguousarray(value).data).hexdigest()
        return ["array", value.dtype.str, list(value.shape), digest]
    if isinstance(value, Path):
        # The time of change as well: a tool that copies may set the time of modification back.
        stat = value.stat()
        return ["file", str(value), stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns]
    if isinstance(value, BaseModel):
        return [_name(value), value.model_dump_json()]
    if is_dataclass(value) and not isinstance(value, type):
        return [_name(value), [[f.name, _told(getattr(value, f.name))] for f in fields(value)]]
    if isinstance(value, Mapping):
        return ["mapping", [[_told(key), _told(item)] for key, item in value.items()]]
    if isinstance(value, tuple | list):
        return ["list", [_told(item) for item in value]]
    raise _Untold


def _name(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


def sources_of(package: Path) -> list[Path]:
    """The source files of a package and of all its subpackages, sorted by path.

    Raises:
        RuntimeError: none is there, so a hash of them would be the same whatever the code does.
    """
    found = sorted(package.rglob("*.py"))
    if not found:
        raise RuntimeError(
            f"{package}: no Python source; data_prep cannot tell by which code a row was made"
        )
    return found


@cache
def _code() -> str:
    """A hash of both packages' sources and the versions of the libraries that write pixels."""
    digest = hashlib.sha256()
    for package in (Path(__file__).parent, Path(mlcmkd.__file__).parent):
        for path in sources_of(package):
            digest.update(path.relative_to(package).as_posix().encode() + b"\0")
            digest.update(path.read_bytes() + b"\0")
    for library in _LIBRARIES:
        try:
            digest.update(f"{library} {version(library)}\n".encode())
        except PackageNotFoundError:
            continue  # OpenCV goes by two names
    return digest.hexdigest()
