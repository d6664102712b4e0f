"""The table of a study: a CSV file with one row per run, which stays valid if its writer is killed."""

import csv
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mlcmkd.utils.errors import InputError
from mlcmkd.utils.writing import naming


def read_table(path: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    """The complete rows of a table; none if there is no table yet.

    Raises:
        InputError: the table has other columns.
    """
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        table = csv.DictReader(_complete_lines(file.read()).splitlines())
        if tuple(table.fieldnames or ()) != columns:
            raise InputError(
                f"{path}: its columns are not {', '.join(columns)}; name another table"
            )
        return list(table)


def add_row(path: Path, columns: tuple[str, ...], row: dict[str, Any]) -> None:
    """Adds one row at the end of the table, which is created if it is missing.

    An incomplete last row, left by a writer that was killed, is removed first.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_incomplete_row(path)
    new = not path.is_file() or not path.stat().st_size
    with naming(path), path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=columns)
        if new:
            writer.writeheader()
        writer.writerow(row)
        file.flush()
        os.fsync(file.fileno())


def rewrite(path: Path, columns: tuple[str, ...], rows: Iterable[dict[str, Any]]) -> None:
    """Replaces the table atomically: a reader finds either all old rows or all new rows."""
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    for row in rows:
        add_row(partial, columns, row)
    os.replace(partial, path)


def _complete_lines(text: str) -> str:
    """The text without an incomplete last line."""
    return text[: text.rfind("\n") + 1]


def _remove_incomplete_row(path: Path) -> None:
    if not path.is_file():
        return
    text = path.read_bytes()
    end = text.rfind(b"\n") + 1
    if end < len(text):
        os.truncate(path, end)
