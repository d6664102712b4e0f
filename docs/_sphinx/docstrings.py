"""Docstrings are written as plain text with backticks; Sphinx reads reStructuredText.

An indented paragraph is code, and a paragraph in two columns is shown as it is. `|` and a trailing `_`,
which have a meaning in reStructuredText, have none in a docstring.
"""

import re
from typing import Any

from sphinx.application import Sphinx

_SECTION = re.compile(r"\s*(Args|Attributes|Raises|Returns|Yields):$")
_COLUMNS = re.compile(r"\s*\S+( \S+)* {2,}\S")
_CODE = re.compile(r"(`[^`]*`)")


def convert(app: Sphinx, what: str, name: str, value: Any, options: Any, lines: list[str]) -> None:
    """Changes the lines of a docstring in place; runs before napoleon reads its sections."""
    result: list[str] = []
    level, last = 0, ""  # of the last paragraph of text: its indentation, its last line
    for paragraph in _paragraphs(lines):
        indent = min(map(_indentation, paragraph))
        is_code = indent > level and not _SECTION.match(last)
        if is_code or _is_table(paragraph):
            around = " " * (level if is_code else indent)
            result += [f"{around}::", "", *(f"    {line}" for line in paragraph), ""]
            continue
        result += [*map(_escaped, paragraph), ""]
        level, last = _indentation(paragraph[-1]), paragraph[-1]
        if any(_SECTION.match(line) for line in paragraph):
            level += 4  # a second paragraph of an entry
    lines[:] = result


def _paragraphs(lines: list[str]) -> list[list[str]]:
    """The lines between empty ones."""
    text = "\n".join(lines)
    return [part.split("\n") for part in re.split(r"\n\s*\n", text.strip("\n")) if part.strip()]


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip())


def _is_table(paragraph: list[str]) -> bool:
    """Whether at least two lines have two columns, the first among them."""
    rows = [line for line in paragraph if _COLUMNS.match(line)]
    return len(rows) > 1 and rows[0] == paragraph[0]


def _escaped(line: str) -> str:
    parts = _CODE.split(line)
    parts[::2] = [re.sub(r"(\||(?<=\w)_(?!\w))", r"\\\1", part) for part in parts[::2]]
    return "".join(parts)


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("autodoc-process-docstring", convert, priority=400)  # napoleon has 500
    return {"parallel_read_safe": True, "parallel_write_safe": True}
