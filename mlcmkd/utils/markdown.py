"""Markdown tables, padded to be readable as plain text, and their places in pages."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mlcmkd.utils.errors import InputError

Row = Mapping[str, Any]


def _plain(row: Row, column: str) -> str:
    return str(row[column])


def markdown_table(
    rows: Sequence[Row],
    columns: Mapping[str, str] | None = None,
    cell: Callable[[Row, str], str] = _plain,
) -> str:
    """Format rows as a Markdown table.

    Args:
        rows: at least one, unless `columns` is given.
        columns: field of a row -> heading; None for the names of the first row's fields.
        cell: function from a row and a field to the cell's text.
    """
    columns = {name: name for name in rows[0]} if columns is None else columns
    texts = [list(columns.values())] + [[cell(row, name) for name in columns] for row in rows]
    widths = [max(len(line[n]) for line in texts) for n in range(len(columns))]
    lines = [
        "| "
        + " | ".join(text.ljust(width) for text, width in zip(line, widths, strict=True))
        + " |"
        for line in texts
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def with_table(text: str, marker: str, table: str) -> str:
    """A page with the table between `<!-- marker -->` and `<!-- end of marker -->`.

    Args:
        text: the page, with exactly one such pair of markers.
        marker: name in the markers.
        table: Markdown that replaces the text between them.

    Raises:
        InputError: the page lacks the two markers.
    """
    first, last = f"<!-- {marker} -->", f"<!-- end of {marker} -->"
    between = re.compile(f"{re.escape(first)}.*?{re.escape(last)}", re.DOTALL)
    # Markdown needs an empty line before and after a table.
    found, count = between.subn(lambda _: f"{first}\n\n{table}\n\n{last}", text)
    if count != 1:
        raise InputError(
            f"the page has {count} places between '{first}' and '{last}'; it needs one"
        )
    return found
