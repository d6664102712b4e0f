"""Scores of faces that are scored, failed or left out: by hand, and properties."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlcmkd.evaluation.metrics import failure_rate
from mlcmkd.evaluation.scores import FULL, Scores
from mlcmkd.evaluation.scoring import score_points
from mlcmkd.schemes import SCHEMES, get_scheme
from mlcmkd.utils.errors import InputError

NAMES = "abcdefghij"


def faces(count: int = 4) -> np.ndarray:
    """Annotated faces, (count, 68, 2), outer eye corners 100 apart."""
    points = np.random.default_rng(0).uniform(0, 200, (count, 68, 2))
    points[:, 36], points[:, 45] = (50, 100), (150, 100)
    return points


def scored(prediction, target, **options) -> Scores:
    return score_points(prediction, target, "ibug68", NAMES[: len(target)], **options)


def lines_of(scores: Scores) -> str:
    """The text without the padding of its table."""
    return re.sub(" +", " ", scores.text())


def shifted(target: np.ndarray, percent: list[float]) -> np.ndarray:
    """Every point of a face off by so many percent of its inter-ocular distance."""
    return target + np.array(percent)[:, None, None] * np.array([0.6, 0.8])


def test_a_perfect_prediction():
    summary = scored(faces(), faces()).summary()
    assert (summary["nme_percent"], summary["failure_rate"], summary["auc"]) == (0, 0, 1)
    assert (summary["faces"], summary["faces_failed"], summary["faces_left_out"]) == (4, 0, 0)


def test_a_failed_face_has_no_nme_but_counts_in_fr_and_auc():
    target = faces()
    prediction = shifted(target, [2, 4, 12, 0])
    prediction[3] = np.nan
    found = scored(prediction, target)
    summary = found.summary()
    assert summary["nme_percent"] == pytest.approx((2 + 4 + 12) / 3)
    assert (summary["faces"], summary["faces_failed"]) == (4, 1)
    assert summary["failure_rate"] == 0.5  # the face of 12 % and the one that was not found
    assert summary["auc"] == pytest.approx((6 / 8 + 4 / 8) / 4, abs=1e-4)
    assert found.failed.tolist() == [False, False, False, True]
    assert found.ced()[-1][FULL] == 0.75  # 12 % is where it ends
    (*_, last) = found.rows()
    assert last == {"id": "d", "nme": "", "near_frontal": last["near_frontal"], "failed": 1}
    assert {row["faces"] for row in found.per_landmark()} == {3}
    assert "| full | 3 | 1 | 6.00 [2.00, " in lines_of(found)
    assert "failed: not found" in lines_of(found)


def test_no_face_found_at_all():
    found = scored(np.full((4, 68, 2), np.nan), faces())
    summary = found.summary()
    assert summary["nme_percent"] is None and np.isnan(found.nme)
    assert (summary["failure_rate"], summary["auc"]) == (1, 0)
    assert summary["nme_near_frontal_percent"] is None
    assert "| full | 0 | 4 | none | 100.0 [100.0, 100.0] | 0.000" in lines_of(found)
    assert found.per_region()[0]["error_percent"] == ""
    json.dumps(summary, allow_nan=False)


def test_infinite_predictions_are_failures_too():
    prediction = faces()
    prediction[1] = np.inf
    assert scored(prediction, faces()).failed.tolist() == [False, True, False, False]


def test_a_prediction_of_some_points_is_refused():
    prediction = faces()
    prediction[2, 5:8] = np.nan
    with pytest.raises(InputError, match="face 'c': 3 of its 68 predicted points are not numbers"):
        scored(prediction, faces())


def test_a_missing_point_is_left_out_of_its_face():
    target = faces(2)
    prediction = target.copy()
    prediction[0, 0] += (30, 40)  # 50 % of the inter-ocular distance
    assert scored(prediction, target).per_face == pytest.approx([0.5 / 68, 0])
    target[0, 1] = np.nan
    found = scored(prediction, target)
    assert found.per_face == pytest.approx([0.5 / 67, 0])
    assert not found.failed.any()
    first, second = found.per_landmark()[:2]
    assert (first["faces"], second["faces"]) == (2, 1)
    assert first["error_percent"] == pytest.approx(25)
    target[0, 0] = np.nan
    assert scored(prediction, target).nme == 0


@settings(max_examples=30, deadline=None)
@given(st.sets(st.integers(0, 67), min_size=1, max_size=40))
def test_masking_points_equals_leaving_them_out(hidden):
    target, prediction = faces(3), shifted(faces(3), [1, 5, 9])
    prediction = prediction + np.random.default_rng(1).normal(size=prediction.shape)
    kept = [point for point in range(68) if point not in hidden]
    visible = np.ones((3, 68), dtype=bool)
    visible[:, list(hidden)] = False
    masked = scored(prediction, target, visible=visible)
    distance = np.linalg.norm(prediction - target, axis=-1) / 100
    assert masked.per_face == pytest.approx(distance[:, kept].mean(axis=1))
    missing = target.copy()
    missing[:, list(hidden - {36, 45})] = np.nan  # the eye corners stay: they are divided by
    visible[:, list(hidden & {36, 45})] = False
    assert scored(prediction, missing, visible=visible).per_face == pytest.approx(masked.per_face)


def test_faces_that_cannot_be_scored_are_left_out():
    target = faces()
    target[0] = np.nan  # nothing annotated
    target[2, 45] = np.nan  # nothing to divide by
    found = scored(shifted(faces(), [1, 2, 3, 4]), target, groups=["x", "y", "x", "x"])
    assert (found.ids, found.left_out) == (("b", "d"), ("a", "c"))
    assert found.groups == ("y", "x")
    assert found.nme == pytest.approx(0.03)
    assert found.summary()["faces_left_out"] == 2
    assert "left out: 2 faces" in lines_of(found) and "the first: a" in lines_of(found)
    boxed = scored(shifted(faces(), [1, 2, 3, 4]), target, normaliser="box")
    assert boxed.left_out == ("a",)
    with pytest.raises(InputError, match="no face can be scored"):
        scored(faces(), np.full((4, 68, 2), np.nan))


def test_a_face_without_size_is_named():
    target = faces()
    target[1, 36] = target[1, 45]
    with pytest.raises(InputError, match="face 'b': its inter-ocular distance is zero"):
        scored(faces(), target)


def test_groups_and_the_full_set():
    groups = ["common", "challenge", "common", None]
    found = scored(shifted(faces(), [1, 9, 3, 5]), faces(), groups=groups)
    parts = found.by_group()
    assert list(parts) == ["challenge", "common", FULL]
    assert {name: part.nme for name, part in parts.items()} == pytest.approx(
        {"challenge": 0.09, "common": 0.02, "full": 0.045}
    )
    assert parts["common"].ids == ("a", "c")
    assert [row["group"] for row in found.rows()] == ["common", "challenge", "common", ""]
    text = lines_of(found)
    assert "| challenge | 1 | 0 | 9.00 [9.00, 9.00] | 100.0" in text
    assert "outer eye corners (inter-ocular); FR and AUC at 8 %" in text
    assert list(found.ced()[0]) == ["nme", "challenge", "common", "full"]
    assert list(scored(faces(), faces()).by_group()) == [FULL]
    with pytest.raises(InputError, match="a group cannot be called 'full'"):
        scored(faces(), faces(), groups=["full"] * 4)


def test_a_face_may_be_in_several_groups():
    groups = ["pose+blur", "blur", None, "pose"]
    found = scored(shifted(faces(), [1, 2, 3, 4]), faces(), groups=groups)
    assert {name: part.ids for name, part in found.by_group().items()} == {
        "blur": ("a", "b"),
        "pose": ("a", "d"),
        FULL: ("a", "b", "c", "d"),
    }
    with pytest.raises(InputError, match="a group cannot be called 'full'"):
        scored(faces(), faces(), groups=["pose+full", None, None, None])


@settings(max_examples=30, deadline=None)
@given(st.permutations(range(6)))
def test_the_order_of_faces_does_not_matter(order):
    target = faces(6)
    prediction = shifted(target, [1, 2, 4, 8, 16, 0])
    prediction[5] = np.nan
    one = scored(prediction, target).summary()
    other = scored(prediction[order], target[order]).summary()
    for name in ("nme_percent", "failure_rate", "auc", "faces_failed", "faces_near_frontal"):
        assert one[name] == pytest.approx(other[name])


def test_regions_are_means_of_their_points_in_a_face():
    target = faces(2)
    prediction = target.copy()
    prediction[:, 48:68, 0] += [[10], [20]]  # the mouth, by 10 and 20 % of the eyes' distance
    rows = {row["region"]: row for row in scored(prediction, target).per_region()}
    assert list(rows) == list(get_scheme("ibug68").regions)
    assert rows["mouth"]["error_percent"] == pytest.approx(15)
    assert rows["mouth"]["points"] == 20 and rows["mouth"]["faces"] == 2
    assert rows["mouth"]["low_percent"] == pytest.approx(10)
    assert rows["mouth"]["high_percent"] == pytest.approx(20)
    assert rows["jaw"]["error_percent"] == 0
    points = scored(prediction, target).per_landmark()
    assert [points[i]["region"] for i in (0, 30, 67)] == ["jaw", "nose", "mouth"]
    assert [row["index"] for row in points] == list(range(68))


@pytest.mark.parametrize(("normaliser", "name"), [("box", "sqrt(w h)"), ("inter-pupil", "pupils")])
def test_the_text_names_the_normaliser(normaliser, name):
    text = scored(faces(), faces(), normaliser=normaliser, threshold=0.1).text()
    assert name in text.splitlines()[0] and "at 10 %" in text


@pytest.mark.parametrize("name", SCHEMES)
def test_every_scheme_is_scored(name):
    scheme = SCHEMES[name]
    target = np.random.default_rng(0).uniform(0, 100, (5, scheme.points, 2))
    for normaliser, eyes in (
        ("box", True),
        ("inter-ocular", scheme.outer_eyes),
        ("inter-pupil", scheme.pupils),
    ):
        if eyes:
            found = score_points(target + 1, target, name, NAMES[:5], normaliser=normaliser)
            assert found.nme > 0 and len(found.per_landmark()) == scheme.points
            assert found.per_region() and found.text()


def test_the_ced_meets_fr_at_the_threshold():
    found = scored(shifted(faces(), [2, 7, 9, 30]), faces())
    at = min(found.ced(), key=lambda row: abs(row["nme"] - 0.08))
    assert at["nme"] == 0.08
    assert at[FULL] == 1 - failure_rate(found.per_face, 0.08)


def test_scores_made_by_hand_need_no_groups():
    found = scored(faces(), faces())
    assert replace(found, groups=()).summary() == found.summary()


def test_points_without_a_label_are_left_out_of_the_nme_and_this_is_said():
    target = faces()
    prediction = shifted(target, [2, 4, 6, 8])
    prediction[0, :4] += 1000  # would count, if the points were annotated
    target[0, :4] = np.nan
    found = scored(prediction, target)
    assert found.summary()["nme_percent"] == pytest.approx(5)
    assert found.summary()["points_left_out"] == found.points_left_out == 4
    assert (
        "points left out of the NME of their faces" in found.text() and "4 of 272" in found.text()
    )
    whole = scored(shifted(faces(), [2, 4, 6, 8]), faces())
    assert "points_left_out" not in whole.summary() and "points left out" not in whole.text()
