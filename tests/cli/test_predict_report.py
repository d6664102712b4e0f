"""What `mlcmkd predict` prints: what the weights are worth, a short summary, coordinates if asked."""

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from mlcmkd.cli import app
from mlcmkd.data.landmark_files import read_landmarks
from mlcmkd.deployment import predictor as predictor_module
from mlcmkd.deployment.weights import bundled_weights, model_card
from mlcmkd.models import Landmarker, ModelSpec
from mlcmkd.training.trained_on import trained_on

BOX = ["--box", "10", "10", "50", "50"]


@pytest.fixture
def frame(tmp_path):
    image = np.random.default_rng(0).normal(30, 2, (60, 80)).astype(np.float32)
    np.save(tmp_path / "frame.npy", image)
    return tmp_path / "frame.npy"


def predict(frame, *options) -> str:
    command = ["predict", str(frame), "--out", str(frame.parent / "out"), *BOX, *options]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("modality", ["rgb", "thermal"])
def test_a_bundled_model_is_introduced_by_its_card(modality):
    line = trained_on(bundled_weights(modality))
    assert "trained on synthetic faces only" in line and "\n" not in line
    (row,) = [row for row in model_card(modality).splitlines() if "**real**" in row]
    nme = line.split("NME ")[1].split()[0]
    assert f"| {nme} [" in row and row.startswith(f"| {line.split('(')[1].split(', boxes')[0]}")


def test_weights_of_a_run_are_introduced_by_its_files(tmp_path):
    run, exported = tmp_path / "run", tmp_path / "export"
    run.mkdir()
    exported.mkdir()
    (run / "config.json").write_text('{"data": {"source": "data/own", "also": ["synthetic"]}}')
    scores = {"nme_percent": 3.214, "failure_rate": 0.021, "threshold": 0.08}
    (run / "result.json").write_text(json.dumps(scores | {"normaliser": "inter-ocular"}))
    weights = run / "model.safetensors"
    expected = (
        "trained on data/own and synthetic; on its validation faces NME 3.21 % (inter-ocular), 2.1 % of "
        "the faces above 8 %"
    )
    assert trained_on(weights) == f"weights: {weights}: {expected}"
    (exported / "config.json").write_text(json.dumps({"weights": str(weights), "data": {}}))
    (exported / "provenance.json").write_text('{"stage": "export"}')
    assert trained_on(exported / "model.onnx") == f"weights: {exported / 'model.onnx'}: {expected}"
    for broken in ("", "[]", '{"nme_percent": null}'):
        (run / "result.json").write_text(broken)
        assert trained_on(weights).endswith(": trained on data/own and synthetic")


def test_other_weights_are_of_unknown_origin(tmp_path):
    line = trained_on(tmp_path / "model.onnx")
    assert "what they were trained on is unknown" in line


def test_coordinates_are_printed_when_asked(frame):
    silent, loud = predict(frame), predict(frame, "--print")
    assert "frame.npy: 1 face, " in silent and "1 of 1 images; 1 faces" in silent
    assert "weights: the bundled thermal model, trained on synthetic faces only" in silent
    extra = [line for line in loud.splitlines() if line not in silent.splitlines()]
    (line,) = [line for line in extra if line.startswith("  ")]
    table = read_landmarks(frame.parent / "out/landmarks.csv", "ibug68").faces
    (points,) = table.values()
    printed = [[float(value) for value in pair.split(",")] for pair in line.split()]
    assert printed == [pytest.approx(point, abs=0.06) for point in points]


def test_a_low_confidence_is_a_warning(frame, monkeypatch):
    assert "warning" not in predict(frame, "--weights", _uncalibrated(frame.parent))
    of_face = predictor_module.Predictor.predict_crops

    def uncertain(self, crops):
        faces = of_face(self, crops)
        return [replace(face, confidence=0.1, deviation=np.ones(68)) for face in faces]

    monkeypatch.setattr(predictor_module.Predictor, "predict_crops", uncertain)
    (warning,) = [line for line in predict(frame).splitlines() if line.startswith("warning")]
    assert "1 of 1 faces have a confidence below 0.6" in warning and "frame.npy" in warning


def _uncalibrated(folder) -> str:
    spec = Landmarker.load(bundled_weights()).spec
    path = folder / "weights.safetensors"
    Landmarker(ModelSpec(**spec.model_dump(exclude={"calibration"}))).save(path)
    return str(path)


@pytest.mark.parametrize("measured", ["", ",celsius", ",deviation,celsius", ",deviation"])
def test_tables_with_and_without_measured_columns_are_read(tmp_path, measured):
    cells = "," * measured.count(",")
    rows = [f"a.png,face5,{point},{point},2{cells}" for point in range(5)]
    path = tmp_path / "landmarks.csv"
    path.write_text("\n".join([f"image,scheme,point,x,y{measured}", *rows]))
    assert read_landmarks(path, "face5").faces["a"].tolist() == [[n, 2.0] for n in range(5)]
