"""Reading time of a notebook."""

from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from mlcmkd.course.reading_time import code_lines_of, reading_minutes, words_of


def test_words_are_those_that_are_read():
    text = "# 00 · Tour\n\n**Two** [linked words](a/long/path.md), $x_i + y$ and\n\n$$a\n= b$$"
    notebook = new_notebook(cells=[new_markdown_cell(text), new_code_cell("not a word")])
    assert words_of(notebook) == 8  # 00 Tour Two linked words formula and formula


def test_empty_lines_of_code_take_no_time():
    cells = [new_code_cell("a = 1\n\n\nb = 2"), new_code_cell("c = 3"), new_markdown_cell("d")]
    assert code_lines_of(new_notebook(cells=cells)) == 3


def test_minutes_are_those_of_words_and_of_code():
    cells = [new_markdown_cell("word " * 400), new_code_cell("x = 1\n" * 60)]
    assert reading_minutes(new_notebook(cells=cells)) == 2 + 3
