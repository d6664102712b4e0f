"""A hash of everything that determines a row, by which finished rows are recognised and reused."""

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

import data_prep
import mlcmkd

# The roots of all code that can change a row; named here, so that moving this file changes nothing.
PACKAGES = (Path(data_prep.__file__).parent, Path(mlcmkd.__file__).parent)
_LIBRARIES = ("numpy", "opencv-python-headless", "opencv-python", "pillow")


def fingerprint(value: Any) -> str | None:
    """Compute a hash of `value`, of the files it names, and of the code that processes it.

    A file is described by path, size and times, a dataclass by its fields. If a dataclass is
    callable, its result must depend on its fields only, and its files must be `Path` fields.

    Returns:
        64 hexadecimal digits; None if a part cannot be described, such as a plain function or a
        missing file.
    """
    try:
        description = json.dumps([_code_hash(), _describe(value)])
    except (_NotDescribable, OSError):
        return None
    return hashlib.sha256(description.encode()).hexdigest()


class _NotDescribable(Exception):
    """A value whose dependencies are unknown."""


def _describe(value: Any) -> Any:
    """Convert a value to lists, strings and numbers that differ if its effect may differ."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, np.generic):
        return _describe(value.item())
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        digest = hashlib.sha256(np.ascontiguousarray(value).data).hexdigest()
        return ["array", value.dtype.str, list(value.shape), digest]
    if isinstance(value, Path):
        # Also the time of change, because copying tools may restore the time of modification.
        stat = value.stat()
        return ["file", str(value), stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns]
    if isinstance(value, BaseModel):
        return [_name(value), value.model_dump_json()]
    if is_dataclass(value) and not isinstance(value, type):
        return [_name(value), [[f.name, _describe(getattr(value, f.name))] for f in fields(value)]]
    if isinstance(value, Mapping):
        return ["mapping", [[_describe(key), _describe(item)] for key, item in value.items()]]
    if isinstance(value, tuple | list):
        return ["list", [_describe(item) for item in value]]
    raise _NotDescribable


def _name(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


def sources_of(package: Path) -> list[Path]:
    """Return the source files of a package and of all its subpackages, sorted by path.

    Raises:
        RuntimeError: there is none, so their hash would not depend on the code.
    """
    sources = sorted(package.rglob("*.py"))
    if not sources:
        raise RuntimeError(
            f"{package}: no Python source; data_prep cannot recognise the code that wrote a row"
        )
    return sources


@cache
def _code_hash() -> str:
    """Compute a hash of both packages' sources and of the versions of the image libraries."""
    digest = hashlib.sha256()
    for package in PACKAGES:
        for path in sources_of(package):
            digest.update(path.relative_to(package).as_posix().encode() + b"\0")
            digest.update(path.read_bytes() + b"\0")
    for library in _LIBRARIES:
        try:
            digest.update(f"{library} {version(library)}\n".encode())
        except PackageNotFoundError:
            continue  # OpenCV has two distributions
    return digest.hexdigest()
