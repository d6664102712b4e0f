"""The exercises: generated from their solutions, without their answers, and solvable."""

import ast
import importlib.util
import re
from pathlib import Path

import nbformat
import pytest

from mlcmkd.course.checks import NotYet
from mlcmkd.course.execution import execute
from mlcmkd.course.exercises import IN_WORDS, MARKER, exercise_of, exercises_of, has, without_answer
from mlcmkd.course.project import NOTEBOOKS, SOLUTIONS
from mlcmkd.utils.errors import InputError
from tests.course.kernels import forked_kernels

_spec = importlib.util.spec_from_file_location("build", NOTEBOOKS / "build.py")
build = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(build)

SOURCES = {source.stem: source for source in build.exercise_sources()}
AGAIN = "run: python notebooks/build.py --solutions --run"


def source(name: str) -> nbformat.NotebookNode:
    return build.built(SOURCES[name])


def stored(name: str, folder: Path) -> nbformat.NotebookNode:
    return nbformat.read(folder / f"{name}.ipynb", as_version=4)


# --- as written ---------------------------------------------------------------------------------


def test_every_lesson_has_exercises():
    lessons = [source.stem for source in build.series() if not build.is_optional(source)]
    assert list(SOURCES) == lessons


@pytest.mark.parametrize("name", SOURCES)
def test_two_to_five_exercises_each_with_an_answer_and_one_check(name):
    exercises = exercises_of(source(name))
    assert 2 <= len(exercises) <= 5
    numbers = [exercise.title[0] for exercise in exercises]
    assert numbers == [str(n + 1) for n in range(len(exercises))]
    for exercise in exercises:
        assert exercise.solutions, exercise.title
        assert len(exercise.checks) == 1, exercise.title
        assert "checks." in exercise.checks[0].source


def minutes_in(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"^\*about (\d+) minutes\*$", text, re.MULTILINE)]


@pytest.mark.parametrize("name", SOURCES)
def test_the_minutes_of_a_notebook_are_those_of_its_tasks(name):
    head, *cells = source(name).cells
    tasks = [minutes_in(cell.source) for cell in cells if "·" in cell.source.partition("\n")[0]]
    assert len(tasks) == len(exercises_of(source(name)))
    assert [len(task) for task in tasks] == [1] * len(tasks)
    assert minutes_in(head.source) == [sum(number for (number,) in tasks)]


def test_the_page_of_the_exercises_states_their_hours():
    hours = sum(sum(minutes_in(source(name).cells[0].source)) for name in SOURCES) / 60
    names = {"five": 5, "six": 6, "seven": 7}
    for page in ("exercises.md", "course.md"):
        text = " ".join((NOTEBOOKS.parent / "docs" / page).read_text(encoding="utf-8").split())
        (stated,) = re.findall(r"exercises (?:together take )?about (\w+) hours", text)
        assert abs(names[stated] - hours) <= 0.5


@pytest.mark.parametrize("name", SOURCES)
def test_source_exercise_and_solution_agree(name):
    exercise = stored(name, build.EXERCISES)
    assert build.cells(exercise) == build.cells(build.built_exercise(SOURCES[name])), AGAIN
    assert build.cells(stored(name, SOLUTIONS)) == build.cells(source(name)), AGAIN
    assert not any(cell.get("outputs") for cell in exercise.cells)


@pytest.mark.parametrize("name", SOURCES)
def test_an_exercise_contains_nothing_of_its_solution(name):
    exercise = stored(name, build.EXERCISES)
    unanswered = r'\w+ = \.\.\.|def \w+\([^)]*\):|    """.*"""|    \.\.\.|'
    stubs = [cell.source for cell in exercise.cells if has(cell, "exercise")]
    for text in stubs:
        for line in text.partition(MARKER)[2].split("\n"):
            assert text == IN_WORDS or re.fullmatch(unanswered, line), line
    other_cells = "\n".join(c.source for c in exercise.cells if c.source not in stubs)
    solutions = [cell.source for cell in source(name).cells if has(cell, "solution")]
    assert len(solutions) == len(stubs)
    for cell in source(name).cells:
        if has(cell, "discussion"):
            assert cell.source not in other_cells
    for answer in solutions:
        for line in map(str.strip, answer.partition(MARKER)[2].splitlines()):
            assert len(line) < 12 or line not in other_cells, line


@pytest.mark.parametrize("name", SOURCES)
def test_links_exist_in_both_directions(name):
    text = SOURCES[name].read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)]+)\)", text)
    assert f"../{name}.ipynb" in targets and f"../solutions/{name}.ipynb" in targets
    for target in targets:
        assert target.startswith("https://") or (build.EXERCISES / target).exists(), target
    lesson = (NOTEBOOKS / "sources" / f"{name}.py").read_text(encoding="utf-8")
    assert f"(exercises/{name}.ipynb)" in lesson


def test_without_its_answer_a_function_keeps_signature_and_docstring():
    answer = 'help = 5\ndef f(a, b=2):\n    """Sums."""\n    return a + b\nx, y = f(1), 9'
    solution = f"given = 3\n{MARKER}\n{answer}"
    assert without_answer(solution, "check(f, x)") == (
        f'given = 3\n{MARKER}\ndef f(a, b=2):\n    """Sums."""\n    ...\n\n\nx = ...'
    )
    with pytest.raises(InputError, match="no line '# your code here'"):
        without_answer("x = 1", "check(x)")
    with pytest.raises(InputError, match="the next check uses no name"):
        without_answer(f"{MARKER}\nx = 1", "check(y)")


def test_answers_in_words_and_discussions_are_removed():
    cell, new = nbformat.v4.new_markdown_cell, nbformat.v4.new_notebook()
    new.cells = [
        cell("## 1 · Open"),
        cell("Because.", metadata={"tags": ["solution"]}),
        cell("See.", metadata={"tags": ["discussion"]}),
    ]
    assert [c.source for c in exercise_of(new).cells] == ["## 1 · Open", IN_WORDS]
    assert new.cells[1].source == "Because."  # the source is not modified


# --- as run -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def work(tmp_path_factory) -> Path:
    """One work folder for all exercises, which reuse each other's runs."""
    return tmp_path_factory.mktemp("exercises")


@pytest.mark.parametrize("name", SOURCES)
def test_unanswered_exercises_are_refused_and_solutions_accepted(name, work, capsys):
    """All cells in this process: a kernel for each would take longer than the exercises."""
    given = f"\nscale, device, work = 'smoke', 'cpu', {str(work)!r}"
    unanswered = iter(
        [c.source for c in build.built_exercise(SOURCES[name]).cells if has(c, "exercise")]
    )
    variables: dict = {"__name__": "__main__"}
    solutions: list[str] = []
    for cell in source(name).cells:
        if cell.cell_type == "markdown":
            continue
        if has(cell, "solution"):
            solutions.append(cell.source)
            continue
        if has(cell, "check"):
            student = dict(variables)
            for _ in solutions:
                exec(next(unanswered), student)
            with pytest.raises(NotYet, match="is not answered: replace|returns nothing: write"):
                exec(cell.source, student)
            for code in solutions:
                exec(code, variables)
            solutions = []
            capsys.readouterr()
            exec(cell.source, variables)
            assert re.match(r"Right|The form is complete", capsys.readouterr().out)
            continue
        exec(cell.source + given * has(cell, "parameters"), variables)
    assert next(unanswered, None) is None


def test_in_a_kernel_a_solution_runs_with_parameters(work, tmp_path):
    parameters = {"scale": "smoke", "device": "cpu", "work": str(work)}
    done = tmp_path / "done.ipynb"
    with forked_kernels():
        execute(SOLUTIONS / "05_kd_loss.ipynb", done, parameters, show=False)
    texts = [
        out.get("text", "") for c in nbformat.read(done, 4).cells for out in c.get("outputs", [])
    ]
    assert sum(text.startswith("Right") for text in texts) == 3


# --- as stored ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SOURCES)
def test_stored_solutions_are_complete_and_accepted(name):
    notebook = stored(name, SOLUTIONS)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code), AGAIN
    assert (SOLUTIONS / f"{name}.ipynb").stat().st_size < build.MAX_BYTES
    for cell in code:
        text = "".join(out.get("text", "") for out in cell.outputs)
        assert not any(out.output_type == "error" for out in cell.outputs)
        assert not re.search(r"/(home|work|tmp|Users|root)/", text), text
        if has(cell, "check"):
            assert re.match(r"Right|The form is complete", text), AGAIN


# --- building -----------------------------------------------------------------------------------


def notebook_with(*code: str, words: str = "a") -> nbformat.NotebookNode:
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_markdown_cell(words)]
    for text in code:
        output = nbformat.v4.new_output("stream", name="stdout", text="1\n")
        cell = nbformat.v4.new_code_cell(text, execution_count=1, outputs=[output])
        notebook.cells.append(cell)
    return notebook


def test_new_text_keeps_the_outputs_and_new_code_is_an_error():
    before = notebook_with("print(1)")
    wanted = notebook_with("print(1)", words="b")
    wanted.cells[1].outputs = []
    after = build.with_new_text(before, wanted)
    assert after.cells[0].source == "b"
    assert after.cells[1].outputs[0].text == "1\n" and after.cells[1].execution_count == 1
    with pytest.raises(SystemExit, match="code cell 1 has changed"):
        build.with_new_text(before, notebook_with("print(2)"))
    with pytest.raises(SystemExit, match="1 code cells became 2"):
        build.with_new_text(before, notebook_with("print(1)", "print(2)"))


def test_the_table_has_one_row_per_lesson(tmp_path):
    (tmp_path / "report.csv").write_text("notebook,minutes\n03_ktl_dikd,2.54\n", encoding="utf-8")
    lines = build.table(tmp_path).splitlines()
    assert len(lines) == 2 + len(build.series()) + 1  # the last is their sum
    line = next(line for line in lines if "03_ktl_dikd" in line)
    row = [cell.strip() for cell in line.strip("|").split("|")]
    assert row[4] == "2.5" and row[6] == "4"  # minutes to run, exercises


def test_no_call_of_a_check_contains_an_answer():
    """Students read the call of a check, so it must not contain the answer."""
    for name in SOURCES:
        for exercise in exercises_of(source(name)):
            tree = ast.parse(exercise.checks[0].source)
            constants = [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)]
            assert constants == [], exercise.title
