"""Generates exercises from their solutions: one source, one notebook with and one without answers.

A source is the solution. Tags of its cells define what the exercise contains:

    solution    code: kept up to the marker; after it, every name that the next check uses is left
                unanswered; Markdown: an answer in words, left unanswered
    check       calls a check of mlcmkd.course.checks on the answer
    discussion  only in the solution
"""

import ast
from copy import deepcopy
from typing import Any, NamedTuple

import nbformat

from mlcmkd.utils.errors import InputError

MARKER = "# your code here"
IN_WORDS = "*Your answer:*"
HEADING = "## "  # of an exercise, such as "## 1 · Recall: ..."


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
    """Whether a cell has a tag."""
    return tag in cell.metadata.get("tags", [])


def exercises_of(source: nbformat.NotebookNode) -> list[Exercise]:
    """The exercises of a source, in order; cells before the first heading belong to none."""
    exercises: list[Exercise] = []
    for cell in source.cells:
        first = cell.source.split("\n")[0]
        if cell.cell_type == "markdown" and first.startswith(HEADING) and "·" in first:
            exercises.append(Exercise(first.removeprefix(HEADING), [], []))
        elif exercises and has(cell, "solution"):
            exercises[-1].solutions.append(cell)
        elif exercises and has(cell, "check"):
            exercises[-1].checks.append(cell)
    return exercises


def exercise_of(source: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook for a student: the source without its answers.

    Raises:
        InputError: a solution has no marker, or the next check uses none of its names.
    """
    exercise = deepcopy(source)
    exercise.cells = [cell for cell in exercise.cells if not has(cell, "discussion")]
    for number, cell in enumerate(exercise.cells):
        if not has(cell, "solution"):
            continue
        if cell.cell_type == "markdown":
            cell.source = IN_WORDS
        else:
            later = (c.source for c in exercise.cells[number + 1 :] if has(c, "check"))
            cell.source = without_answer(cell.source, next(later, ""))
        cell.metadata["tags"] = ["exercise"]  # without tags that compare the output of the answer
    for cell in exercise.cells:
        if has(cell, "check"):
            cell.metadata["tags"] = ["check"]
    return exercise


def without_answer(solution: str, check: str) -> str:
    """The code of a solution without its answer.

    The code up to the marker is kept. After it, only the names that the check uses are kept: a
    variable as `name = ...`, a function with its signature and docstring but without a body.

    Raises:
        InputError: there is no marker, or the check uses no name of the answer.
    """
    kept, marker, answer = solution.partition(MARKER)
    if not marker:
        raise InputError(f"a solution has no line '{MARKER}': {solution.splitlines()[0]}")
    used = {node.id for node in ast.walk(ast.parse(check)) if isinstance(node, ast.Name)}
    open_parts: dict[str, str] = {}
    lines = answer.split("\n")
    for node in ast.parse(answer).body:
        if isinstance(node, ast.FunctionDef) and node.name in used:
            documented = isinstance(node.body[0], ast.Expr) and ast.get_docstring(node) is not None
            last = node.body[0].end_lineno if documented else node.body[0].lineno - 1
            kept_lines = lines[node.lineno - 1 : last]
            open_parts[node.name] = "\n".join([*kept_lines, "    ..."])
        elif isinstance(node, ast.Assign):
            for name in (n for target in node.targets for n in _names(target)):
                if name in used:
                    open_parts.setdefault(name, f"{name} = ...")
    if not open_parts:
        raise InputError(
            f"the next check uses no name of this solution: {solution.splitlines()[0]}"
        )
    separator = "\n\n\n" if any(part.startswith("def ") for part in open_parts.values()) else "\n"
    return kept + marker + "\n" + separator.join(open_parts.values())


def _names(target: ast.expr) -> list[str]:
    """The names that an assignment defines."""
    return [node.id for node in ast.walk(target) if isinstance(node, ast.Name)]
