"""Pages, README and lessons: every link within the repository leads somewhere, also without the site."""

import re
from pathlib import Path

import nbformat
import pytest
from _sphinx.repository import DOCS, ROOT, page_of, with_links_of_the_site

WRITTEN = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *(
        page
        for page in sorted(DOCS.rglob("*.md"))
        if page.relative_to(DOCS).parts[0] not in ("_build", "lessons", "exercises", "source")
        and "api" not in page.parts
    ),
]


def links_of(text: str) -> list[str]:
    text = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    return re.findall(r"\]\(([^)\s]+)\)", text)


def places_of(page: Path) -> set[str]:
    """The anchors of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_page_links_to_files_and_headings_that_exist(page):
    for link in links_of(page.read_text(encoding="utf-8")):
        path, _, place = link.partition("#")
        if "://" in path:
            continue
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not place or place in places_of(target), link


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda p: p.stem)
def test_a_lesson_links_to_files_that_exist(path):
    for cell in nbformat.read(path, 4).cells:
        if cell.cell_type == "markdown":
            for link in links_of(cell.source):
                assert "://" in link or (path.parent / link.partition("#")[0]).exists(), link


def test_links_lead_to_the_pages_of_the_site():
    text = "[a](../mlcmkd/data/pairs.py) [b](00_tour.ipynb) [c](../docs/results.md#in-short)"
    assert with_links_of_the_site(text, ROOT / "notebooks") == (
        "[a](/source/mlcmkd/data/pairs.py.md) [b](/lessons/00_tour.ipynb) [c](/results.md#in-short)"
    )
    assert page_of(ROOT / "notebooks/solutions/00_tour.ipynb") == "exercises/00_tour.ipynb"
    assert page_of(ROOT / "benchmarks/README.md") == "performance/peers.md"


@pytest.mark.parametrize(
    "text",
    [
        "[a](https://arxiv.org/abs/2510.11128)",
        "[a](no_such_file.py)",  # Sphinx reports it
        "![a](figures/path.png)",
        "[a](#place)",
        "[a](../../outside)",
    ],
)
def test_other_links_stay(text):
    assert with_links_of_the_site(text, DOCS) == text


def test_readme_and_contributing_are_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120
    assert len((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").splitlines()) <= 80


def test_pages_are_in_a_table_of_contents():
    """Every page is in the toctree of the page above it."""
    for folder in ("start", "guides", "extending", "results", "performance", "contributing"):
        index = DOCS / ("index.md" if folder == "start" else f"{folder}.md")
        text = index.read_text(encoding="utf-8")
        for page in (DOCS / folder).glob("*.md"):
            assert f"\n{folder}/{page.stem}\n" in text, page


def test_a_results_page_begins_with_its_question_and_its_answer():
    for page in (DOCS / "results").glob("*.md"):
        lines = page.read_text(encoding="utf-8").splitlines()
        assert re.fullmatch(r"# .*\?", lines[0]), page
        assert lines[2].startswith("**"), page
