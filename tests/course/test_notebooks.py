"""The notebooks: equal to their sources, complete, and executable."""

import csv
import importlib.util
import re
import shutil
from pathlib import Path

import nbformat
import pytest

from mlcmkd.cli import COMMANDS
from mlcmkd.course import run_course
from mlcmkd.course.execution import execute
from mlcmkd.course.lesson import TransferLesson
from mlcmkd.course.lesson_runs import teacher_config
from mlcmkd.course.project import NOTEBOOKS
from mlcmkd.course.reading_time import reading_minutes
from mlcmkd.course.ready_models import ready_configs
from mlcmkd.course.series import number_of, numbered
from mlcmkd.utils.errors import InputError
from tests.course.kernels import forked_kernels

_spec = importlib.util.spec_from_file_location("build", NOTEBOOKS / "build.py")
build = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(build)

NAMES = [path.stem for path in build.series()]
ALL = [path.stem for path in build.sources()]  # with the additional notebooks
REUSED = r"^(\S+): complete, reused$"
PICTURES = ("image/png", "image/jpeg")


def read(name: str, folder: Path = NOTEBOOKS) -> nbformat.NotebookNode:
    return nbformat.read(folder / f"{name}.ipynb", as_version=4)


def tagged(notebook: nbformat.NotebookNode, tag: str) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if tag in cell.metadata.get("tags", [])]


def outputs(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [out for cell in notebook.cells if cell.cell_type == "code" for out in cell.outputs]


def pictures(notebook: nbformat.NotebookNode) -> int:
    return sum(any(kind in out.get("data", {}) for kind in PICTURES) for out in outputs(notebook))


def printed(name: str, series: Path) -> str:
    return "\n".join(
        text_of(cell) for cell in read(name, series / "notebooks").cells if cell.cell_type == "code"
    )


def text_of(cell: nbformat.NotebookNode) -> str:
    return "".join(out.get("text", "") for out in cell.outputs)


# --- as written -----------------------------------------------------------------------------------


def test_notebooks_and_sources_agree():
    assert build.differing() == [], "run: python notebooks/build.py"
    assert [path.stem for path in numbered()] == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each_lesson_has_the_same_structure(name):
    notebook = build.built(NOTEBOOKS / "sources" / f"{name}.py")
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    first = notebook.cells[0].source
    assert first.startswith(f"# {number_of(name)} · ")
    for words in ("**Goals.**", "**Time.**", "two CPU cores", "**Prerequisites.**"):
        assert words in first.replace("\n", " ")
    for words in ("## References", "**How to read it.**"):
        assert words in prose
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert tagged(notebook, "parameters") == code[:1]
    for parameter in ("scale", "device", "work", "seed"):
        assert re.search(rf"^{parameter} = ", code[0].source, re.MULTILINE)
    assert "course.check_parameters(globals()" in code[1].source
    for cell in code:
        assert len(cell.source.splitlines()) <= 45, "a cell has to fit on a screen"


@pytest.mark.parametrize("name", NAMES)
def test_each_lesson_begins_with_a_picture_and_ends_in_takeaways(name):
    notebook = build.built(NOTEBOOKS / "sources" / f"{name}.py")
    assert re.search(r"!\[[^]]+\]\(\.\./docs/figures/\S+\.png\)", notebook.cells[0].source)
    for words in ("**Question.**", "[glossary](../docs/glossary.md)"):
        assert words in notebook.cells[0].source.replace("\n", " ")
    last = notebook.cells[-1].source
    box = re.search(r"^> \*\*Takeaways\*\*(.*?)\n(?!>)", last, re.MULTILINE | re.DOTALL)
    assert box, "no blockquote with takeaways in the last cell"
    assert 3 <= len(re.findall(r"[.?!](?=\s|$)", box[1])) <= 5


@pytest.mark.parametrize("name", NAMES)
def test_each_lesson_states_how_long_it_takes_to_read(name):
    names = {"five": 5, "eight": 8, "ten": 10, "twelve": 12, "fifteen": 15, "twenty": 20}
    notebook = build.built(NOTEBOOKS / "sources" / f"{name}.py")
    stated = re.search(r"\*\*Time\.\*\* About (\w+)\s+minutes to read", notebook.cells[0].source)
    assert stated and abs(names[stated[1]] - reading_minutes(notebook)) <= 3


@pytest.mark.parametrize("page", ["README.md", "CHANGELOG.md", "docs/index.md", "docs/course.md"])
def test_a_page_states_the_right_number_of_lessons(page):
    lessons = [source for source in build.series() if not build.is_optional(source)]
    names = {"nine": 9, "ten": 10, "eleven": 11, "twelve": 12}
    text = (NOTEBOOKS.parent / page).read_text(encoding="utf-8").lower()
    stated = re.findall(rf"\b({'|'.join(names)})\s+(?:jupyter\s+)?lessons\b", text)
    assert stated and {names[word] for word in stated} == {len(lessons)}


@pytest.mark.parametrize("name", ALL)
def test_links_into_the_project_exist(name):
    text = (NOTEBOOKS / "sources" / f"{name}.py").read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)]+)\)", text):
        file = NOTEBOOKS / target.partition("#")[0]
        assert target.startswith("https://") or file.exists(), target


@pytest.mark.parametrize(
    "source", [*build.sources(), *build.exercise_sources()], ids=lambda s: s.stem
)
def test_commands_in_the_text_exist(source):
    prose = "\n".join(c.source for c in build.built(source).cells if c.cell_type == "markdown")
    used = re.findall(r"(?m)(?:^|`)mlcmkd (\w[\w-]*)", prose)
    assert set(used) <= set(COMMANDS)


# --- as it runs -----------------------------------------------------------------------------------


REAL = ["00", "01"]  # lessons in a kernel of a new Python, side by side, as in `make course`


@pytest.fixture(scope="module")
def series(tmp_path_factory) -> Path:
    """The whole course at scale smoke, in one work folder. Most kernels are forked."""
    folder = tmp_path_factory.mktemp("series")
    run_course(folder, "smoke", REAL, device="cpu", workers=2, progress=False)
    (folder / "report.csv").rename(folder / "real.csv")
    others = [name for name in NAMES if number_of(name) not in REAL]
    with forked_kernels():
        run_course(folder, "smoke", others, device="cpu", workers=1, progress=False)
    return folder


def usages(table: Path) -> list[dict[str, str]]:
    with table.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_course_runs_with_figures_and_a_table(series):
    for name in NAMES:
        notebook = read(name, series / "notebooks")
        assert not [out for out in outputs(notebook) if out.output_type == "error"]
        assert pictures(notebook) >= 2, name
        for suffix in ("png", "pdf"):
            assert len(list((series / "figures").glob(f"{number_of(name)}_*.{suffix}"))) >= 2, name
    lines = (series / "results.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("name,run,reads,split,parameters,labelled,faces,faces_failed")
    assert len(lines) > 7
    real, forked = usages(series / "real.csv"), usages(series / "report.csv")
    assert [usage["notebook"] for usage in (*real, *forked)] == NAMES
    assert all(int(usage["figures"]) >= 2 for usage in (*real, *forked))
    assert all(float(usage["peak_mb"]) > 100 for usage in real)
    assert "| all " in (series / "report.md").read_text(encoding="utf-8")


def test_a_lesson_reuses_only_runs_that_it_teaches_or_that_can_be_had_ready(series):
    """Whoever starts with a lesson trains nothing that another lesson teaches.

    The tour trains the teacher, which lesson 02 teaches; side by side, a job before it does.
    """
    lesson = TransferLesson(scale="smoke", work=series)
    taught = {config.out.name: number for number, config in ready_configs(lesson)}
    reused = {name: set(re.findall(REUSED, printed(name, series), re.MULTILINE)) for name in NAMES}
    for name, runs in reused.items():
        assert runs <= taught.keys(), name
        own = {teacher_config(lesson).out.name} if number_of(name) == "00" else set()
        assert all(taught[run] <= number_of(name) for run in runs - own), name
    assert set.union(*reused.values()) == taught.keys(), "no run is packed for nothing"


def test_executed_notebooks_have_no_progress_bars_and_no_widgets(series):
    for name in NAMES:
        for out in outputs(read(name, series / "notebooks")):
            assert out.get("name") != "stderr"
            assert not any("widget" in kind for kind in out.get("data", {}))


@pytest.mark.parametrize("name", NAMES)
def test_stored_facts_are_reproduced(series, name):
    """Cells tagged `fact` do not depend on the scale: their stored text is reproduced."""
    stored, now = (
        tagged(read(name, folder), "fact") for folder in (NOTEBOOKS, series / "notebooks")
    )
    assert [cell.source for cell in stored] == [cell.source for cell in now]
    for before, after in zip(stored, now, strict=True):
        assert text_of(after).strip()
        assert text_of(before) == text_of(after)


def test_a_notebook_on_its_own_trains_missing_runs(series, tmp_path):
    shutil.copytree(series / "faces", tmp_path / "work" / "faces")  # rendered already
    parameters = {"scale": "smoke", "device": "cpu", "work": str(tmp_path / "work")}
    target = tmp_path / "04_mcl.ipynb"
    with forked_kernels():
        execute(NOTEBOOKS / "04_mcl.ipynb", target, parameters, show=False)
    text = "".join(text_of(c) for c in nbformat.read(target, 4).cells if c.cell_type == "code")
    for run in ("teacher-rgb-s0: train", "student-dikd", "light-none", "light-dikd"):
        assert run in text


def test_a_misspelt_parameter_stops_the_notebook_with_its_name_and_cell(tmp_path):
    with (
        forked_kernels(),
        pytest.raises(InputError, match=r"01_pairing.ipynb, code cell \d+: InputError: .*scael"),
    ):
        parameters = {"scael": "smoke", "work": str(tmp_path)}
        execute(NOTEBOOKS / "01_pairing.ipynb", tmp_path / "x.ipynb", parameters, show=False)


def test_the_additional_notebooks_run(series):
    """The explorer, on the runs of the course."""
    target = series / "notebooks" / "explorer.ipynb"
    parameters = {"scale": "smoke", "device": "cpu", "work": str(series)}
    with forked_kernels():
        execute(NOTEBOOKS / "explorer.ipynb", target, parameters, show=False)
    notebook = read("explorer", target.parent)
    assert not [out for out in outputs(notebook) if out.output_type == "error"]
    assert not any("widget" in kind for out in outputs(notebook) for kind in out.get("data", {}))
    assert pictures(notebook) == pictures(read("explorer")) >= 3
    text = "".join(text_of(c) for c in notebook.cells if c.cell_type == "code")
    assert "teacher-rgb-s0: complete, reused" in text


def test_the_demo_runs_with_another_example(tmp_path):
    target = tmp_path / "demo.ipynb"
    with forked_kernels():
        execute(NOTEBOOKS / "demo.ipynb", target, {"seed": 3}, show=False)
    notebook = read("demo", target.parent)
    assert not [out for out in outputs(notebook) if out.output_type == "error"]
    assert pictures(notebook) == pictures(read("demo")) >= 1


# --- as stored ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_stored_outputs_are_complete_and_clean(name):
    notebook = read(name)
    assert pictures(notebook) >= 2, "run: python notebooks/build.py --run"
    assert not [out for out in outputs(notebook) if out.output_type == "error"]
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code)
    path = NOTEBOOKS / f"{name}.ipynb"
    assert path.stat().st_size < build.MAX_BYTES
    texts = [
        out.get("text", "") + out.get("data", {}).get("text/markdown", "")
        for out in outputs(notebook)
    ]
    for text in texts:
        assert not re.search(r"/(home|work|tmp|Users|root)/|[A-Z]:\\", text), text
    assert "smoke" not in "".join(texts), "stored outputs come from a run at scale laptop"
