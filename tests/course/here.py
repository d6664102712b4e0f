"""Notebooks without a kernel, which imports the library anew for each."""

from contextlib import chdir
from pathlib import Path
from typing import Any

import nbformat


def execute_here(
    source: Path, target: Path, parameters: dict[str, Any], *, show: bool = True
) -> None:
    """`execution.execute` in this process; `target` has no outputs."""
    notebook = nbformat.read(source, as_version=4)
    variables: dict[str, Any] = {"__name__": "__main__"}
    with chdir(source.parent):
        for cell in notebook.cells:
            if cell.cell_type != "code":
                continue
            exec(cell.source, variables)
            if "parameters" in cell.metadata.get("tags", []):
                variables |= parameters
            cell.outputs = []
    target.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, target)
