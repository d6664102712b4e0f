"""Lessons and exercises as pages of the site."""

import nbformat
import pytest
from _sphinx.notebooks import (
    NOTEBOOKS,
    alternative_text,
    exercise_page,
    lesson_page,
    plain,
    read,
    texts_of,
    with_images,
)
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

PICTURE = new_output("display_data", {"image/png": "AAAA"})


def with_tags(cell, *tags):
    cell.metadata["tags"] = list(tags)
    return cell


def figure(*after) -> str:
    cells = [new_markdown_cell("## The data"), new_code_cell("show()", outputs=[PICTURE]), *after]
    return alternative_text(cells, 1)


def test_a_figure_is_described_by_the_text_that_explains_it():
    caption = new_markdown_cell(
        "**How to read it.** Left: the *photo*, see [a](b.md). Right: $x$.\n\nMore."
    )
    expected = "Figure of the section The data. Left: the photo, see a. Right: x."
    assert figure(caption) == expected
    assert figure(new_code_cell("table()"), caption) == expected


def test_a_figure_without_a_text_is_named_by_its_section():
    assert figure(new_markdown_cell("Next.")) == "Figure of the section The data"


def test_a_description_is_short():
    sentences = " ".join(["A sentence of some length."] * 40)
    assert len(figure(new_markdown_cell(f"**How to read it.** {sentences}"))) < 320


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("[0-9]*.ipynb")), ids=lambda path: path.stem)
def test_every_figure_of_a_lesson_has_a_text(path):
    cells = lesson_page(path).cells
    shown = [cell for cell in cells if cell.cell_type == "code" and _pictures(cell)]
    assert shown
    for cell in shown:
        text = cell.metadata["mystnb"]["image"]["alt"]
        assert len(text) > len("Figure of the section ") and "**" not in text


def _pictures(cell) -> list:
    return [
        each
        for each in cell.outputs
        if "image/png" in each.get("data", {}) or "image/jpeg" in each.get("data", {})
    ]


def test_the_code_before_the_first_section_is_folded_into_one_box(tmp_path):
    cells = [
        new_markdown_cell("# Title"),
        with_tags(new_code_cell("seed = 0"), "parameters"),
        new_code_cell("import math"),
        new_code_cell("from math import pi\n\nprint(pi)", outputs=[PICTURE]),
        new_markdown_cell("## First"),
        new_code_cell("print(seed)"),
    ]
    nbformat.write(new_notebook(cells=cells), tmp_path / "lesson.ipynb")
    page = lesson_page(tmp_path / "lesson.ipynb")
    folded = ["hide-input" in cell.metadata.get("tags", []) for cell in page.cells]
    assert folded == [False, True, False, False]
    assert page.cells[1].source == "seed = 0\n\nimport math\n\nfrom math import pi\n\nprint(pi)"
    assert page.cells[1].outputs == [PICTURE]


def test_solutions_are_folded_below_their_tasks(tmp_path):
    task = new_markdown_cell("## 1 · Recall")
    exercise = [
        task,
        with_tags(new_code_cell("x = ..."), "exercise"),
        with_tags(new_code_cell("check(x)"), "check"),
    ]
    solution = [
        task,
        with_tags(new_code_cell("x = 1"), "solution"),
        with_tags(new_code_cell("check(x)"), "check"),
        with_tags(new_markdown_cell("Because."), "discussion"),
    ]
    for name, cells in {"exercise": exercise, "solution": solution}.items():
        nbformat.write(new_notebook(cells=cells), tmp_path / f"{name}.ipynb")
    page = exercise_page(tmp_path / "exercise.ipynb", tmp_path / "solution.ipynb")
    _, asked, answer, check, discussion = page.cells
    assert (asked.source, answer.source) == ("x = ...", "x = 1")
    assert "hide-cell" in answer.metadata["tags"] and "hide-cell" not in asked.metadata["tags"]
    assert answer.metadata["mystnb"]["code_prompt_show"] == "Show the solution"
    assert "hide-output" in check.metadata["tags"]
    assert (
        discussion.source.startswith(":::{dropdown} Discussion\n")
        and "Because." in discussion.source
    )
    assert len({cell["id"] for cell in page.cells}) == 5


def test_marks_of_markdown_are_no_text():
    assert plain("a **b** [c](d.md)\n`e`") == "a b c e"


def test_stored_pictures_in_a_text_are_found_from_every_page():
    text = "![Faces](../docs/figures/path.png) ![b](../docs/no_such.png) ![c](https://a.b/c.png)"
    assert with_images(text, NOTEBOOKS) == text.replace("../docs/figures", "/figures")


@pytest.mark.parametrize("folder", ["", "exercises", "solutions"])
def test_no_line_of_a_text_is_a_comment_of_myst(folder):
    """A percent sign that begins a line after a line break makes MyST leave out the line."""
    for path in sorted((NOTEBOOKS / folder).glob("*.ipynb")):
        for text in texts_of(read(path)):
            lost = [line for line in text.splitlines() if line.lstrip().startswith("%")]
            assert not lost, f"{path.name}: {lost[0]}"


def test_the_text_of_a_picture_keeps_the_space_between_its_lines():
    text = "![Two\nfaces](../docs/figures/faces.png)"
    assert with_images(text, NOTEBOOKS) == "![Two faces](/figures/faces.png)"
