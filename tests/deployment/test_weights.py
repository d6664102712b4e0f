"""The bundled model: its size, its card, and its error on synthetic faces."""

import re

import numpy as np
import pytest
from typer.testing import CliRunner

from mlcmkd.cli import app
from mlcmkd.data.crops import tight_box
from mlcmkd.data.pairs import synthetic_faces
from mlcmkd.data.thermal.radiometry import FACE_CELSIUS, to_centikelvin
from mlcmkd.deployment import weights as bundled
from mlcmkd.deployment.predictor import Predictor
from mlcmkd.evaluation.metrics import face_errors, point_errors
from mlcmkd.models import Landmarker
from mlcmkd.utils.errors import InputError


@pytest.fixture(scope="module")
def faces():
    """Rendered with a seed that no training and no table uses."""
    return synthetic_faces("test", 24, seed=77)


def nme(found, truth) -> float:
    places = np.stack([face.landmarks for face in found])
    return float(face_errors(point_errors(places, truth, "ibug68", "inter-ocular")).mean())


def test_it_is_small_and_loads():
    assert bundled.weights_path().stat().st_size < 2_000_000
    model = Landmarker.load(bundled.weights_path())
    assert model.spec.modality == "thermal" and model.spec.size == "slim"
    assert model.spec.scheme == "ibug68" and model.spec.radiometry == FACE_CELSIUS
    assert all(parameter.isfinite().all() for parameter in model.parameters())


def test_the_card_is_complete():
    card = bundled.model_card()
    headings = re.findall(r"^## (.+)$", card, re.MULTILINE)
    wanted = ["What it is", "Data", "Figures", "Limits", "What it must not be used for", "Licence"]
    assert headings == wanted
    forbidden = card.split("## What it must not be used for")[1].split("##")[0].lower()
    for word in ("identification", "surveillance", "emotion", "health"):
        assert word in forbidden
    rows = [line for line in card.splitlines() if re.search(r"\[\d+\.\d\d, \d+\.\d\d\]", line)]
    assert len(rows) == 3 and all("|" in row for row in rows)
    assert "synthetic faces" in card and "poor" in card and "Apache-2.0" in card


def test_the_card_contains_no_local_path():
    assert not re.search(r"(^|[\s`(])/(home|root|tmp|work|data|mnt|Users)\b", bundled.model_card())


def test_error_on_unseen_faces(faces):
    predictor = Predictor()
    boxes = [tight_box(marks) for marks in faces.landmarks]
    found = [each[0] for each in predictor.faces(faces.thermal, boxes)]
    assert nme(found, faces.landmarks) < 0.06
    assert all(0 < face.confidence <= 1 for face in found)


def test_a_rough_box_costs_little(faces):
    rng = np.random.default_rng(0)
    boxes = []
    for marks in faces.landmarks:
        x0, y0, x1, y1 = tight_box(marks)
        side = max(x1 - x0, y1 - y0)
        x, y = rng.uniform(-0.08, 0.08, 2) * side
        grow = rng.uniform(-0.05, 0.1) * side
        boxes.append((x0 + x - grow, y0 + y - grow, x1 + x + grow, y1 + y + grow))
    found = [each[0] for each in Predictor().faces(faces.thermal, boxes)]
    assert nme(found, faces.landmarks) < 0.07


def test_counts_and_degrees_give_the_same_landmarks(faces):
    predictor = Predictor()
    where = tight_box(faces.landmarks[0])
    degrees = predictor(faces.thermal[0], where).landmarks
    counts = predictor(to_centikelvin(faces.thermal[0]), where).landmarks
    assert counts == pytest.approx(degrees, abs=0.05)


def test_the_command_needs_no_weights(tmp_path, faces):
    np.save(tmp_path / "frame.npy", faces.thermal[0])
    command = ["predict", str(tmp_path / "frame.npy"), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    assert len((tmp_path / "out/landmarks.csv").read_text().splitlines()) == 69


def test_an_installation_without_weights(tmp_path, monkeypatch):
    monkeypatch.setattr(bundled, "FOLDER", tmp_path)
    with pytest.raises(InputError, match="install mlcmkd again"):
        Predictor()
