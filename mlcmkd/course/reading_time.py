"""How long a notebook takes to read: minutes from its words and its lines of code."""

import re

import nbformat

WORDS_A_MINUTE = 200  # technical prose in a second language
CODE_LINES_A_MINUTE = 20  # read, not typed
_FORMULA = re.compile(r"\$\$.*?\$\$|\$[^$\n]+\$", re.DOTALL)
_TARGET = re.compile(r"\]\([^)]*\)")  # of a link
_WORD = re.compile(r"\w")


def words_of(notebook: nbformat.NotebookNode) -> int:
    """Number of words in the texts of a notebook; a formula is one word, the target of a link none."""
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    text = _TARGET.sub("]", _FORMULA.sub(" formula ", text))
    return sum(bool(_WORD.search(part)) for part in text.split())


def code_lines_of(notebook: nbformat.NotebookNode) -> int:
    """Number of lines of code in a notebook that are not empty."""
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    return sum(bool(line.strip()) for line in code.splitlines())


def reading_minutes(notebook: nbformat.NotebookNode) -> int:
    """Minutes to read the words and the code of a notebook, without its figures and its exercises."""
    words, lines = words_of(notebook), code_lines_of(notebook)
    return round(words / WORDS_A_MINUTE + lines / CODE_LINES_A_MINUTE)
