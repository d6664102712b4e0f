"""What `make book` refuses in the finished site."""

from pathlib import Path

import pytest

pytest.importorskip("sphinx", reason="no Sphinx: pip install -e '.[book]'")

from _sphinx.site_checks import problems, read_page


def found(folder: Path, body: str) -> list[str]:
    (folder / "a.html").write_text(body, encoding="utf-8")
    (folder / "b.html").write_text('<h2 id="there">b</h2>', encoding="utf-8")
    read_page.cache_clear()
    return list(problems(folder))


def test_a_good_page_has_no_problem(tmp_path):
    body = (
        '<p id="here"><a href="#here">1</a><a href="b.html#there">2</a><a href="https://arxiv.org">3</a>'
        '<img src="x.png" alt="Two faces."><script src="_static/s.js"></script>'
    )
    assert found(tmp_path, body) == []


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ('<a href="c.html">c</a>', "link to c.html, which does not exist"),
        ('<a href="b.html#nowhere">b</a>', "link to b.html#nowhere, which does not exist"),
        ('<img src="x.png">', "picture x.png without an alternative text"),
        ('<img src="x.png" alt="_images/x.png">', "picture x.png without an alternative text"),
        ('<script src="https://cdn.example/m.js"></script>', "from another host"),
        ('<link rel="stylesheet" href="//fonts.example/f.css">', "from another host"),
    ],
)
def test_each_kind_of_problem_is_a_line_with_the_page(tmp_path, body, problem):
    (line,) = found(tmp_path, body)
    assert line.startswith("a.html: ") and problem in line
