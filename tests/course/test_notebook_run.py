"""Runs of one notebook: validated parameters, complete run directories, reproducible results."""

import hashlib
import json
from pathlib import Path

import nbformat
import pytest
from typer.testing import CliRunner

from mlcmkd.cli import app
from mlcmkd.course import notebook_run
from mlcmkd.course.notebook_run import (
    EXECUTED,
    find_notebook,
    run_notebook,
    validate_parameters,
)
from mlcmkd.course.series import numbered
from mlcmkd.training.run_directory import CONFIG, METRICS, PROVENANCE, RESULT, WEIGHTS
from mlcmkd.utils.errors import InputError


def notebook(folder: Path, parameters: str, *cells: str, tag: str = "parameters") -> Path:
    document = nbformat.v4.new_notebook()
    document.cells = [nbformat.v4.new_code_cell(parameters, metadata={"tags": [tag]})]
    document.cells += [nbformat.v4.new_code_cell(cell) for cell in cells]
    document.metadata = {
        "kernelspec": {"name": "python3", "language": "python", "display_name": "x"}
    }
    nbformat.write(document, folder / "mine.ipynb")
    return folder / "mine.ipynb"


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


def test_every_notebook_of_the_course_has_a_lesson_class():
    for path in numbered():
        with pytest.raises(InputError, match="Input should be greater than or equal to 0"):
            validate_parameters(path, {"seed": -1})


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"epohcs": 5}, "mine.ipynb: no parameter 'epohcs'; did you mean 'epochs'\\?"),
        ({"epochs": "5"}, "parameter epochs='5': a int such as 3 is expected"),
        ({"epochs": True}, "parameter epochs=True: a int such as 3 is expected"),
        ({"rate": "fast"}, "parameter rate='fast': a float"),
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


def test_invalid_notebooks(no_kernel, tmp_path):
    with pytest.raises(InputError, match="no cell has the tag 'parameters'"):
        run_notebook(notebook(tmp_path, "a = 1", tag="x"), {})
    with pytest.raises(InputError, match="the parameters cell may only assign literal values"):
        run_notebook(notebook(tmp_path, "a = open('x')"), {})
    for name in ("99", "0", "", "nowhere.ipynb"):
        with pytest.raises(InputError, match="no such notebook; use a file, or one of 00_tour"):
            find_notebook(name)


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
    with pytest.raises(InputError, match="mine.ipynb, cell 3: ZeroDivisionError"):
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
    """Bit for bit, on a CPU with a fixed number of threads."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    hashes = []
    for name in ("a", "b"):
        given = {"scale": "smoke", "device": "cpu"}
        out = run_notebook("02", given, tmp_path / name, show=False)
        files = sorted(path for path in out.rglob("*") if path.name in (WEIGHTS, METRICS))
        assert any(path.name == WEIGHTS for path in files)
        hashes.append(
            [(p.relative_to(out), hashlib.sha256(p.read_bytes()).hexdigest()) for p in files]
        )
    assert hashes[0] == hashes[1]
