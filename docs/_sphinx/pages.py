"""Writes the pages that are made of other files of the repository, before Sphinx reads the sources.

A page is only written where its text has changed, so that a second build is fast.
"""

from collections.abc import Iterator
from pathlib import Path

import nbformat
from sphinx.application import Sphinx

from _sphinx.api import api_pages
from _sphinx.notebooks import NOTEBOOKS, exercise_page, lesson_page, read, texts_of
from _sphinx.repository import (
    DOCS,
    EXERCISES,
    LESSONS,
    ROOT,
    SOURCES,
    linked_files,
    page_of,
    with_links_of_the_site,
)

API = "reference/api"
_LANGUAGES = {
    ".py": "python",
    ".yaml": "yaml",
    ".toml": "toml",
    ".json": "json",
    ".ipynb": "json",
}


def write_pages(app: Sphinx) -> None:
    """Writes all pages, and removes those of files that are gone."""
    wanted = {**notebook_pages(), **source_pages(), **api_pages(API)}
    for name, text in wanted.items():
        path = DOCS / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
    for folder in (LESSONS, EXERCISES, SOURCES, API):
        for path in (DOCS / folder).rglob("*.*"):
            if path.is_file() and path.relative_to(DOCS).as_posix() not in wanted:
                path.unlink()


def notebook_pages() -> dict[str, str]:
    """Lessons and exercises, by the names of their pages."""
    pages = {page_of(path): lesson_page(path) for path in sorted(NOTEBOOKS.glob("*.ipynb"))}
    for exercise in sorted((NOTEBOOKS / "exercises").glob("*.ipynb")):
        solution = NOTEBOOKS / "solutions" / exercise.name
        pages[page_of(exercise)] = exercise_page(exercise, solution)
    return {name: nbformat.writes(notebook) + "\n" for name, notebook in pages.items()}


def source_pages() -> dict[str, str]:
    """A page for every file or folder of the repository that a text of the site links to."""
    pages: dict[str, str] = {}
    waiting = [file for text, folder in texts() for file in linked_files(text, folder)]
    while waiting:
        file = waiting.pop()
        name = page_of(file)
        if not name.startswith(SOURCES) or name in pages:
            continue
        pages[name], linked = source_page(file)
        waiting += linked
    return pages


def source_page(file: Path) -> tuple[str, list[Path]]:
    """The page of a file or folder, and the files that it links to."""
    head = "---\norphan: true\nnosearch: true\n---\n"
    name = file.relative_to(ROOT).as_posix()
    if file.is_dir():
        inside = sorted(path for path in file.iterdir() if path.suffix == ".py")
        entries = [f"- [{path.name}](/{page_of(path)})" for path in inside]
        return f"{head}# {name}/\n\n" + "\n".join(entries) + "\n", inside
    if file.suffix == ".md":
        text = file.read_text(encoding="utf-8")
        return head + with_links_of_the_site(text, file.parent), linked_files(text, file.parent)
    up = "../" * len(Path(page_of(file)).parents)
    language = _LANGUAGES.get(file.suffix, "text")
    lines = [f"```{{literalinclude}} {up}{name}", f":language: {language}", "```"]
    return f"{head}# {name}\n\n" + "\n".join(lines) + "\n", []


def texts() -> Iterator[tuple[str, Path]]:
    """Every Markdown text of the site that is written by hand, and the folder of its file."""
    generated = [DOCS / folder for folder in (LESSONS, EXERCISES, SOURCES, API, "_build")]
    for path in sorted(DOCS.rglob("*.md")):
        if not any(path.is_relative_to(folder) for folder in generated):
            yield path.read_text(encoding="utf-8"), path.parent
    for path in sorted(NOTEBOOKS.rglob("*.ipynb")):
        if ".ipynb_checkpoints" in path.parts:
            continue
        for text in texts_of(read(path)):
            yield text, path.parent


def lead_links(app: Sphinx, docname: str, content: list[str]) -> None:
    """Leads the links of a page that is written by hand to the pages of the site."""
    path = Path(app.env.doc2path(docname))
    if path.suffix == ".md":
        content[0] = with_links_of_the_site(content[0], path.parent)


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("builder-inited", write_pages)
    app.connect("source-read", lead_links)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
