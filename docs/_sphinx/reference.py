"""Directives of the reference: public names, commands by their `--help`, configs by their fields."""

import inspect
import os
import pkgutil
import re
from importlib import import_module
from typing import Any

import typer
from docutils import nodes
from docutils.statemachine import StringList
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from typer.main import get_command

from _sphinx.repository import ROOT

_WIDTH = 84  # columns of the help


class Sections(SphinxDirective):
    """A directive whose text is Markdown under headings.

    Its content is only for those who read the file in a checkout, without the site.
    """

    has_content = True

    def section(self, title: str, text: str) -> nodes.section:
        """A section with a heading, and a text in Markdown."""
        section = nodes.section(names=[nodes.fully_normalize_name(title)])
        section += nodes.title("", "", nodes.literal(title, title))
        self.state.document.note_implicit_target(section, section)
        section += self.parsed(text)
        for table in section.findall(nodes.table):
            table["classes"].append("fields")
        return section

    def parsed(self, text: str) -> list[nodes.Node]:
        """A text in Markdown."""
        container = nodes.Element()
        lines = StringList(text.splitlines(), source=self.env.docname)
        self.state.nested_parse(lines, self.content_offset, container)
        return container.children

    def depend_on(self, *packages: str) -> None:
        """Makes the page be read again when a file of these packages has changed."""
        for package in packages:
            for path in (ROOT / package).rglob("*.py"):
                self.env.note_dependency(path)


class PublicNames(Sections):
    """A table of the names of `import mlcmkd`, each with the first sentence of its documentation."""

    def run(self) -> list[nodes.Node]:
        import mlcmkd

        self.depend_on("mlcmkd")
        rows = ["| name | what it is |", "| --- | --- |"]
        for name in sorted(mlcmkd.__all__, key=str.lower):
            value = getattr(mlcmkd, name)
            if inspect.isclass(value) or inspect.isfunction(value):
                link = f"{{py:obj}}`{name} <{value.__module__}.{value.__qualname__}>`"
                rows.append(f"| {link} | {first_sentence(value)} |")
            else:
                rows.append(
                    f"| `{name}` | {type(value).__name__.lower()} of {len(value)} entries |"
                )
        return self.parsed("\n".join(rows))


class CommandHelp(Sections):
    """Every command of the command line, by its `--help`."""

    def run(self) -> list[nodes.Node]:
        os.environ["COLUMNS"] = str(_WIDTH)
        self.depend_on("mlcmkd", "docs/_sphinx")
        from mlcmkd.cli import COMMANDS, app

        group = get_command(app)
        context = typer.Context(group, info_name="mlcmkd", max_content_width=_WIDTH)
        context.terminal_width = _WIDTH
        found = self.parsed(f"```text\n{context.get_help()}\n```")
        for name in COMMANDS:
            command = group.get_command(context, name)
            with typer.Context(command, info_name=name, parent=context) as inner:
                inner.terminal_width = inner.max_content_width = _WIDTH
                text = inner.get_help()
            found.append(self.section(f"mlcmkd {name}", f"```text\n{text}\n```"))
        return found


class ConfigFields(Sections):
    """Every config of a package, by its fields."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        self.depend_on(self.arguments[0].replace(".", "/"), "docs/_sphinx")
        kinds = configs_of(self.arguments[0])
        names = [kind.__name__ for kind in kinds]
        found = []
        for kind in kinds:
            alone = names.count(kind.__name__) == 1
            place = kind.__module__.removeprefix(f"{self.arguments[0]}.")
            title = kind.__name__ if alone else f"{place}.{kind.__name__}"
            found.append(self.section(title, config_text(kind)))
        return found


def configs_of(package: str) -> list[type]:
    """The config classes that are defined in a package and have fields, by name."""
    from mlcmkd.utils.config import Config

    top = import_module(package)
    names = [package]
    if hasattr(top, "__path__"):
        names += [each.name for each in pkgutil.walk_packages(top.__path__, f"{package}.")]
    found = {
        value
        for name in names
        if not name.endswith("__main__")
        for value in vars(import_module(name)).values()
        if isinstance(value, type) and issubclass(value, Config) and value.__module__ == name
    }
    return sorted(
        (kind for kind in found if kind.model_fields),
        key=lambda kind: (kind.__name__, kind.__module__),
    )


def config_text(kind: type) -> str:
    """What a config is, and a table of its fields."""
    rows = ["| field | type | default | meaning |", "| --- | --- | --- | --- |"]
    for name, field in kind.model_fields.items():
        meaning = field.description or described_attributes(kind).get(name, "")
        cells = (f"`{name}`", type_cell(kind, name), default_text(field), meaning)
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    summary = first_sentence(kind)
    link = f"{{py:obj}}`{kind.__module__}.{kind.__qualname__}`"
    return "\n".join([summary, "", f"In Python: {link}.", "", *rows])


def type_cell(kind: type, name: str) -> str:
    """The type of a field as Markdown: the values of a choice one by one, so that lines break there."""
    text = type_text(kind, name)
    choice = re.fullmatch(r"Literal\[(.*?)\]( \| None)?", text)
    if choice is None:
        return f"`{text}`"
    values = [value.strip().strip("'") for value in choice[1].split(",")]
    if choice[2]:
        values.append("None")
    return ", ".join(f"`{value}`" for value in values)


def type_text(kind: type, name: str) -> str:
    """The annotation of a field, without the names of modules, and its bounds."""
    field = kind.model_fields[name]
    annotation = field.annotation
    text = (
        annotation.__name__
        if isinstance(annotation, type) and not _generic(annotation)
        else str(annotation)
    )
    text = re.sub(r"\b(?:\w+\.)+(\w+)", r"\1", text).replace("NoneType", "None")
    text = re.sub(r"Annotated\[(\w+), .*?\)\]", r"\1", text)
    signs = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}
    bounds = [
        f"{sign} {getattr(part, key)}"
        for part in field.metadata
        for key, sign in signs.items()
        if getattr(part, key, None) is not None
    ]
    return ", ".join([text, *bounds])


def _generic(annotation: Any) -> bool:
    return bool(getattr(annotation, "__args__", ()))


def default_text(field: FieldInfo) -> str:
    """The default as it is written in a parameter file, or that there is none."""
    if field.is_required():
        return "*required*"
    default = field.get_default(call_default_factory=True)
    if default is PydanticUndefined:
        return ""
    if hasattr(default, "model_fields_set"):
        return f"a `{type(default).__name__}`"
    return f"`{default if default != '' else repr(default)}`"


def described_attributes(kind: type) -> dict[str, str]:
    """What the docstrings of a class and of its bases say under "Attributes:"."""
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        text = inspect.cleandoc(base.__dict__.get("__doc__") or "")
        _, _, section = text.partition("Attributes:\n")
        section = section.split("\n\n")[0]
        for names, meaning in re.findall(
            r"^    (\w[\w, ]*): (.*(?:\n {8}.*)*)", section, re.MULTILINE
        ):
            for name in names.split(", "):
                found[name] = re.sub(r"\s+", " ", meaning)
    return found


def first_sentence(value: Any) -> str:
    """The first sentence of a docstring."""
    text = re.sub(r"\s+", " ", (inspect.getdoc(value) or "").split("\n\n")[0])
    return re.split(r"(?<=[.:]) (?=[A-Z])", text)[0].rstrip(":")


def shown_names(
    app: Sphinx, what: str, name: str, value: Any, skip: bool, options: Any
) -> bool | None:
    """Leaves out what pydantic adds to a config; its fields are on the page of the configs."""
    return True if name in ("model_config", "model_fields", "model_post_init") else None


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("public-names", PublicNames)
    app.add_directive("command-help", CommandHelp)
    app.add_directive("config-fields", ConfigFields)
    app.connect("autodoc-skip-member", shown_names)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
