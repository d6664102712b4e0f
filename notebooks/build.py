"""Builds the notebooks from their sources.

    python notebooks/build.py            write every notebook from its source, without outputs
    python notebooks/build.py --run      write, execute, and keep the outputs, cleaned
    python notebooks/build.py --store    take the outputs that `make course` left in the work folder
    python notebooks/build.py --check    fail where a notebook and its source differ

The sources, `sources/*.py` in jupytext's percent format, are what is edited. The numbered ones are the
series; the others stand beside it.
"""

import argparse
import sys
from pathlib import Path

import jupytext
import nbformat

from mlcmkd.course.series import cleaned, execute

HERE = Path(__file__).resolve().parent
MAX_BYTES = 1_500_000
_INJECTED = "injected-parameters"  # papermill's tag of the cell that it adds


def sources() -> list[Path]:
    """All sources, the series first and in order."""
    return sorted((HERE / "sources").glob("*.py"))


def series() -> list[Path]:
    """The sources of the numbered notebooks, in order."""
    return [source for source in sources() if source.name[:2].isdigit()]


def notebook_of(source: Path) -> Path:
    """Where a source's notebook lies."""
    return HERE / f"{source.stem}.ipynb"


def built(source: Path) -> nbformat.NotebookNode:
    """A source as a notebook without outputs."""
    return cleaned(jupytext.reads(source.read_text(encoding="utf-8"), fmt="py:percent"))


def cells(notebook: nbformat.NotebookNode) -> list[tuple[str, str, list[str]]]:
    """What has to agree: kind, text and tags of each cell."""
    return [(cell.cell_type, cell.source, cell.metadata.get("tags", [])) for cell in notebook.cells]


def differing() -> list[str]:
    """Names of the notebooks that are missing, or are not what their source says, or have none."""
    wrong = []
    for source in sources():
        path = notebook_of(source)
        if not path.is_file() or cells(nbformat.read(path, 4)) != cells(built(source)):
            wrong.append(path.name)
    known = {notebook_of(source).name for source in sources()}
    return wrong + sorted(p.name for p in HERE.glob("*.ipynb") if p.name not in known)


def without_injection(path: Path, source: Path) -> None:
    """Takes papermill's cell away, so that the notebook is its source plus outputs."""
    notebook = nbformat.read(path, 4)
    notebook.cells = [c for c in notebook.cells if _INJECTED not in c.metadata.get("tags", [])]
    if cells(notebook) != cells(built(source)):
        raise SystemExit(f"{path.name}: differs from its source after it ran")
    nbformat.write(cleaned(notebook), path)
    if path.stat().st_size > MAX_BYTES:
        raise SystemExit(f"{path.name}: {path.stat().st_size:,} bytes, more than {MAX_BYTES:,}")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--run", action="store_true", help="execute, and keep the outputs")
    parser.add_argument("--store", action="store_true", help="take what the course executed")
    parser.add_argument("--check", action="store_true", help="only compare")
    parser.add_argument("--scale", default="laptop")
    parser.add_argument("--work", default="runs/course", help="folder of the series")
    parser.add_argument(
        "--only", default="", help="notebooks whose names start so, such as 03 or explorer"
    )
    options = parser.parse_args()
    if options.check:
        wrong = differing()
        print("\n".join(wrong) or "notebooks and sources agree")
        sys.exit(bool(wrong))
    work = Path(options.work).resolve()
    for source in (s for s in sources() if s.name.startswith(options.only)):
        path = notebook_of(source)
        nbformat.write(built(source), path)
        if options.run:
            parameters = {"scale": options.scale, "work": str(work)}
            execute(path, work / "notebooks" / path.name, parameters)
        if options.run or options.store:
            path.write_bytes((work / "notebooks" / path.name).read_bytes())
            without_injection(path, source)
        print(path.name)


if __name__ == "__main__":
    main()
