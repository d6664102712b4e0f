"""The bundled models: their sizes, their cards, their errors on synthetic faces, and who uses them."""

import re
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from huggingface_hub import ModelCard
from typer.testing import CliRunner

from mlcmkd.cli import app
from mlcmkd.data.crops import tight_box
from mlcmkd.data.thermal.radiometry import FACE_CELSIUS, to_centikelvin
from mlcmkd.data.transforms import NO_AUGMENTATION, make_batch
from mlcmkd.deployment import weights as bundled
from mlcmkd.deployment.predictor import Predictor
from mlcmkd.evaluation.metrics import face_errors, point_errors
from mlcmkd.explorer.exploration import Exploration
from mlcmkd.models import Landmarker
from mlcmkd.stages.attribute import AttributeConfig, attribute, shown_landmarks
from mlcmkd.synthetic.faces import make_faces
from mlcmkd.synthetic.part import Occluder
from mlcmkd.synthetic.realism import Realism
from mlcmkd.utils.errors import InputError
from tests.conftest import make_pairs


@pytest.fixture(scope="module")
def faces():
    """Rendered with a seed that no training and no table uses."""
    # No profiles: their outer eye corners are so close that they dominate a mean.
    turns = Realism(yaw_deviation=12)
    return make_faces(24, seed=77, first_identity=2_000_000, realism=turns)


@pytest.fixture(scope="module")
def hidden_faces():
    """Faces with glasses, hands and turned heads."""
    return make_faces(120, seed=77, first_identity=2_000_000, rgb=False)


def nme(found, truth) -> float:
    places = np.stack([face.landmarks for face in found])
    return float(face_errors(point_errors(places, truth, "ibug68", "inter-ocular")).mean())


@pytest.mark.parametrize("modality", bundled.FILES)
def test_they_are_small_and_load(modality):
    path = bundled.bundled_weights(modality)
    assert path.stat().st_size <= bundled.FILES[modality].largest
    model = Landmarker.load(path)
    assert model.spec.modality == modality
    assert model.spec.size == {"thermal": "slim", "rgb": "half"}[modality]
    assert model.spec.radiometry == (FACE_CELSIUS if modality == "thermal" else None)
    assert all(parameter.isfinite().all() for parameter in model.parameters())


def test_they_can_be_compared_on_the_same_pairs():
    specs = [Landmarker.load(bundled.bundled_weights(modality)).spec for modality in bundled.FILES]
    assert {(spec.scheme, spec.input_px) for spec in specs} == {("ibug68", 64)}


@pytest.mark.parametrize("modality", bundled.FILES)
def test_the_cards_are_complete(modality):
    card = bundled.model_card(modality)
    headings = re.findall(r"^## (.+)$", card, re.MULTILINE)
    wanted = ["What it is", "Data", "Figures", "Limits", "What it must not be used for", "Licence"]
    assert headings == wanted
    forbidden = card.split("## What it must not be used for")[1].split("##")[0].lower()
    for word in ("identification", "surveillance", "emotion", "health"):
        assert word in forbidden
    lines = ModelCard(card).text.splitlines()
    rows = [line for line in lines if re.search(r"\[\d+\.\d\d, \d+\.\d\d\]", line)]
    assert len(rows) == {"thermal": 3, "rgb": 2}[modality] and all("|" in row for row in rows)
    assert "synthetic faces only" in card and "Apache-2.0" in card
    assert not re.search(r"(^|[\s`(])/(home|root|tmp|work|data|mnt|Users)\b", card)


@pytest.mark.parametrize("modality", bundled.FILES)
def test_the_cards_have_the_hubs_form_with_the_figures_of_their_table(modality):
    """The Hub checks the header of a card; its figures are those that people read."""
    card = ModelCard(bundled.model_card(modality))
    header = card.data
    assert (header.license, header.library_name) == ("apache-2.0", "mlcmkd")
    assert header.pipeline_tag == "keypoint-detection" and header.metrics == ["nme"]
    assert {"facial-landmarks", "synthetic-data"} <= set(header.tags)
    cells = [
        [cell.strip(" *") for cell in line.strip("|").split("|")]
        for line in card.text.splitlines()
        if re.search(r"\[\d+\.\d\d, \d+\.\d\d\]", line)
    ]
    nme = [each for each in header.eval_results if each.metric_type == "nme"]
    failures = [each for each in header.eval_results if each.metric_type == "failure-rate"]
    assert [f"{each.metric_value:.2f}" for each in nme] == [row[3].split()[0] for row in cells]
    assert [f"{each.metric_value:.1f}" for each in failures] == [row[5] for row in cells]
    for each, row in zip(nme, cells, strict=True):
        assert each.dataset_name.startswith(row[0]) and row[3].split(" ", 1)[1] in each.metric_name


@pytest.mark.parametrize(("modality", "limit"), [("thermal", 0.06), ("rgb", 0.06)])
def test_error_on_unseen_faces(faces, modality, limit):
    predictor = Predictor(modality=modality)
    boxes = [tight_box(marks) for marks in faces.landmarks]
    images = faces.thermal if modality == "thermal" else faces.rgb
    found = [each[0] for each in predictor.faces(images, boxes)]
    assert nme(found, faces.landmarks) < limit
    assert all(0 < face.confidence <= 1 for face in found)


@pytest.mark.parametrize("modality", bundled.FILES)
def test_deviations_hold_on_unseen_faces(faces, modality):
    predictor = Predictor(modality=modality)
    boxes = [tight_box(marks) for marks in faces.landmarks]
    images = faces.thermal if modality == "thermal" else faces.rgb
    found = [each[0] for each in predictor.faces(images, boxes)]
    errors = np.abs(np.stack([face.landmarks for face in found]) - faces.landmarks)
    ratio = errors / np.stack([face.deviation for face in found])[..., None]
    assert 0.6 < (ratio <= 1).mean() < 0.9
    assert (ratio <= 2).mean() > 0.9


def test_deviations_are_larger_where_a_landmark_is_hidden(hidden_faces):
    boxes = [tight_box(marks) for marks in hidden_faces.landmarks]
    found = Predictor().faces(hidden_faces.thermal, boxes)
    deviation = np.stack([each[0].deviation for each in found])
    visible = np.median(deviation[hidden_faces.hidden_by == Occluder.NOTHING])
    for occluder in (Occluder.HAIR, Occluder.CLOTH, Occluder.HAND):
        assert np.median(deviation[hidden_faces.hidden_by == occluder]) > 1.05 * visible, occluder


def test_deviations_are_larger_beyond_the_border_of_the_image(faces):
    within, beyond = [], []
    for image, marks in zip(faces.thermal, faces.landmarks, strict=True):
        x0, y0, x1, y1 = tight_box(marks)
        cut = round(x0 + 0.3 * (x1 - x0))
        outside = marks[:, 0] < cut
        within += Predictor()(image, (x0, y0, x1, y1)).deviation[outside].tolist()
        face = Predictor()(image[:, cut:], (x0 - cut, y0, x1 - cut, y1))
        beyond += face.deviation[outside].tolist()
    assert np.median(beyond) > 1.1 * np.median(within)


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
    with pytest.raises(InputError, match="bundled rgb model is missing"):
        Predictor(modality="rgb")
    with pytest.raises(InputError, match="bundled rgb model is missing"):
        Exploration(make_pairs(2))


def test_an_unknown_modality():
    with pytest.raises(InputError, match="'depth' is unknown; use rgb or thermal"):
        bundled.bundled_weights("depth")


def test_the_modality_chooses_the_bundled_model(faces, tmp_path):
    assert Predictor().network.modality == "thermal"
    assert Predictor(modality="rgb").network.modality == "rgb"
    with pytest.raises(InputError, match="takes thermal input, but modality 'rgb' was given"):
        Predictor(bundled.bundled_weights("thermal"), modality="rgb")
    cv2.imwrite(str(tmp_path / "photo.png"), faces.rgb[0][..., ::-1])
    command = ["predict", str(tmp_path / "photo.png"), "--modality", "rgb"]
    result = CliRunner().invoke(app, [*command, "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output


def test_attribution_and_explorer_use_both(tmp_path):
    data = {"synthetic_train": 2, "synthetic_held": 2}
    config = AttributeConfig(out=tmp_path / "run", data=data, faces=2, method="grad-cam")
    result = attribute(config, progress=False)
    assert len(result["agreement"]["spearman"]) == 2
    view = Exploration(make_pairs(2, input_px=64)).first_view()
    assert (view.rgb_model, view.thermal_model) == ("bundled rgb", "bundled thermal")


def test_attribution_shows_predictions_where_labels_are_missing_or_of_another_scheme():
    pairs = make_pairs(2, input_px=64)
    pairs.labelled[1] = False
    batch = make_batch(pairs, torch.arange(2), NO_AUGMENTATION, torch.Generator())
    model = Landmarker.load(bundled.bundled_weights("thermal"))
    shown = shown_landmarks(model, batch, pairs.scheme)
    assert torch.equal(shown[0], batch.landmarks[0])
    with torch.no_grad():
        predicted = model(batch.thermal).coordinates
    assert torch.allclose(shown[1], predicted[1], atol=1e-5)
    others = replace(make_pairs(2, input_px=64, scheme_points=54), scheme="sf_tl54")
    batch = make_batch(others, torch.arange(2), NO_AUGMENTATION, torch.Generator())
    assert torch.allclose(shown_landmarks(model, batch, others.scheme), predicted, atol=1e-5)
