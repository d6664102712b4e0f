"""Facts in stored notebooks, compared by nbval, and a check that nbval really compares them.

nbval accepts a cell without stored output, so a passing nbval alone proves nothing. A fact depends only
on imports, so the facts of all notebooks can be executed together, in one kernel, in seconds.
"""

import ast
from pathlib import Path

import nbformat
import pytest

from mlcmkd.course.project import NOTEBOOKS, SOLUTIONS
from mlcmkd.course.series import numbered
from tests.forked_commands import Ended, ForkedCommand

ROOT = NOTEBOOKS.parent
CHECKED = "nbval-check-output"
STORED = [*numbered(), *numbered(SOLUTIONS)]
NAMES = [path.relative_to(NOTEBOOKS).as_posix() for path in STORED]


def tags(cell: nbformat.NotebookNode) -> list[str]:
    return cell.metadata.get("tags", [])


def facts_of(path: Path) -> list[nbformat.NotebookNode]:
    """The facts of a notebook, after one cell with all its imports."""
    cells = [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
    facts = [cell for cell in cells if CHECKED in tags(cell)]
    if not facts:
        return []
    imports = [
        ast.unparse(line)
        for cell in cells
        for line in ast.parse(cell.source).body
        if isinstance(line, ast.Import | ast.ImportFrom)
    ]
    return [nbformat.v4.new_code_cell("\n".join(imports)), *facts]


def nbval(cells: list[nbformat.NotebookNode], path: Path) -> Ended:
    """Runs nbval on a notebook of these cells, in this environment."""
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
    nbformat.write(notebook, path)
    plugins = ["-p", "no:cacheprovider", "-p", "tests.course.nbval_kernels"]
    words = ["-q", *plugins, "--nbval-lax", "--nbval-current-env", f"--rootdir={path.parent}"]
    # Without the options of the pytest that runs this test.
    environment = {"PYTEST_ADDOPTS": "", "PYTHONPATH": str(ROOT)}
    return ForkedCommand("pytest", *words, str(path), folder=path.parent, **environment).ended()


@pytest.mark.parametrize("path", STORED, ids=NAMES)
def test_every_fact_has_a_stored_output_and_every_error_a_tag(path):
    for cell in nbformat.read(path, as_version=4).cells:
        outputs = cell.get("outputs", [])
        if CHECKED in tags(cell):
            assert "".join(out.get("text", "") for out in outputs).strip(), cell.source
        if any(out.output_type == "error" for out in outputs):
            assert "raises-exception" in tags(cell), cell.source
        assert ("fact" in tags(cell)) == (CHECKED in tags(cell))


def test_there_are_facts():
    assert sum(len(facts_of(path)) > 0 for path in STORED) >= 10


def test_all_stored_facts_are_reproduced(tmp_path):
    cells = [cell for path in STORED for cell in facts_of(path)]
    result = nbval(cells, tmp_path / "facts.ipynb")
    assert result.status == 0, result.output[-3000:]
    assert f"{len(cells)} passed" in result.output


def test_a_modified_fact_is_detected(tmp_path):
    cells = facts_of(SOLUTIONS / "04_mcl.ipynb")
    text = cells[1].outputs[0].text
    assert "3,168 + 3,104 = 6,272" in text
    cells[0].source = ""  # this fact needs no import: a quick kernel
    cells[1].outputs[0].text = text.replace("6,272", "6,273")
    result = nbval(cells, tmp_path / "tampered.ipynb")
    assert result.status == 1 and "1 failed" in result.output
    assert "6,273" in result.output and "6,272" in result.output
