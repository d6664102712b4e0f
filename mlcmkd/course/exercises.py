"""Exercises out of their solutions: one source makes a notebook with the answers and one without.

A source is a solution. In it, tags tell what a student may see:

    solution    code: kept down to the marker, then every name that the next check reads is left open;
                Markdown: an answer in words, left open
    check       calls a checker of mlcmkd.course.checks on the answer
    discussion  stands in the solution only
"""

import ast
from copy import deepcopy
from typing import Any, NamedTuple

import nbformat

from mlcmkd.utils.errors import InputError

MARKER = "# your code here"
IN_WORDS = "*Your answer:*"
HEADING = "## "  # of an exercise: "## 1 · Recall: ..."


class Exercise(NamedTuple):
    """One exercise of a source.

    Attributes:
        title: its heading.
        solutions: its cells with answers, in order.
        checks: its cells with checks.
    """

    title: str
    solutions: list[Any]
    checks: list[Any]


def has(cell: Any, tag: str) -> bool:
    """Whether a cell carries a tag."""
    return tag in cell.metadata.get("tags", [])


def exercises_of(source: nbformat.NotebookNode) -> list[Exercise]:
    """The exercises of a source, in order; what stands before the first belongs to none."""
    found: list[Exercise] = []
    for cell in source.cells:
        first = cell.source.split("\n")[0]
        if cell.cell_type == "markdown" and first.startswith(HEADING) and "·" in first:
            found.append(Exercise(first.removeprefix(HEADING), [], []))
        elif found and has(cell, "solution"):
            found[-1].solutions.append(cell)
        elif found and has(cell, "check"):
            found[-1].checks.append(cell)
    return found


def exercise_of(source: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook for a student: the source with every answer left open.

    Raises:
        InputError: a solution without its marker, or none of whose names a check reads.
    """
    made = deepcopy(source)
    made.cells = [cell for cell in made.cells if not has(cell, "discussion")]
    for place, cell in enumerate(made.cells):
        if not has(cell, "solution"):
            continue
        if cell.cell_type == "markdown":
            cell.source = IN_WORDS
        else:
            later = (c.source for c in made.cells[place + 1 :] if has(c, "check"))
            cell.source = stub(cell.source, next(later, ""))
        cell.metadata["tags"] = ["exercise"]  # and none that asks for the answer's output
    for cell in made.cells:
        if has(cell, "check"):
            cell.metadata["tags"] = ["check"]
    return made


def stub(solution: str, check: str) -> str:
    """A solution's code with the answer left open.

    Everything down to the marker stays. Of what follows, only those names stay that the check reads:
    a variable as `name = ...`, a function with its signature and docstring and no body.

    Raises:
        InputError: no marker, or nothing is left to fill in.
    """
    kept, marker, answer = solution.partition(MARKER)
    if not marker:
        raise InputError(f"a solution has no line '{MARKER}': {solution.splitlines()[0]}")
    read = {node.id for node in ast.walk(ast.parse(check)) if isinstance(node, ast.Name)}
    open_parts: dict[str, str] = {}
    lines = answer.split("\n")
    for node in ast.parse(answer).body:
        if isinstance(node, ast.FunctionDef) and node.name in read:
            documented = isinstance(node.body[0], ast.Expr) and ast.get_docstring(node) is not None
            last = node.body[0].end_lineno if documented else node.body[0].lineno - 1
            kept_lines = lines[node.lineno - 1 : last]
            open_parts[node.name] = "\n".join([*kept_lines, "    ..."])
        elif isinstance(node, ast.Assign):
            for name in (n for target in node.targets for n in _names(target)):
                if name in read:
                    open_parts.setdefault(name, f"{name} = ...")
    if not open_parts:
        raise InputError(f"no check reads what this solution makes: {solution.splitlines()[0]}")
    apart = "\n\n\n" if any(part.startswith("def ") for part in open_parts.values()) else "\n"
    return kept + marker + "\n" + apart.join(open_parts.values())


def _names(target: ast.expr) -> list[str]:
    """The names that an assignment binds."""
    return [node.id for node in ast.walk(target) if isinstance(node, ast.Name)]
