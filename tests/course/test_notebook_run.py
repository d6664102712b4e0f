"""Runs of one notebook: validated parameters, complete run directories, reproducible results."""

import hashlib
import json
from pathlib import Path

import nbformat
import pytest
from typer.testing import CliRunner

from mlcmkd.cli import app
from mlcmkd.course import execution, notebook_run
from mlcmkd.course.notebook_run import (
    EXECUTED,
    find_notebook,
    run_notebook,
    validate_parameters,
)
from mlcmkd.course.scales import SCALES
from mlcmkd.course.series import numbered
from mlcmkd.training.run_directory import CONFIG, METRICS, PROVENANCE, RESULT, WEIGHTS
from mlcmkd.utils.errors import InputError
from tests.course.here import execute_here
from tests.course.kernels import forked_kernels


def notebook(folder: Path, parameters: str, *cells: str, tag: str = "parameters") -> Path:
    document = nbformat.v4.new_notebook()
    document.cells = [nbformat.v4.new_code_cell(parameters, metadata={"tags": [tag]})]
    document.cells += [nbformat.v4.new_code_cell(cell) for cell in cells]
    document.metadata = {
        "kernelspec": {"name": "python3", "language": "python", "display_name": "x"}
    }
    nbformat.write(document, folder / "mine.ipynb")
    return folder / "mine.ipynb"


@pytest.fixture(scope="module", autouse=True)
def forked():
    with forked_kernels():
        yield


@pytest.fixture
def no_kernel(monkeypatch):
    """An error if a kernel is started."""

    def started(*_, **__):
        raise AssertionError("a kernel was started")

    monkeypatch.setattr(notebook_run, "execute", started)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"sede": 1}, "02_teacher.ipynb: no parameter 'sede'; did you mean 'seed'\\?"),
        ({"epohcs": 5}, "no parameter 'epohcs'; use one of scale, device, work, seed"),
        ({"seed": "x"}, "seed: Input should be a valid integer.* .given: 'x'"),
        ({"seed": -1}, "seed: Input should be greater than or equal to 0"),
        ({"scale": "huge"}, "scale: .*smoke, laptop, gpu"),
        ({"device": "tpu"}, "device: Input should be 'auto', 'cpu'"),
    ],
)
def test_parameters_of_a_lesson_are_validated_before_the_run(
    no_kernel, tmp_path, parameters, message
):
    with pytest.raises(InputError, match=message):
        run_notebook("02", parameters, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_work_folder_of_another_scale_is_refused_before_a_kernel_starts(no_kernel, tmp_path):
    trained = tmp_path / "work/teacher-rgb-s0"
    trained.mkdir(parents=True)
    laptop = SCALES["laptop"]
    data = {"synthetic_train": laptop.synthetic_train, "synthetic_held": laptop.synthetic_held}
    (trained / CONFIG).write_text(json.dumps({"data": data}))
    (trained / WEIGHTS).write_bytes(b"trained")
    given = {"scale": "smoke", "work": str(tmp_path / "work")}
    with pytest.raises(InputError, match="work: contains teacher-rgb-s0 of scale 'laptop', which"):
        run_notebook("02", given, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    validate_parameters(find_notebook("02"), {**given, "scale": "laptop"})


def test_every_notebook_of_the_course_has_a_lesson_class():
    for path in numbered():
        with pytest.raises(InputError, match="Input should be greater than or equal to 0"):
            validate_parameters(path, {"seed": -1})


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"epohcs": 5}, "mine.ipynb: no parameter 'epohcs'; did you mean 'epochs'\\?"),
        ({"epochs": "5"}, "epochs='5': expected int such as 3"),
        ({"epochs": True}, "epochs=True: expected int such as 3"),
        ({"epochs": 2.5}, "epochs=2.5: expected int such as 3"),
        ({"rate": "fast"}, "rate='fast': expected float"),
    ],
)
def test_parameters_of_other_notebooks_are_checked_by_the_types_of_their_defaults(
    no_kernel, tmp_path, parameters, message
):
    path = notebook(tmp_path, "epochs = 3  # how long\nrate = 0.1\nname = None")
    with pytest.raises(InputError, match=message):
        run_notebook(path, parameters, tmp_path / "run")
    config, values = validate_parameters(path, {"rate": 1, "name": "x"})
    assert config.parameters == values == {"epochs": 3, "rate": 1, "name": "x"}


OWN = """
%matplotlib inline
epochs: int = 3  # annotated, as papermill has it
rate: float = 1
span = (30, 36)
sizes: list[int] = [1, 2]
limit: "int | None" = None
name: str = "a"
first = second = 0
low, high = 0.5, 1.5
weights = {1: 2.0}
needed: int
"""


@pytest.mark.parametrize(
    ("given", "name", "value"),
    [
        ({"epochs": 5}, "epochs", 5),
        ({"epochs": 1e3}, "epochs", 1000),
        ({"rate": 0.5}, "rate", 0.5),
        ({"span": [20, 40]}, "span", (20, 40)),
        ({"span": "(20, 40)"}, "span", (20, 40)),
        ({"sizes": (3,)}, "sizes", [3]),
        ({"limit": 4}, "limit", 4),
        ({"limit": None}, "limit", None),
        ({"second": 7}, "second", 7),
        ({"high": 2}, "high", 2),
    ],
)
def test_annotations_tuples_and_joint_assignments_are_parameters(tmp_path, given, name, value):
    path = notebook(tmp_path, OWN)
    _, values = validate_parameters(path, {"needed": 1, **given})
    assert values[name] == value and type(values[name]) is type(value)
    assert set(values) == {
        *("epochs", "rate", "span", "sizes", "limit", "name", "first", "second", "low", "high"),
        *("weights", "needed"),
    }


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"epochs": "x"}, "epochs='x': expected int such as 3"),
        ({"limit": "x"}, "limit='x': expected int or None such as None"),
        ({"name": 10}, "name=10: expected str such as 'a'; quote a text: \"'10'\""),
        ({"span": "wide"}, "span='wide': expected tuple such as"),
        ({"needed": "x"}, "needed='x': expected int"),
        ({}, "parameter 'needed' has no default; add -p needed VALUE"),
    ],
)
def test_values_of_other_types_than_the_annotated_are_refused(no_kernel, tmp_path, given, message):
    with pytest.raises(InputError, match=message):
        run_notebook(notebook(tmp_path, OWN), {**({"needed": 1} if given else {}), **given})


def test_parameters_reach_the_notebook_as_they_are_and_work_only_where_it_is_known(tmp_path):
    path = notebook(
        tmp_path,
        "span = (30, 36)\none = (1,)\nweights = {1: (2.0, None)}\nepochs: int = 3",
        "assert span == (20, 40) and one == (1,) and weights == {1: (2.0, None)} and epochs == 7",
        "assert 'work' not in globals()",
    )
    out = run_notebook(path, {"span": [20, 40], "epochs": 7}, tmp_path / "run", show=False)
    assert json.loads((out / RESULT).read_text()) == {} and not (out / "work").exists()
    assert run_notebook(path, {"span": (20, 40), "epochs": 7}, out) == out


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("# a text", "mine.ipynb: not a Jupyter notebook; give an .ipynb file"),
        ("[]", "not a Jupyter notebook"),
        ("{}", "not a Jupyter notebook"),
        ('{"nbformat": 4}', "not a Jupyter notebook"),
        ('{"nbformat": 4, "nbformat_minor": 5, "cells": [1], "metadata": {}}', "not a Jupyter"),
        ('{"nbformat": 99, "cells": [], "metadata": {}}', "not a Jupyter notebook"),
        ("version https://git-lfs.github.com/spec/v1", "not a Jupyter notebook"),
        ("\udcff", "not a Jupyter notebook"),
    ],
)
def test_a_file_that_is_no_notebook_is_a_line(no_kernel, tmp_path, content, message):
    path = tmp_path / "mine.ipynb"
    path.write_text(content, errors="surrogateescape")
    with pytest.raises(InputError, match=message) as error:
        run_notebook(path, {})
    assert "\n" not in str(error.value)


def test_a_notebook_in_another_language_is_refused_and_one_without_a_language_runs(tmp_path):
    path = notebook(tmp_path, "a = 1", "assert a == 2")
    document = nbformat.read(path, as_version=4)
    document.metadata = {"kernelspec": {"name": "ir", "language": "R", "display_name": "R"}}
    nbformat.write(document, path)
    with pytest.raises(InputError, match="mine.ipynb: a notebook in R; only notebooks in Python"):
        run_notebook(path, {})
    document.metadata = {}
    nbformat.write(document, path)
    assert run_notebook(path, {"a": 2}, tmp_path / "run", show=False)


def test_of_an_error_in_a_cell_only_the_first_line_is_shown(tmp_path):
    path = notebook(tmp_path, "a = 1", "raise ValueError('one\\ntwo\\nthree')")
    with pytest.raises(InputError, match="mine.ipynb, code cell 2: ValueError: one .cell") as error:
        run_notebook(path, {}, tmp_path / "run", show=False)
    assert "\n" not in str(error.value) and "two" not in str(error.value)
    executed = tmp_path / "run" / EXECUTED
    assert str(error.value).endswith(f"(cell [3] of the partly executed notebook {executed})")
    counts = [cell.get("execution_count") for cell in nbformat.read(executed, 4).cells]
    assert counts[-1] == 3, "papermill's cell of parameters counts there"


def test_a_kernel_that_is_killed_is_a_line_with_its_cell(tmp_path):
    path = notebook(tmp_path, "a = 1", "import os; os.kill(os.getpid(), 9)")
    with pytest.raises(InputError, match="mine.ipynb, code cell 2: the kernel was killed") as error:
        run_notebook(path, {}, tmp_path / "run", show=False)
    assert "the same command resumes" in str(error.value) and "\n" not in str(error.value)
    assert not (tmp_path / "run" / RESULT).exists()


def test_a_kernel_that_does_not_start_is_a_line(tmp_path, monkeypatch):
    monkeypatch.setattr(execution, "KERNEL", "raise SystemExit(1)")
    with pytest.raises(InputError, match="mine.ipynb: no kernel starts .Kernel died") as error:
        run_notebook(notebook(tmp_path, "a = 1"), {}, tmp_path / "run", show=False)
    assert "ipykernel" in str(error.value) and "\n" not in str(error.value)


def test_invalid_notebooks(no_kernel, tmp_path):
    with pytest.raises(InputError, match="no cell has the tag 'parameters'"):
        run_notebook(notebook(tmp_path, "a = 1", tag="x"), {})
    with pytest.raises(InputError, match="the parameters cell may only assign literal values"):
        run_notebook(notebook(tmp_path, "a = open('x')"), {})
    for name in ("99", "0", "", "nowhere.ipynb"):
        with pytest.raises(InputError, match="no such notebook; use a file, or one of 00_tour"):
            find_notebook(name)


@pytest.mark.parametrize(
    ("given", "name"), [("06", "06_attribution"), ("06b", "06b_trust"), ("06_", "06_attribution")]
)
def test_a_number_is_that_of_one_notebook(monkeypatch, given, name):
    names = ["06_attribution.ipynb", "06b_trust.ipynb"]
    monkeypatch.setattr(notebook_run, "numbered", lambda: [Path(each) for each in names])
    assert find_notebook(given).stem == name


@pytest.mark.parametrize("call", ["course.MyLesson", "MyLesson", "kind=MyLesson"])
def test_an_unknown_lesson_class_is_an_error(no_kernel, tmp_path, call):
    path = notebook(tmp_path, "seed = 0", f"lesson = course.check_parameters(globals(), {call})")
    with pytest.raises(InputError, match="mine.ipynb: .*'MyLesson'.*; use one of Lesson, Transfer"):
        run_notebook(path, {"seed": 1}, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("call", "valid", "invalid"),
    [
        ("", {"seed": 1}, {"seed": -1}),
        (", course.AttributionLesson", {"landmark": 8}, {"landmark": 68}),
        (", kind=AttributionLesson", {"landmark": 8}, {"landmark": 68}),
    ],
)
def test_the_lesson_class_is_that_of_the_call(no_kernel, tmp_path, call, valid, invalid):
    cell = f"lesson = course.check_parameters(globals(){call})"
    path = notebook(
        tmp_path, "seed = 0\nlandmark = 30" if "landmark" in valid else "seed = 0", cell
    )
    validate_parameters(path, valid)
    with pytest.raises(InputError, match="parameter"):
        validate_parameters(path, invalid)


def test_a_run_directory_is_complete(tmp_path):
    path = notebook(
        tmp_path,
        "a = 1\nwork = 'w'",
        "from pathlib import Path\nmade = Path(work, 'stage'); made.mkdir(parents=True)",
        "made.joinpath('result.json').write_text('{\"nme\": %d}' % a)",
        "made.joinpath('provenance.json').write_text('{\"data\": \"abc\"}')",
    )
    out = run_notebook(path, {"a": 2}, tmp_path / "run", show=False)
    assert json.loads((out / RESULT).read_text()) == {"stage": {"nme": 2}}
    facts = json.loads((out / PROVENANCE).read_text())
    assert facts["data"] == {"stage": "abc"} and facts["commit"] is not None
    assert json.loads((out / CONFIG).read_text())["parameters"] == {"a": 2}
    assert "injected-parameters" in (out / EXECUTED).read_text()
    before = (out / EXECUTED).stat().st_mtime_ns
    assert run_notebook(path, {"a": 2}, out) == out
    assert (out / EXECUTED).stat().st_mtime_ns == before, "a completed run is reused"
    with pytest.raises(InputError, match="run: contains another run; choose another folder"):
        run_notebook(path, {"a": 3}, out)


def test_a_failed_run_has_a_notebook_but_no_result(tmp_path):
    path = notebook(tmp_path, "a = 1\nwork = 'w'", "1 / (a - 1)")
    with pytest.raises(InputError, match="mine.ipynb, code cell 2: ZeroDivisionError"):
        run_notebook(path, {}, tmp_path / "run", show=False)
    assert (tmp_path / "run" / EXECUTED).is_file()
    assert not (tmp_path / "run" / RESULT).exists()
    assert run_notebook(path, {"a": 2}, tmp_path / "other", show=False)


def test_the_command_line(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr("mlcmkd.course.run_notebook", lambda *given: calls.append(given))
    (tmp_path / "p.yaml").write_text("seed: 7\nscale: laptop\n")
    result = CliRunner().invoke(
        app,
        [
            "run",
            "03",
            "-f",
            str(tmp_path / "p.yaml"),
            "-p",
            "scale",
            "smoke",
            "-p",
            "labelled",
            "5",
        ],
    )
    assert result.exit_code == 0, result.output
    assert calls == [("03", {"seed": 7, "scale": "smoke", "labelled": 5}, None)]
    for words in (["-p", "seed"], ["--seed", "1"], ["seed=1"]):
        refused = CliRunner().invoke(app, ["run", "03", *words])
        assert isinstance(refused.exception, InputError)
        assert "expected -p NAME VALUE" in str(refused.exception)


def test_the_same_inputs_give_the_same_weights(tmp_path, monkeypatch):
    """Bit for bit, on a CPU with a fixed number of threads: in a kernel and in this process."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    hashes = []
    for name, executed in (("a", execution.execute), ("b", execute_here)):
        monkeypatch.setattr(notebook_run, "execute", executed)
        given = {"scale": "smoke", "device": "cpu"}
        out = run_notebook("02", given, tmp_path / name, show=False)
        files = sorted(path for path in out.rglob("*") if path.name in (WEIGHTS, METRICS))
        assert any(path.name == WEIGHTS for path in files)
        hashes.append(
            [(p.relative_to(out), hashlib.sha256(p.read_bytes()).hexdigest()) for p in files]
        )
    assert hashes[0] == hashes[1]
