"""A notebook as an experiment: refused before it starts, whole afterwards, the same again."""

import hashlib
import json
from pathlib import Path

import nbformat
import pytest
from typer.testing import CliRunner

from mlcmkd.cli import app
from mlcmkd.course import notebook_run
from mlcmkd.course.notebook_run import EXECUTED, checked, find, run_notebook
from mlcmkd.course.series import numbered
from mlcmkd.training.run_directory import CONFIG, METRICS, PROVENANCE, RESULT, WEIGHTS
from mlcmkd.utils.errors import InputError


def notebook(folder: Path, parameters: str, *cells: str, tag: str = "parameters") -> Path:
    made = nbformat.v4.new_notebook()
    made.cells = [nbformat.v4.new_code_cell(parameters, metadata={"tags": [tag]})]
    made.cells += [nbformat.v4.new_code_cell(cell) for cell in cells]
    made.metadata = {"kernelspec": {"name": "python3", "language": "python", "display_name": "x"}}
    nbformat.write(made, folder / "mine.ipynb")
    return folder / "mine.ipynb"


@pytest.fixture
def no_kernel(monkeypatch):
    """Whatever is refused, is refused before a kernel starts."""

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
def test_parameters_of_a_lesson_are_checked_first(no_kernel, tmp_path, parameters, message):
    with pytest.raises(InputError, match=message):
        run_notebook("02", parameters, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_every_notebook_of_the_series_has_a_lesson_to_be_checked_by():
    for path in numbered():
        with pytest.raises(InputError, match="Input should be greater than or equal to 0"):
            checked(path, {"seed": -1})


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"epohcs": 5}, "mine.ipynb: no parameter 'epohcs'; did you mean 'epochs'\\?"),
        ({"epochs": "5"}, "parameter epochs='5': a int such as 3 is expected"),
        ({"epochs": True}, "parameter epochs=True: a int such as 3 is expected"),
        ({"rate": "fast"}, "parameter rate='fast': a float"),
    ],
)
def test_parameters_of_anyone_s_notebook_are_checked_by_their_defaults(
    no_kernel, tmp_path, parameters, message
):
    path = notebook(tmp_path, "epochs = 3  # how long\nrate = 0.1\nname = None")
    with pytest.raises(InputError, match=message):
        run_notebook(path, parameters, tmp_path / "run")
    config, values = checked(path, {"rate": 1, "name": "x"})
    assert config.parameters == values == {"epochs": 3, "rate": 1, "name": "x"}


def test_notebooks_that_cannot_be_run(no_kernel, tmp_path):
    with pytest.raises(InputError, match="no cell is tagged 'parameters'"):
        run_notebook(notebook(tmp_path, "a = 1", tag="x"), {})
    with pytest.raises(InputError, match="its parameters cell is not names and values"):
        run_notebook(notebook(tmp_path, "a = open('x')"), {})
    for name in ("99", "0", "", "nowhere.ipynb"):
        with pytest.raises(InputError, match="no such notebook; give a file, or one of 00_tour"):
            find(name)


def test_a_run_directory_tells_everything(tmp_path):
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
    assert (out / EXECUTED).stat().st_mtime_ns == before, "a whole run is not made again"
    with pytest.raises(InputError, match="run: holds another run; name another folder"):
        run_notebook(path, {"a": 3}, out)


def test_a_cell_that_fails_leaves_the_notebook_and_no_result(tmp_path):
    path = notebook(tmp_path, "a = 1\nwork = 'w'", "1 / (a - 1)")
    with pytest.raises(InputError, match="mine.ipynb, cell 3: ZeroDivisionError"):
        run_notebook(path, {}, tmp_path / "run", show=False)
    assert (tmp_path / "run" / EXECUTED).is_file()
    assert not (tmp_path / "run" / RESULT).exists()
    assert run_notebook(path, {"a": 2}, tmp_path / "other", show=False)


def test_the_command_line(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr("mlcmkd.course.run_notebook", lambda *given: seen.append(given))
    (tmp_path / "p.yaml").write_text("seed: 7\nscale: laptop\n")
    answer = CliRunner().invoke(
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
    assert answer.exit_code == 0, answer.output
    assert seen == [("03", {"seed": 7, "scale": "smoke", "labelled": 5}, None)]
    for words in (["-p", "seed"], ["--seed", "1"], ["seed=1"]):
        refused = CliRunner().invoke(app, ["run", "03", *words])
        assert isinstance(refused.exception, InputError)
        assert "expected -p NAME VALUE" in str(refused.exception)


def test_the_same_inputs_give_the_same_weights(tmp_path, monkeypatch):
    """Bit for bit, on a CPU with a fixed number of threads."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    stamps = []
    for name in ("a", "b"):
        given = {"scale": "smoke", "device": "cpu"}
        out = run_notebook("02", given, tmp_path / name, show=False)
        files = sorted(path for path in out.rglob("*") if path.name in (WEIGHTS, METRICS))
        assert any(path.name == WEIGHTS for path in files)
        stamps.append(
            [(p.relative_to(out), hashlib.sha256(p.read_bytes()).hexdigest()) for p in files]
        )
    assert stamps[0] == stamps[1]
