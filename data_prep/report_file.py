"""`report.json` in a manifest's folder: what was left out, and the problems that a check found.

It is for people and not part of the manifest: it does not count when manifests are compared.
"""

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from mlcmkd.utils.errors import InputError

REPORT = "report.json"


def read_report(folder: Path) -> dict[str, Any]:
    """Return the report's sections; an empty dict without a valid report."""
    path = folder / REPORT
    if path.is_symlink() or not path.is_file():
        return {}
    try:
        sections = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return sections if isinstance(sections, dict) else {}


def write_report(folder: Path, **sections: Any) -> Path:
    """Write these sections, keep the others, and return the file's path.

    Raises:
        InputError: it cannot be written.
    """
    path = folder / REPORT
    partial = folder / f".{REPORT}.{os.getpid()}"
    text = json.dumps({**read_report(folder), **sections}, indent=1)
    try:
        # "x" does not follow a link, and the rename replaces a link instead of its target.
        with partial.open("x", encoding="utf-8") as file:
            file.write(text + "\n")
        partial.replace(path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink()
        raise InputError(
            f"{path}: cannot be written ({error.strerror}); make the folder writable"
        ) from None
    return path
