import json
import shutil

import pytest
from typer.testing import CliRunner

from mlcmkd.cli import app
from mlcmkd.data.config import DataConfig
from mlcmkd.deployment.onnx.files import check_export
from mlcmkd.stages import export as export_stage
from mlcmkd.stages.export import INT8, MODEL, ExportConfig, export
from mlcmkd.utils.errors import InputError
from tests.conftest import make_model
from tests.tiny import TINY, tiny_sizes

DATA = DataConfig(synthetic_held=12)


@pytest.fixture(scope="module", autouse=True)
def tiny():
    with tiny_sizes():
        yield


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "w.safetensors"
    make_model(TINY, "thermal", head="coordinate", input_px=32).save(path)
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory, weights):
    """An export by the command line: the run directory, and the result that it printed."""
    out = tmp_path_factory.mktemp("run")
    options = ["--licence", "MIT", "--int8", "--set=calibration_faces=5"]
    options.append(f"--set=data.synthetic_held={DATA.synthetic_held}")
    command = ["export", "--out", str(out), "--weights", str(weights), *options]
    answer = CliRunner().invoke(app, command)
    assert answer.exit_code == 0, answer.output
    return out, json.loads(answer.stdout[answer.stdout.index("{") :])


def test_the_command_writes_a_checked_file_with_scheme_and_licence(run):
    card = check_export(run[0] / MODEL)
    assert card.scheme == "ibug68" and card.weights_licence == "MIT"


def test_a_run_holds_both_files_and_their_results(run):
    out, result = run
    assert check_export(out / INT8).calibration.startswith("5 faces")
    assert result == json.loads((out / "result.json").read_text())
    assert result["parity_px"] <= 1e-3 and result["faces"] == 12
    assert result["torch"]["nme_percent"] > 0
    # "image" crops the stored squares once more, so the numbers are not identical.
    for name in ("float32", "int8"):
        assert result[name]["nme_percent"] == pytest.approx(
            result["torch"]["nme_percent"], rel=0.05
        )
    assert result["int8"]["bytes"] < 0.5 * result["float32"]["bytes"]
    assert 0 <= result["int8"]["moved_px"] < 1
    assert result["card"]["scheme"] == "ibug68"


def test_an_export_that_differs_from_torch_is_deleted(tmp_path, weights, run, monkeypatch):
    def copied(model, path, kind, **_):
        return shutil.copy(run[0] / MODEL, path)

    monkeypatch.setattr(export_stage, "export_onnx", copied)
    for wrong in (0.5, float("nan")):
        monkeypatch.setattr(export_stage, "parity_px", lambda *_, parity=wrong: parity)
        with pytest.raises(InputError, match="differ from torch by"):
            export(ExportConfig(out=tmp_path / "run", weights=weights, data=DATA), progress=False)
        assert not (tmp_path / "run" / MODEL).exists()
        assert not (tmp_path / "run" / "result.json").exists()


def test_the_folder_of_the_weights_is_not_written_to(weights):
    with pytest.raises(InputError, match="holds the weights"):
        export(ExportConfig(out=weights.parent, weights=weights, data=DATA), progress=False)


def test_weights_of_fewer_points_are_scored_on_theirs_without_output(tmp_path, capfd):
    """Neither torch's exporter nor ONNX Runtime prints anything."""
    model = make_model(TINY, "thermal", head="coordinate", input_px=32).for_scheme("sf_tl54")
    weights, out = tmp_path / "w.safetensors", tmp_path / "run"
    model.save(weights)
    config = ExportConfig(out=out, weights=weights, kind="crop", int8=True, data=DATA)
    result = export(config, progress=False)
    assert capfd.readouterr() == ("", "")
    assert result["card"]["points"] == "54"
    assert result["float32"]["nme_percent"] == pytest.approx(result["torch"]["nme_percent"])
