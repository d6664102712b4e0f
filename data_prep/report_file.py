"""`report.json` beside a manifest's rows: what was left out of it, and what a check found.

It is for people and no part of the manifest: two manifests are the same whatever their reports say.
"""

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from mlcmkd.utils.errors import InputError

REPORT = "report.json"


def read_report(folder: Path) -> dict[str, Any]:
    """The report's sections; none where there is no report, or none of ours."""
    path = folder / REPORT
    if path.is_symlink() or not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def write_report(folder: Path, **sections: Any) -> Path:
    """Write these sections and keep the others; the file's path.

    Raises:
        InputError: it cannot be written.
    """
    path = folder / REPORT
    partial = folder / f".{REPORT}.{os.getpid()}"
    text = json.dumps({**read_report(folder), **sections}, indent=1)
    try:
        # "x" follows no link, and the rename replaces one instead of writing where it leads.
        with partial.open("x", encoding="utf-8") as file:
            file.write(text + "\n")
        partial.replace(path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink()
        raise InputError(f"{path}: cannot be written ({error.strerror})") from None
    return path
