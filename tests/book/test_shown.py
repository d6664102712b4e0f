"""How pages are shown: printed prose, descriptions, choices in the tables of configs."""

import pytest

pytest.importorskip("sphinx", reason="no Sphinx: pip install -e '.[book]'")

from _sphinx.reference import type_cell
from _sphinx.shown import description, is_prose
from docutils import nodes

from mlcmkd.stages.attribute import AttributeConfig


def test_printed_sentences_wrap_and_printed_tables_do_not():
    assert is_prose("Right: the error is 3.4 %. " * 20)
    assert is_prose("Right.\nsplit:  one line with two spaces")
    assert not is_prose("size    parameters\nlarge   11,604,100")
    assert is_prose("a  b\nc  d\n" + "A long explanation. " * 10)


def test_a_page_is_described_by_its_first_paragraph_of_text():
    picture = nodes.paragraph("", "", nodes.image(alt="Two faces."))
    text = nodes.paragraph("", "", nodes.strong("", "Question."), nodes.Text(" How\nfar?"))
    section = nodes.section(
        "", nodes.title("", "Title"), picture, text, nodes.paragraph("", "Then.")
    )
    document = nodes.document(None, None)
    document += section
    assert description(document) == "Question. How far?"
    text += nodes.Text(" word" * 200)
    assert len(description(document)) <= 200


def test_the_values_of_a_choice_can_be_broken_into_lines():
    assert type_cell(AttributeConfig, "split") == "`train`, `val`, `test`"
    assert type_cell(AttributeConfig, "rgb") == "`Path | None`"
