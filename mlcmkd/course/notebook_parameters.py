"""The parameters of a notebook, and their validation before a kernel starts.

Papermill only warns about an unknown parameter and continues. Here the names are those of the parameters
cell. The values are validated by the lesson class that the notebook passes to `check_parameters`, or
else by the annotations and default values of the parameters cell.
"""

import ast
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import nbformat

from mlcmkd.course.lesson import LESSONS, Lesson, validated_parameters
from mlcmkd.course.project import check_scale
from mlcmkd.utils.errors import InputError, suggestion

_REQUIRED = object()  # the default of a parameter that is only annotated
_NONE = type(None)
_BY_NAME = {kind.__name__: kind for kind in (bool, int, float, str, list, tuple, dict, set)}


class Parameter(NamedTuple):
    """A parameter of a notebook.

    Attributes:
        default: its value in the parameters cell.
        types: of its values; any if empty.
    """

    default: Any
    types: tuple[type, ...]


def read_notebook(path: Path) -> nbformat.NotebookNode:
    """A notebook of Python code.

    Raises:
        InputError: the file is not a notebook, or one in another language.
    """
    try:
        text = path.read_bytes().decode("utf-8")
        if "nbformat" not in json.loads(text):
            raise ValueError("no version")
        notebook = nbformat.reads(text, as_version=4)
        cells, metadata = notebook.cells, notebook.metadata
        for cell in cells:
            _ = (cell.cell_type, cell.source, cell.metadata)
        kernel, language = (metadata.get(key, {}) for key in ("kernelspec", "language_info"))
        name = language.get("name") or kernel.get("language") or "python"
    except (ValueError, TypeError, LookupError, AttributeError, nbformat.ValidationError):
        raise InputError(f"{path}: not a Jupyter notebook; give an .ipynb file") from None
    if "python" not in name.lower():
        raise InputError(f"{path}: a notebook in {name}; only notebooks in Python can be run")
    return notebook


def parameter_values(
    name: str, cells: list[nbformat.NotebookNode], given: Mapping[str, Any]
) -> dict[str, Any]:
    """The values of all parameters of a notebook, defaults included.

    Args:
        name: of the notebook's file, for messages.
        cells: its code cells.
        given: values by name.

    Raises:
        InputError: no parameters cell, or one that assigns something else than literal values; a name
            is unknown, or a value has the wrong type or range; or the given work folder of a lesson
            contains networks of another scale.
    """
    parameters, lesson_class = _parameters(name, cells), _lesson_class(name, cells)
    for each in given:
        if each not in parameters:
            raise InputError(f"{name}: no parameter '{each}'{suggestion(each, parameters)}")
    values = {each: parameter.default for each, parameter in parameters.items()}
    for each, value in given.items():
        parameter = parameters[each]
        values[each] = value if lesson_class else _fitted(f"{name}: {each}", value, parameter)
    for each, value in values.items():
        if value is _REQUIRED:
            raise InputError(f"{name}: parameter '{each}' has no default; add -p {each} VALUE")
    if lesson_class is not None:
        lesson = validated_parameters(values, lesson_class)  # as in the notebook
        if given.get("work"):
            check_scale(Path(given["work"]).resolve(), lesson.scale)
    return values


def _parameters(name: str, cells: list[nbformat.NotebookNode]) -> dict[str, Parameter]:
    """The parameters that the cell with the tag 'parameters' assigns or annotates."""
    tagged = [cell for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    if not tagged:
        raise InputError(f"{name}: no cell has the tag 'parameters'; tag the first code cell")
    lines = tagged[0].source.splitlines()
    code = "\n".join("" if line.startswith(("%", "!")) else line for line in lines)  # magics
    try:
        return {
            target: Parameter(default, _types(annotation, default))
            for statement in ast.parse(code).body
            for target, default, annotation in _assigned(statement)
        }
    except (SyntaxError, ValueError) as error:
        raise InputError(
            f"{name}: the parameters cell may only assign literal values: {error}"
        ) from None


def _assigned(statement: ast.stmt) -> Iterator[tuple[str, Any, ast.expr | None]]:
    """Name, value and annotation of each variable of an assignment, such as `a: int = 1`."""
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        value = _REQUIRED if statement.value is None else ast.literal_eval(statement.value)
        yield statement.target.id, value, statement.annotation
    elif isinstance(statement, ast.Assign):
        for target in statement.targets:
            if isinstance(target, ast.Name):
                yield target.id, ast.literal_eval(statement.value), None
            elif isinstance(target, ast.Tuple) and all(
                isinstance(n, ast.Name) for n in target.elts
            ):
                values = ast.literal_eval(statement.value)
                yield from ((n.id, v, None) for n, v in zip(target.elts, values, strict=True))


def _types(annotation: ast.expr | None, default: Any) -> tuple[type, ...]:
    """The types of a parameter: those of its annotation, or else that of its default.

    Without an annotation, or with one of other types, a default of None allows any value.
    """
    defaults = [] if default is _REQUIRED else [type(default)]
    annotated = _annotated(annotation)
    if annotated is not None:
        return tuple(dict.fromkeys([*annotated, *defaults]))
    return () if default is None else tuple(defaults)


def _annotated(annotation: ast.expr | None) -> list[type] | None:
    """The types that an annotation such as `int | None` names; None if it names others."""
    match annotation:
        case ast.Constant(value=None):
            return [_NONE]
        case ast.Constant(value=str() as text):
            return _annotated(ast.parse(text, mode="eval").body)
        case ast.Name(id=name) if name in _BY_NAME:
            return [_BY_NAME[name]]
        case ast.Subscript(value=ast.Name(id=name)) if name in _BY_NAME:
            return [_BY_NAME[name]]
        case ast.Subscript(value=ast.Name(id="Optional"), slice=inner):
            parts = [_annotated(inner), [_NONE]]
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            parts = [_annotated(left), _annotated(right)]
        case _:
            return None
    return None if None in parts else [kind for part in parts for kind in part]


def _fitted(where: str, value: Any, parameter: Parameter) -> Any:
    """A given value in a type of its parameter: YAML has no tuples, and `1e3` is a float."""
    types = parameter.types
    if not types or type(value) in types or (float in types and type(value) is int):
        return value
    if int in types and isinstance(value, float) and value.is_integer():
        return int(value)
    for kind in (tuple, list, set):
        if kind in types:
            items = _literal(value) if isinstance(value, str) else value
            if isinstance(items, list | tuple | set):
                return kind(items)
    kinds = " or ".join("None" if kind is _NONE else kind.__name__ for kind in types)
    such = "" if parameter.default is _REQUIRED else f" such as {parameter.default!r}"
    quoted = f"; quote a text: \"'{value}'\"" if str in types else ""
    raise InputError(f"{where}={value!r}: expected {kinds}{such}{quoted}")


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return None


def _lesson_class(name: str, cells: list[nbformat.NotebookNode]) -> type[Lesson] | None:
    """The lesson class that a notebook validates its parameters with; None without `check_parameters`.

    Raises:
        InputError: the class is not one of `mlcmkd.course`.
    """
    for cell in cells:
        kind = _checked_class(cell.source)
        if kind is None:
            continue
        if kind not in LESSONS:
            raise InputError(
                f"{name}: check_parameters is called with '{kind}', which is no lesson class of "
                f"mlcmkd.course; use one of {', '.join(LESSONS)}"
            )
        return LESSONS[kind]
    return None


def _checked_class(source: str) -> str | None:
    """The name of the class in a call `check_parameters(globals(), CLASS)`; None without a call."""
    try:
        tree = ast.parse(source)
    except SyntaxError:  # a cell with magics
        return None
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("check_parameters"):
            classes = [*call.args[1:2], *(k.value for k in call.keywords if k.arg == "kind")]
            return ast.unparse(classes[0]).rpartition(".")[2] if classes else Lesson.__name__
    return None
