"""Lessons and exercises as pages: the stored notebooks, with links of the site and texts of figures."""

import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from _sphinx.repository import DOCS, ROOT, with_links_of_the_site

NOTEBOOKS = ROOT / "notebooks"
_CAPTION = "**How to read it.**"
# How far behind its figure the text can be: tables may stand between.
_CELLS_TO_CAPTION = 3
_LONGEST = 250
_IMAGE = re.compile(r"(!\[[^\]]*\])\(([^)\s]+)\)")
_IMPORT = re.compile(r"(from|import) \w")


def read(path: Path) -> NotebookNode:
    """A stored notebook."""
    return nbformat.read(path, 4)


def texts_of(notebook: NotebookNode) -> Iterator[str]:
    """Its texts in Markdown, those of outputs included."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            yield cell.source
        for output in cell.get("outputs", []):
            yield output.get("data", {}).get("text/markdown", "")


def lesson_page(path: Path) -> NotebookNode:
    """A stored lesson; its figures have alternative texts, and its imports are folded."""
    notebook = read(path)
    _link(notebook, path.parent)
    _fold_imports(notebook)
    for number, cell in enumerate(notebook.cells):
        if _has_picture(cell):
            cell.metadata["mystnb"] = {"image": {"alt": alternative_text(notebook.cells, number)}}
    return notebook


def exercise_page(exercise: Path, solution: Path) -> NotebookNode:
    """An exercise; below each task the answer, its check and its discussion are folded."""
    tasks = iter(cell for cell in read(exercise).cells if "exercise" in _tags(cell))
    page = read(solution)
    cells = []
    for cell in page.cells:
        tags = _tags(cell)
        if "solution" in tags:
            cells += [next(tasks), _folded(cell, "solution")]
        elif "check" in tags:
            cells.append(_folded(cell, "output of the check, for this solution", "hide-output"))
        elif "discussion" in tags and cell.cell_type == "code":
            cells.append(_folded(cell, "code of the discussion"))
        elif "discussion" in tags:
            cell.source = f":::{{dropdown}} Discussion\n{cell.source}\n:::"
            cells.append(cell)
        else:
            cells.append(cell)
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number:02}"  # tasks and answers have the same
    page.cells = cells
    _link(page, exercise.parent)
    _fold_imports(page)
    return page


def alternative_text(cells: list[NotebookNode], number: int) -> str:
    """The heading above a cell with figures, and what the lesson says about them.

    Args:
        cells: of the notebook.
        number: of the cell with the figures.
    """
    texts = [cell.source if cell.cell_type == "markdown" else "" for cell in cells]
    headings = re.findall(r"^#+ (.*)$", "\n".join(texts[:number]), re.MULTILINE)
    text = f"Figure of the section {plain(headings[-1])}" if headings else "Figure"
    for source in texts[number + 1 : number + 1 + _CELLS_TO_CAPTION]:
        if source.startswith(_CAPTION):
            return f"{text}. {_first_sentences(source.removeprefix(_CAPTION))}"
    return text


def plain(markdown: str) -> str:
    """A line of Markdown without its marks."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", markdown)
    return re.sub(r"\s+", " ", re.sub(r"[*`$\\]", "", text)).strip()


def _first_sentences(markdown: str) -> str:
    """As many sentences as fit, at least one."""
    first, *others = re.split(r"(?<=[.:;]) ", plain(markdown.strip().split("\n\n")[0]))
    for sentence in others:
        if len(first) + len(sentence) > _LONGEST:
            break
        first += f" {sentence}"
    return first.rstrip(":;")


def with_images(markdown: str, folder: Path) -> str:
    """The text of a notebook in a folder, with its pictures of `docs` found from every page."""

    def found(image: re.Match) -> str:
        file = (folder / image[2]).resolve()
        if not file.is_file() or not file.is_relative_to(DOCS):
            return image[0]  # Sphinx reports it
        # MyST joins the lines of an alternative text without a space.
        text = " ".join(image[1].split())
        return f"{text}(/{file.relative_to(DOCS).as_posix()})"

    return _IMAGE.sub(found, markdown)


def _has_picture(cell: NotebookNode) -> bool:
    outputs = cell.get("outputs", [])
    return any(kind.startswith("image/") for each in outputs for kind in each.get("data", {}))


def _tags(cell: NotebookNode) -> list[str]:
    return cell.metadata.get("tags", [])


def _folded(cell: NotebookNode, name: str, how: str = "hide-cell") -> NotebookNode:
    cell.metadata["tags"] = [*_tags(cell), how]
    cell.metadata["mystnb"] = {
        "code_prompt_show": f"Show the {name}",
        "code_prompt_hide": f"Hide the {name}",
    }
    return cell


def _fold_imports(notebook: NotebookNode) -> None:
    """Folds the code before the first section into one box: parameters, imports and their checks."""
    cells: list[NotebookNode] = []
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown" and re.search(r"^## ", cell.source, re.MULTILINE):
            cells += notebook.cells[number:]
            break
        if cell.cell_type == "code" and (not cell.outputs or _IMPORT.match(cell.source)):
            last = cells[-1] if cells else None
            if last and "hide-input" in _tags(last) and not last.outputs:
                last.source += f"\n\n{cell.source}"
                last.outputs = cell.outputs
                continue
            name = "parameters and imports" if "parameters" in _tags(cell) else "imports"
            cell = _folded(cell, name, "hide-input")
        cells.append(cell)
    notebook.cells = cells


def _link(notebook: NotebookNode, folder: Path) -> None:
    """Leads the links of texts and outputs to pages of the site."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = with_links_of_the_site(with_images(cell.source, folder), folder)
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "text/markdown" in data:
                data["text/markdown"] = with_links_of_the_site(data["text/markdown"], folder)
