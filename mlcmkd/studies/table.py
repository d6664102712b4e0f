"""A table of many runs, as a CSV that grows by a row a run and survives being cut short."""

import csv
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mlcmkd.utils.errors import InputError


def read_table(path: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    """The whole rows that stand, none where there is no table yet.

    Raises:
        InputError: the table there has other columns.
    """
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        table = csv.DictReader(_whole(file.read()).splitlines())
        if tuple(table.fieldnames or ()) != columns:
            raise InputError(
                f"{path}: its columns are not {', '.join(columns)}; name another table"
            )
        return list(table)


def add_row(path: Path, columns: tuple[str, ...], row: dict[str, Any]) -> None:
    """Adds one row at the end of the table, which is begun where it is missing.

    What is left of a row whose writer was killed goes first: its run is not done.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _cut_to_whole_rows(path)
    new = not path.is_file() or not path.stat().st_size
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=columns)
        if new:
            writer.writeheader()
        writer.writerow(row)
        file.flush()
        os.fsync(file.fileno())


def rewrite(path: Path, columns: tuple[str, ...], rows: Iterable[dict[str, Any]]) -> None:
    """Writes the table anew, beside it first: a reader finds all old rows or all new ones."""
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    for row in rows:
        add_row(partial, columns, row)
    os.replace(partial, path)


def _whole(text: str) -> str:
    """Without a last line that was not ended."""
    return text[: text.rfind("\n") + 1]


def _cut_to_whole_rows(path: Path) -> None:
    if not path.is_file():
        return
    text = path.read_bytes()
    whole = text.rfind(b"\n") + 1
    if whole < len(text):
        os.truncate(path, whole)
