"""Strict reading of text, CSV and JSON files from outside, and of the numbers in them."""

import csv
import io
import json
import math
from pathlib import Path
from typing import Any

from mlcmkd.utils.errors import InputError

# An annotation of one face has a few kilobytes; a larger file is something else.
MAX_FACE_BYTES = 1_000_000
MAX_TABLE_BYTES = 200_000_000


def read_text(path: Path, max_bytes: int = MAX_FACE_BYTES, fallback: str | None = None) -> str:
    """Read a text file.

    Args:
        max_bytes: largest size of the file.
        fallback: encoding of a file that is not UTF-8; None for none.

    Raises:
        InputError: it cannot be read, is empty, longer than `max_bytes`, or not text in UTF-8 or
            `fallback`.
    """
    try:
        data = path.read_bytes() if path.stat().st_size <= max_bytes else None
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); correct the path or remove the file"
        ) from None
    if data is None:
        kind = "an annotation of one face" if max_bytes == MAX_FACE_BYTES else "a table of faces"
        raise InputError(f"{path}: too large for {kind}; remove it")
    text = "\0"
    for encoding in filter(None, ("utf-8-sig", fallback)):
        try:
            text = data.decode(encoding)
            break
        except (UnicodeError, LookupError):
            continue
    if "\0" in text:
        raise InputError(f"{path}: not a text file; download it again or remove it")
    if not text.strip():
        raise InputError(f"{path}: empty; download it again or remove it")
    return text


def read_csv(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Read a table: its header, and its rows with their line numbers.

    Rows of blank cells are left out.

    Raises:
        InputError: not a CSV, a row that is longer or shorter than the header, or no row.
    """
    lines = csv.reader(io.StringIO(read_text(path, MAX_TABLE_BYTES), newline=""))
    try:
        header = [cell.strip() for cell in next(lines)]
        body = [(lines.line_num, cells) for cells in lines if any(cell.strip() for cell in cells)]
    except csv.Error as error:
        raise InputError(
            f"{path}, line {lines.line_num}: not a CSV ({error}); export it again"
        ) from None
    for line, cells in body:
        if len(cells) != len(header):
            raise InputError(
                f"{path}, line {line}: {len(cells)} cells, but the header has {len(header)}; correct "
                "the row"
            )
    if not body:
        raise InputError(f"{path}: a header without rows; complete it")
    return header, body


def read_json(path: Path, max_bytes: int = MAX_TABLE_BYTES) -> dict[str, Any]:
    """Read a JSON file that contains one object.

    Raises:
        InputError: as `read_text`; also if it is not JSON, or not an object.
    """
    try:
        value = json.loads(read_text(path, max_bytes))
    except (ValueError, RecursionError) as error:
        reason = json_problem(error)
        raise InputError(f"{path}: not JSON ({reason}); download it again or remove it") from None
    if not isinstance(value, dict):
        raise InputError(f"{path}: a {type(value).__name__} instead of an object; remove it")
    return value


def json_problem(error: ValueError | RecursionError) -> str:
    """Return a short reason from an error that was raised while reading JSON."""
    if isinstance(error, json.JSONDecodeError):
        return error.msg
    if isinstance(error, UnicodeDecodeError):
        return error.reason
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)


def number(token: str, where: str) -> float:
    """Convert a text to a finite number.

    Raises:
        InputError: it is not one; the message starts with `where`, the file and line.
    """
    try:
        value = float(token) if "_" not in token else math.nan
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(
            f"{where}: '{token[:40]}' is not a finite number; correct or remove the file"
        )
    return value


def number_or_missing(token: str, where: str) -> float:
    """Convert a text to a finite number, or to NaN if it is empty or `nan`.

    Raises:
        InputError: it is neither.
    """
    return math.nan if token.strip().lower() in ("", "nan") else number(token, where)
