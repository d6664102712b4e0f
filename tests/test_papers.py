"""The page of the papers: everything that it names exists."""

import re
from pathlib import Path

from typer.main import get_command

from mlcmkd import plots
from mlcmkd.cli import app

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "papers.md").read_text(encoding="utf-8")


def test_its_links_and_files_exist():
    for target in re.findall(r"\]\(([^)]+)\)", TEXT):
        file, _, heading = target.partition("#")
        page = ROOT / "docs" / file
        assert page.exists(), target
        if heading:
            headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in [text.lower().replace(" ", "-") for text in headings], target
    names = re.findall(r"`((?:results|docs)/[\w/.]+|(?:\w+/)*\w+\.py)`", TEXT)
    assert len(names) > 10
    for name in set(names):
        assert (ROOT / name).exists() or (ROOT / "mlcmkd" / name).exists(), name
    for name in re.findall(r"experiments/\w+\.yaml|benchmarks/\w+\.py|scripts/\w+\.py", TEXT):
        assert (ROOT / name).exists(), name


def test_its_functions_and_commands_exist():
    named = set(re.findall(r"`plots\.(\w+)`", TEXT))
    assert len(named) > 8 and all(hasattr(plots, name) for name in named)
    commands = set(re.findall(r"`mlcmkd ([\w-]+)", TEXT))
    assert len(commands) > 8 and commands <= set(get_command(app).commands)


def test_its_figures_are_drawn_by_the_lessons():
    drawn = "".join(p.read_text() for p in (ROOT / "notebooks" / "sources").glob("*.py"))
    for name in set(re.findall(r"`(0\d_\w+?)\*?`", TEXT)):
        assert f'"{name}' in drawn, name


def test_it_gives_no_number_of_a_figure_or_table():
    assert not re.search(r"\b(Fig(ure|\.)|Table|Tab\.|Eq(uation|\.))\s*\(?[\dIVX]+\b", TEXT)
