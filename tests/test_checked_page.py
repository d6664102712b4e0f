"""The page "What is checked": every promise names tests that exist."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PAGE = (TESTS.parent / "docs" / "what_is_checked.md").read_text(encoding="utf-8")
PROMISES, NAMES = (
    [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in part.splitlines()
        if line.startswith("| ") and not line.startswith(("| what |", "| kind |", "| ---"))
    ]
    for part in PAGE.split("## The tests")
)


@cache
def names_of_tests() -> set[str]:
    return {
        node.name
        for file in TESTS.rglob("test_*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    }


def test_every_promise_has_a_row_of_tests():
    assert [what for what, _ in PROMISES] == [what for what, _ in NAMES]
    assert len(PROMISES) == len({what for what, _ in PROMISES}) > 40


@pytest.mark.parametrize("row", NAMES, ids=[row[0] for row in NAMES])
def test_a_promise_has_its_tests(row):
    named = re.findall(r"`(test_\w+)`", row[1])
    assert named
    assert set(named) <= names_of_tests(), set(named) - names_of_tests()
