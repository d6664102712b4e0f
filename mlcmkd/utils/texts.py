"""Text files of annotations from outside: read whole, and numbers taken strictly."""

import csv
import io
import json
import math
from pathlib import Path
from typing import Any

from mlcmkd.utils.errors import InputError

# An annotation of one face is a few kilobytes; more is some other file under its name.
MAX_FACE_BYTES = 1_000_000
MAX_TABLE_BYTES = 200_000_000


def read_text(path: Path, max_bytes: int = MAX_FACE_BYTES) -> str:
    """An annotation file's text.

    Raises:
        InputError: it cannot be read, is empty, longer than `max_bytes`, or not text.
    """
    try:
        data = path.read_bytes() if path.stat().st_size <= max_bytes else None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); mend or remove it") from None
    if data is None:
        kind = "an annotation of one face" if max_bytes == MAX_FACE_BYTES else "a table of faces"
        raise InputError(f"{path}: longer than {kind} can be; remove it")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise InputError(f"{path}: not a text file; fetch it again or remove it")
    if not text.strip():
        raise InputError(f"{path}: empty; fetch it again or remove it")
    return text


def read_csv(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """A table's header, and its rows, each with the number of its line for an editor to find.

    Rows of blank cells are left out.

    Raises:
        InputError: not a CSV, a row of another length than the header, or no row.
    """
    lines = csv.reader(io.StringIO(read_text(path, MAX_TABLE_BYTES), newline=""))
    try:
        header = [cell.strip() for cell in next(lines)]
        body = [(lines.line_num, cells) for cells in lines if any(cell.strip() for cell in cells)]
    except csv.Error as error:
        raise InputError(f"{path}, line {lines.line_num}: not a CSV ({error})") from None
    for line, cells in body:
        if len(cells) != len(header):
            raise InputError(
                f"{path}, line {line}: {len(cells)} cells, but the header has {len(header)}"
            )
    if not body:
        raise InputError(f"{path}: a header and no row; is it finished?")
    return header, body


def read_json(path: Path, max_bytes: int = MAX_TABLE_BYTES) -> dict[str, Any]:
    """A JSON file's object.

    Raises:
        InputError: as `read_text`, not JSON, or something else than an object.
    """
    try:
        value = json.loads(read_text(path, max_bytes))
    except (ValueError, RecursionError) as error:
        reason = getattr(error, "msg", None) or "nested too deep"
        raise InputError(f"{path}: not JSON ({reason}); fetch it again or remove it") from None
    if not isinstance(value, dict):
        raise InputError(f"{path}: a {type(value).__name__} instead of an object; remove it")
    return value


def number(token: str, where: str) -> float:
    """A finite number.

    Raises:
        InputError: `token` is none; `where` names file and line.
    """
    try:
        value = float(token) if "_" not in token else math.nan
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{where}: '{token[:40]}' is not a finite number; mend or remove the file")
    return value


def number_or_missing(token: str, where: str) -> float:
    """A finite number, or NaN where the token says `nan` or nothing.

    Raises:
        InputError: it is something else.
    """
    return math.nan if token.strip().lower() in ("", "nan") else number(token, where)
