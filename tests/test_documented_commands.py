"""Every `mlcmkd` command in README and docs/ parses: its name, its options, and the fields of --set."""

import re
import shlex
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
import typer
from typer.main import get_command

from mlcmkd.cli import COMMANDS, app

ROOT = Path(__file__).parents[1]
MADE = {"_build", "lessons", "exercises", "source", "api"}  # by the site
PAGES = [
    page
    for page in (
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *sorted((ROOT / "docs").rglob("*.md")),
    )
    if not MADE & set(page.relative_to(ROOT).parts)
]
GROUP = get_command(app)
CONTEXT = typer.Context(GROUP, info_name="mlcmkd")


def commands_of(text: str) -> Iterator[list[str]]:
    """The words after `mlcmkd` of each command in an indented block."""
    text = re.sub(r" *\\\n\s*", " ", text)
    for line in re.findall(r"^ {4}(?:\S*/|\S* ?-m )?mlcmkd (.*)$", text, re.MULTILINE):
        words = shlex.split(line, comments=True)
        if words and re.fullmatch(r"[a-z-]+", words[0]):
            yield [word for word in words if word != "..." and not word.startswith("[")]


def problem_of(words: list[str]) -> str | None:
    """What is wrong with a command, apart from the files that it names."""
    name, *arguments = words
    if name.startswith("--"):
        return None if name in ("--help", "--version") else f"no option {name}"
    command = GROUP.get_command(CONTEXT, name)
    if command is None:
        return f"no command {name}"
    context = typer.Context(command, info_name=name, parent=CONTEXT, ignore_unknown_options=False)
    context.allow_extra_args = name == "run"
    context.ignore_unknown_options = name == "run"
    try:
        values, _, _ = command.make_parser(context).parse_args(list(arguments))
    except Exception as error:  # typer's class of it has moved between versions
        return str(error) or type(error).__name__
    function = getattr(import_module(f"mlcmkd.cli.{COMMANDS[name].module}"), name.replace("-", "_"))
    for setting in values.get("sets") or []:
        if not has_field(function.config, setting.partition("=")[0]):
            return f"{function.config.__name__} has no field {setting.partition('=')[0]}"
    return None


def has_field(kind: type, dotted: str) -> bool:
    """Whether a config, or a config inside it, has a field."""
    first, _, rest = dotted.partition(".")
    if first not in getattr(kind, "model_fields", {}):
        return False
    annotation = kind.model_fields[first].annotation
    kinds = [annotation, *getattr(annotation, "__args__", ())]
    return not rest or any(has_field(each, rest) for each in kinds)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_commands_of_a_page_parse(page):
    commands = list(commands_of(page.read_text(encoding="utf-8")))
    problems = {shlex.join(words): problem_of(words) for words in commands}
    assert not {command: why for command, why in problems.items() if why}


def test_options_that_guides_name_exist():
    known = {"--help", "--version"}
    for name in COMMANDS:
        for parameter in GROUP.get_command(CONTEXT, name).params:
            known |= {*parameter.opts, *parameter.secondary_opts}
    # Of other programs that these pages run.
    known |= {"--theme", "--allow-root", "--ip", "--no-browser"}
    for page in PAGES:
        if page.parent.name in ("guides", "start", "extending"):
            spans = re.findall(r"`([^`\n]*)`", page.read_text(encoding="utf-8"))
            named = {
                word for span in spans for word in re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", span)
            }
            assert named <= known, page


@pytest.mark.parametrize(
    "words", ["trian", "train --init w.safetensors", "train --set fit.stepz=3", "train --out"]
)
def test_a_wrong_command_is_found(words):
    assert problem_of(words.split())


def test_commands_are_found_in_blocks():
    text = (
        "Run `mlcmkd x`:\n\n    mlcmkd train --out a \\\n        --seed 1  # b\n"
        "    .venv/bin/mlcmkd report a\n"
    )
    assert list(commands_of(text)) == [["train", "--out", "a", "--seed", "1"], ["report", "a"]]
