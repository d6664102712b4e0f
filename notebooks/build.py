"""Builds the notebooks from their sources.

    python notebooks/build.py            write all notebooks from their sources, without outputs
    python notebooks/build.py --run      write, execute, and store the cleaned outputs
    python notebooks/build.py --store    use the outputs of `make course` in the work folder
    python notebooks/build.py --text     update text and tags, keep the outputs; an error if code has
                                         changed
    python notebooks/build.py --check    an error if a notebook and its source differ
    python notebooks/build.py --table    one row per notebook: words, lines of code, minutes to read
                                         and to run, figures, exercises, size

Edit the sources, `sources/*.py` in jupytext's percent format. The numbered ones are the course; the
others are additional notebooks. A numbered notebook whose first line says "optional" is read
after the lessons, and has no exercises. A figure to which the text of a notebook links as
`docs/figures/lessons/NAME.png` is copied there after its execution.

With `--solutions` the first four commands build the exercises: `sources/exercises/NN_name.py`
becomes `solutions/NN_name.ipynb`, with outputs, and `exercises/NN_name.ipynb`, without answers.
"""

import argparse
import re
import shutil
import sys
from pathlib import Path

import jupytext
import nbformat

from mlcmkd.course.execution import cleaned, execute
from mlcmkd.course.exercises import exercise_of, exercises_of
from mlcmkd.course.project import SOLUTIONS
from mlcmkd.course.reading_time import code_lines_of, reading_minutes, words_of
from mlcmkd.course.resource_usage import count_pictures, read_minutes
from mlcmkd.utils.markdown import markdown_table

HERE = Path(__file__).resolve().parent
EXERCISES = HERE / "exercises"
PICTURES = "../docs/figures/lessons/"  # linked by the notebooks, which draw them
MAX_BYTES = 1_500_000
_INJECTED = "injected-parameters"  # papermill's tag for the cell that it adds


def sources() -> list[Path]:
    """All sources of lessons, the numbered ones first and in order."""
    return sorted((HERE / "sources").glob("*.py"))


def series() -> list[Path]:
    """The sources of the numbered notebooks, in order."""
    return [source for source in sources() if source.name[:2].isdigit()]


def exercise_sources() -> list[Path]:
    """All sources of exercises, in order."""
    return sorted((HERE / "sources" / "exercises").glob("[0-9][0-9]*_*.py"))


def is_optional(source: Path) -> bool:
    """Whether the heading of a notebook, its first line of text, says that it is optional."""
    return "optional" in built(source).cells[0].source.partition("\n")[0].lower()


def notebook_of(source: Path) -> Path:
    """The notebook of a source; for an exercise, the one with solutions."""
    folder = SOLUTIONS if source.parent.name == EXERCISES.name else HERE
    return folder / f"{source.stem}.ipynb"


def built(source: Path) -> nbformat.NotebookNode:
    """A source as a notebook without outputs."""
    return cleaned(jupytext.reads(source.read_text(encoding="utf-8"), fmt="py:percent"))


def built_exercise(source: Path) -> nbformat.NotebookNode:
    """An exercise's source as the notebook for a student."""
    return cleaned(exercise_of(built(source)))


def cells(notebook: nbformat.NotebookNode) -> list[tuple[str, str, list[str]]]:
    """The parts that are compared: type, text and tags of each cell."""
    return [(cell.cell_type, cell.source, cell.metadata.get("tags", [])) for cell in notebook.cells]


def _differs(path: Path, wanted: nbformat.NotebookNode) -> bool:
    return not path.is_file() or cells(nbformat.read(path, 4)) != cells(wanted)


def differing() -> list[str]:
    """Names of notebooks that are missing, differ from their source, or have no source."""
    all_sources = [*sources(), *exercise_sources()]
    wrong = [
        notebook_of(source)
        for source in all_sources
        if _differs(notebook_of(source), built(source))
    ]
    students = {EXERCISES / f"{source.stem}.ipynb": source for source in exercise_sources()}
    wrong += [path for path, s in students.items() if _differs(path, built_exercise(s))]
    known = {notebook_of(source) for source in all_sources} | set(students)
    existing = [p for folder in (HERE, SOLUTIONS, EXERCISES) for p in folder.glob("*.ipynb")]
    return [
        path.relative_to(HERE).as_posix()
        for path in [*wrong, *sorted(path for path in existing if path not in known)]
    ]


def without_injection(path: Path, source: Path) -> None:
    """Removes papermill's cell, so that the notebook is its source with outputs."""
    notebook = nbformat.read(path, 4)
    notebook.cells = [c for c in notebook.cells if _INJECTED not in c.metadata.get("tags", [])]
    if cells(notebook) != cells(built(source)):
        raise SystemExit(f"{path.name}: differs from its source after its execution")
    nbformat.write(cleaned(notebook), path)
    if path.stat().st_size > MAX_BYTES:
        raise SystemExit(f"{path.name}: {path.stat().st_size:,} bytes, more than {MAX_BYTES:,}")


def copy_pictures(source: Path, work: Path) -> None:
    """Copies the figures of a notebook to which its text links out of the work folder."""
    for name in re.findall(rf"\({PICTURES}(\S+)\)", source.read_text(encoding="utf-8")):
        target = HERE / PICTURES / name
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(work / "figures" / name, target)


def with_new_text(
    stored: nbformat.NotebookNode, wanted: nbformat.NotebookNode
) -> nbformat.NotebookNode:
    """The wanted notebook with the outputs of the stored one, which are valid if no code differs.

    Raises:
        SystemExit: a code cell differs.
    """
    old, new = ([c for c in nb.cells if c.cell_type == "code"] for nb in (stored, wanted))
    for number, (before, after) in enumerate(zip(old, new, strict=False), start=1):
        if before.source != after.source:
            raise SystemExit(f"code cell {number} has changed; run the notebook: --run")
        after.outputs, after.execution_count = before.outputs, before.execution_count
    if len(old) != len(new):
        raise SystemExit(f"{len(old)} code cells became {len(new)}; run the notebook: --run")
    return cleaned(wanted)


def table(work: Path) -> str:
    """One row per lesson, and their sums; minutes to run are those of the last run of `work`."""
    minutes = read_minutes(work)
    rows = []
    for source in series():
        path = notebook_of(source)
        notebook = nbformat.read(path, 4)
        exercises = [s for s in exercise_sources() if s.stem == source.stem]
        rows.append(
            {
                "notebook": source.stem + " (optional)" * is_optional(source),
                "words": words_of(notebook),
                "code lines": code_lines_of(notebook),
                "minutes to read": reading_minutes(notebook),
                "minutes to run": f"{minutes[source.stem]:.1f}" if source.stem in minutes else "",
                "figures": count_pictures(notebook),
                "exercises": sum(len(exercises_of(built(s))) for s in exercises),
                "size (kB)": round(path.stat().st_size / 1000),
            }
        )
    summed = [name for name in rows[0] if name not in ("notebook", "minutes to run")]
    sums = {name: sum(row[name] for row in rows) for name in summed}
    measured = [float(row["minutes to run"]) for row in rows if row["minutes to run"]]
    total = f"{sum(measured):.1f}" if len(measured) == len(rows) else ""
    rows.append({"notebook": "all", "minutes to run": total, **sums})
    return markdown_table(rows)


def build(source: Path, options: argparse.Namespace, work: Path) -> None:
    """Writes one notebook; executes it or adds outputs, depending on the options."""
    path = notebook_of(source)
    executed = work / "notebooks" / path.relative_to(HERE)
    if options.text:
        nbformat.write(with_new_text(nbformat.read(path, 4), built(source)), path)
    else:
        path.parent.mkdir(exist_ok=True)
        nbformat.write(built(source), path)
    if options.run:
        execute(path, executed, {"scale": options.scale, "work": str(work)})
    if options.run or options.store:
        path.write_bytes(executed.read_bytes())
        without_injection(path, source)
        copy_pictures(source, work)
    print(path.relative_to(HERE))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--run", action="store_true", help="execute, and store the outputs")
    parser.add_argument("--store", action="store_true", help="use the outputs of the last course")
    parser.add_argument("--text", action="store_true", help="update only text and tags")
    parser.add_argument("--check", action="store_true", help="only compare")
    parser.add_argument("--table", action="store_true", help="only print a table of the notebooks")
    parser.add_argument(
        "--solutions", action="store_true", help="build the exercises instead of the lessons"
    )
    parser.add_argument("--scale", default="laptop")
    parser.add_argument("--work", default="runs/course", help="work folder of the course")
    parser.add_argument(
        "--only",
        default="",
        help="only notebooks whose names start with this, such as 03 or explorer",
    )
    options = parser.parse_args()
    work = Path(options.work).resolve()
    if options.check:
        wrong = differing()
        print("\n".join(wrong) or "notebooks and sources agree")
        sys.exit(bool(wrong))
    if options.table:
        print(table(work))
        return
    chosen = exercise_sources() if options.solutions else sources()
    if options.store and not options.solutions:
        chosen = series()  # the course executes only these
    for source in (s for s in chosen if s.name.startswith(options.only)):
        if options.solutions:
            EXERCISES.mkdir(exist_ok=True)
            nbformat.write(built_exercise(source), EXERCISES / f"{source.stem}.ipynb")
        build(source, options, work)


if __name__ == "__main__":
    main()
