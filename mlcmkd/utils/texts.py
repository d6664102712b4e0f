"""Strict reading of text, CSV and JSON files from outside, and of the numbers in them."""

import csv
import io
import json
import math
import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

from mlcmkd.utils.errors import InputError

# An annotation of one face has a few kilobytes; a larger file is something else.
MAX_FACE_BYTES = 1_000_000
MAX_TABLE_BYTES = 200_000_000
_DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+")


def is_text(path: Path | str) -> bool:
    """Whether a path is valid Unicode, so that UTF-8 files can name it."""
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def printable(path: Path | str) -> str:
    """Return a path as text; bytes that are not text become escapes such as `\\xfc`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def read_text(path: Path, max_bytes: int = MAX_FACE_BYTES, fallback: str | None = None) -> str:
    """Read a text file.

    Args:
        path: the file.
        max_bytes: largest allowed size of the file.
        fallback: encoding to try if the file is not UTF-8; None to accept UTF-8 only.

    Raises:
        InputError: it cannot be read, is empty, longer than `max_bytes`, or not text in UTF-8 or
            `fallback`.
    """
    try:
        data = path.read_bytes() if path.stat().st_size <= max_bytes else None
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); correct the path or the permissions"
        ) from None
    if data is None:
        kind = "an annotation of one face" if max_bytes == MAX_FACE_BYTES else "a table of faces"
        raise InputError(f"{path}: too large for {kind}; leave it out")
    text = _decoded(path, data, fallback)
    if not text.strip():
        raise InputError(f"{path}: empty; download it again, or leave it out")
    return text


def _decoded(path: Path, data: bytes, fallback: str | None) -> str:
    """Decode UTF-8, with or without byte order mark, or `fallback`; name other likely encodings."""
    text, wrong = "\0", None
    for encoding in filter(None, ("utf-8-sig", fallback)):
        try:
            text, wrong = data.decode(encoding), None
            break
        except UnicodeDecodeError as error:
            wrong = wrong or error
        except (UnicodeError, LookupError):
            continue
    if "\0" in text and _is_utf16(data):
        raise InputError(
            f"{path}: text in UTF-16 ('Unicode' of Windows programs); save it as UTF-8"
        )
    if wrong is not None and _is_text_of_one_byte(data):
        line = data.count(b"\n", 0, wrong.start) + 1
        raise InputError(
            f"{path}, line {line}: a letter that is not UTF-8 (byte 0x{data[wrong.start]:02x}), as in "
            "Windows-1252 or Latin-1 text; save the file as UTF-8"
        )
    if "\0" in text:
        raise InputError(f"{path}: not a text file; download it again, or leave it out")
    return text


def _is_utf16(data: bytes) -> bool:
    """Whether bytes begin with UTF-16's byte order mark, or with alternating letters and zeros."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return True
    return len(data) > 3 and {0} in (set(data[:40:2]), set(data[1:40:2]))


def _is_text_of_one_byte(data: bytes) -> bool:
    """Whether bytes are text with a few letters beyond ASCII, and no control characters."""
    rest = data.translate(None, bytes([9, 10, 12, 13, *range(32, 127)]))
    return min(rest, default=127) >= 127 and len(rest) < len(data) / 4


def read_csv(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Read a table: its header, and its rows with their line numbers.

    Rows of blank cells are left out.

    Raises:
        InputError: not a CSV, a row that is longer or shorter than the header, or no row.
    """
    lines = csv.reader(io.StringIO(read_text(path, MAX_TABLE_BYTES), newline=""))
    try:
        rows = (cells for cells in lines if any(cell.strip() for cell in cells))
        header = [cell.strip() for cell in next(rows, [])]
        _check_header(path, header)
        body = [(lines.line_num, cells) for cells in rows]
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


def _check_header(path: Path, header: list[str]) -> None:
    """Refuse a first line that is not one of comma-separated columns, with the likely cause."""
    if not header:
        raise InputError(f"{path}: no names of columns; complete it")
    if header[0].lower().startswith("sep="):
        raise InputError(
            f"{path}, line 1: '{header[0]}' is a line for Excel; delete this line, and separate the "
            "columns by commas"
        )
    for separator, name in ((";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars")):
        if sum(cell.count(separator) for cell in header) >= len(header):
            raise InputError(
                f"{path}: the columns are separated by {name}; export the table with commas, and with "
                "points in decimal numbers (1.5)"
            )


def read_json(path: Path, max_bytes: int = MAX_TABLE_BYTES) -> dict[str, Any]:
    """Read a JSON file that contains one object.

    Raises:
        InputError: as `read_json_value`; also if it is not an object.
    """
    value = read_json_value(path, max_bytes)
    if not isinstance(value, dict):
        raise InputError(f"{path}: a {type(value).__name__} instead of an object; leave it out")
    return value


def read_json_value(path: Path, max_bytes: int = MAX_TABLE_BYTES) -> Any:
    """Read a JSON file.

    Raises:
        InputError: as `read_text`; also if it is not JSON, or if a key appears twice in an object (the
            json module would keep the last one).
    """
    text = read_text(path, max_bytes)
    try:
        return json.loads(text, object_pairs_hook=unique_keys)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except (ValueError, RecursionError) as error:
        reason = json_problem(error)
        raise InputError(
            f"{path}: not JSON ({reason}); download it again, or leave it out"
        ) from None


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make a dict of the keys and values of a JSON object; the `object_pairs_hook` of `json.loads`.

    Raises:
        InputError: a key appears twice.
    """
    fields = dict(pairs)
    if len(fields) < len(pairs):
        key, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise InputError(f"the key '{key[:40]}' appears twice in one object; keep one of the two")
    return fields


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
        if _DECIMAL_COMMA.fullmatch(token.strip()):
            raise InputError(f"{where}: '{token[:40]}' has a decimal comma; export it with a point")
        raise InputError(f"{where}: '{token[:40]}' is not a finite number; correct it")
    return value


def declared_size(width: Any, height: Any) -> tuple[int, int] | None:
    """Return the (width, height) that a file states for its image; None unless both are above 0."""
    try:
        size = int(width), int(height)
    except (TypeError, ValueError, OverflowError):
        return None
    return size if min(size) > 0 else None


def number_or_missing(token: str, where: str) -> float:
    """Convert a text to a finite number, or to NaN if it is empty or `nan`.

    Raises:
        InputError: it is neither.
    """
    return math.nan if token.strip().lower() in ("", "nan") else number(token, where)
