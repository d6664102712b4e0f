from dataclasses import replace

import numpy as np
import pytest
import torch

from mlcmkd.evaluation.evaluate import evaluate_model, mirror, predict_pairs, score
from mlcmkd.schemes import get_scheme, map_indices
from mlcmkd.stages.evaluate import EvaluateConfig
from mlcmkd.utils.errors import InputError
from tests.conftest import make_model, make_pairs


def test_predictions_do_not_depend_on_the_batch_and_leave_the_model_alone():
    model, pairs = make_model().train(), make_pairs(5)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    whole = predict_pairs(model, pairs, "rgb", batch=5)
    parts = predict_pairs(model, pairs, "rgb", batch=2)
    assert whole == pytest.approx(parts, abs=1e-5)
    assert model.training
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_with_flip_the_prediction_on_a_mirror_image_is_the_mirrored_prediction():
    """By its definition; without it a random network has no such symmetry."""
    model, pairs = make_model(), make_pairs(4)
    mirrored = replace(pairs, rgb=pairs.rgb.flip(-1))
    flip = list(get_scheme("ibug68").flip)
    for used in (True, False):
        here, there = (predict_pairs(model, each, "rgb", flip=used) for each in (pairs, mirrored))
        there = there[:, flip] * np.array([-1, 1])
        assert np.allclose(here, there, atol=1e-5) is used
    plain = predict_pairs(model, pairs, "rgb"), predict_pairs(model, mirrored, "rgb")
    mean = (plain[0] + plain[1][:, flip] * np.array([-1, 1])) / 2
    assert predict_pairs(model, pairs, "rgb", flip=True) == pytest.approx(mean, abs=1e-5)


def test_mirrored_landmarks_by_hand():
    """Points 0 and 16 of the 68 are the ends of the jaw, point 8 is the chin."""
    points = torch.zeros(1, 68, 2)
    points[0, 0] = torch.tensor([-0.4, 0.1])
    points[0, 8] = torch.tensor([0.05, 0.45])
    mirrored = mirror(points, "ibug68")
    assert mirrored[0, 16].tolist() == pytest.approx([0.4, 0.1])
    assert mirrored[0, 8].tolist() == pytest.approx([-0.05, 0.45])
    assert torch.equal(mirror(mirrored, "ibug68"), points)
    assert "flip" not in EvaluateConfig(out="a", weights="b").model_dump_json()


def test_a_perfect_prediction_scores_zero_and_a_known_shift_scores_it():
    pairs = make_pairs(4)
    target = pairs.landmarks.numpy()
    assert score(target, "ibug68", pairs).nme == 0
    shifted = score(target + np.array([0.03, 0.04], dtype=np.float32), "ibug68", pairs)
    eyes = np.linalg.norm(target[:, 36] - target[:, 45], axis=-1)
    assert shifted.per_face == pytest.approx(0.05 / eyes, rel=1e-4)


def test_scores_are_the_same_in_pixels_and_in_crop_units():
    """NME is a ratio: the unit of the crop cancels."""
    pairs = make_pairs(3)
    prediction = pairs.landmarks.numpy() + 0.01
    in_pixels = np.linalg.norm(
        pairs.pixels(prediction) - pairs.pixels(pairs.landmarks.numpy()), axis=-1
    )
    corners = pairs.pixels(pairs.landmarks.numpy())
    eyes = np.linalg.norm(corners[:, 36] - corners[:, 45], axis=-1)
    expected = (in_pixels / eyes[:, None]).mean(1)
    assert score(prediction, "ibug68", pairs).per_face == pytest.approx(expected, rel=1e-4)


def test_68_points_are_scored_on_54():
    whole = make_pairs(3)
    chosen = list(map_indices("ibug68", "sf_tl54"))
    pairs = replace(whole, landmarks=whole.landmarks[:, chosen], scheme="sf_tl54")
    scores = score(whole.landmarks.numpy(), "ibug68", pairs, "box", 0.1)
    assert scores.errors.shape == (3, 54) and scores.nme == 0
    with pytest.raises(InputError, match="cannot be converted to"):
        score(pairs.landmarks.numpy(), "sf_tl54", whole)


def test_unlabelled_pairs_are_not_scored():
    pairs = make_pairs(4).with_labels(3, seed=0)
    assert len(score(pairs.landmarks.numpy(), "ibug68", pairs).ids) == 3
    with pytest.raises(InputError, match="nothing to score"):
        score(pairs.landmarks.numpy(), "ibug68", pairs.with_labels(0, seed=0))


def test_the_summary_names_normaliser_and_threshold():
    pairs = make_pairs(6)
    summary = score(pairs.landmarks.numpy() + 0.01, "ibug68", pairs, "box", 0.1).summary()
    assert summary["normaliser"] == "box" and summary["threshold"] == 0.1
    assert summary["nme_low_percent"] <= summary["nme_percent"] <= summary["nme_high_percent"]
    assert summary["faces"] == 6


def test_wrong_modality_or_size_is_refused():
    with pytest.raises(InputError, match="needs rgb images"):
        evaluate_model(make_model(), replace(make_pairs(), rgb=None), "rgb")
    with pytest.raises(InputError, match="takes 64 px input, but the pairs were cropped for 32"):
        evaluate_model(make_model(input_px=64), make_pairs(), "rgb")


def test_groups_and_hidden_points_reach_the_scores():
    pairs = replace(make_pairs(4), groups=("common", "challenge", None, "common"))
    labelled = pairs.with_labels(3, seed=1)
    found = score(pairs.landmarks.numpy(), "ibug68", labelled)
    kept = labelled.labelled.numpy()
    assert found.groups == tuple(g for g, has in zip(pairs.groups, kept, strict=True) if has)
    assert pairs.subset([1, 0]).groups == ("challenge", "common")
    visible = np.ones((4, 68), dtype=bool)
    visible[:, 0] = False
    moved = pairs.landmarks.numpy().copy()
    moved[:, 0] += 0.5
    assert score(moved, "ibug68", labelled, visible=visible).nme == 0


def test_only_visible_points_where_that_is_asked(monkeypatch):
    pairs = replace(make_pairs(2), visible=torch.arange(68).expand(2, -1) > 0)
    moved = pairs.landmarks.numpy().copy()
    moved[:, 0] += 0.5
    monkeypatch.setattr("mlcmkd.evaluation.evaluate.predict_pairs", lambda *_, **__: moved)
    assert evaluate_model(make_model(), pairs, "rgb").nme > 0
    assert evaluate_model(make_model(), pairs, "rgb", visible_only=True).nme == 0


def test_a_face_that_the_network_answers_with_nan_has_failed():
    pairs = make_pairs(3)
    prediction = pairs.landmarks.numpy().copy()
    prediction[1] = np.nan
    found = score(prediction, "ibug68", pairs)
    assert found.nme == 0 and found.summary()["faces_failed"] == 1
