from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mlcmkd.evaluation.metrics import (
    area_of_each,
    area_under_curve,
    bootstrap_interval,
    bootstrap_intervals,
    cumulative_distribution,
    face_errors,
    failure_rate,
    near_frontal,
    normaliser_length,
    point_errors,
)
from mlcmkd.schemes import SCHEMES
from mlcmkd.utils.errors import InputError

errors = hnp.arrays(np.float64, st.integers(1, 30), elements=st.floats(0, 0.3))
with_failed = hnp.arrays(
    np.float64, st.integers(1, 30), elements=st.one_of(st.floats(0, 0.3), st.just(np.nan))
)


def face(count: int = 1) -> np.ndarray:
    """Points on a 40 x 20 box, outer eye corners 30 apart, nose tip 5 right of their midpoint."""
    points = np.zeros((count, 68, 2))
    points[:, 0], points[:, 16] = (0, 0), (40, 20)
    points[:, 36], points[:, 45], points[:, 30] = (5, 10), (35, 10), (25, 15)
    return points


def test_normalisers_by_hand():
    assert normaliser_length(face(), "ibug68", "inter-ocular") == pytest.approx([30])
    assert normaliser_length(face(), "ibug68", "box") == pytest.approx([np.sqrt(40 * 20)])
    points = face()
    points[0, 36:42], points[0, 42:48] = (4, 3), (10, 11)
    points[0, 36], points[0, 45] = (10, 3), (10, 17)  # the pupils move by a sixth of 6
    assert normaliser_length(points, "ibug68", "inter-pupil") == pytest.approx([np.hypot(5, 9)])
    with pytest.raises(InputError, match="use inter-ocular, inter-pupil, box"):
        normaliser_length(face(), "ibug68", "nose")


@pytest.mark.parametrize("normaliser", ["inter-ocular", "inter-pupil"])
def test_a_scheme_without_eyes_has_the_box_only(monkeypatch, normaliser):
    eyeless = replace(SCHEMES["ibug68"], pupils=None, outer_eyes=None)
    monkeypatch.setattr("mlcmkd.evaluation.metrics.get_scheme", lambda _: eyeless)
    with pytest.raises(InputError, match=f"has no {normaliser} distance; use another normaliser"):
        normaliser_length(face(), "ibug68", normaliser)
    assert normaliser_length(face(), "ibug68", "box") == pytest.approx([np.sqrt(40 * 20)])
    assert not near_frontal(face(), "ibug68").any()


def test_a_missing_point_matters_to_the_normalisers_that_need_it():
    points = face(4)
    points[0, 36] = np.nan  # an outer corner, so a point of a pupil too
    points[1, 16] = np.nan  # a corner of the box; (35, 10) and (25, 15) remain
    points[2] = np.nan
    points[3, 1:] = np.nan
    eyes = normaliser_length(points, "ibug68", "inter-ocular")
    assert np.isnan(eyes).tolist() == [True, False, True, True]
    assert np.isnan(normaliser_length(points, "ibug68", "inter-pupil")).tolist() == [
        *(True, False, True, True)
    ]
    box = normaliser_length(points, "ibug68", "box")
    assert box[1] == pytest.approx(np.sqrt(35 * 15))
    assert np.isnan(box).tolist() == [False, False, True, True]


def test_the_mean_of_a_face_leaves_missing_points_out():
    found = face_errors(np.array([[0.1, np.nan, 0.3], [np.nan] * 3, [0.0, 0.0, 0.3]]))
    assert found == pytest.approx([0.2, np.nan, 0.1], nan_ok=True)


def test_point_errors_by_hand():
    moved = face()
    moved[0, 10] += (3, 4)
    found = point_errors(moved, face(), "ibug68", "inter-ocular")
    assert found[0, 10] == pytest.approx(5 / 30)
    assert found.sum() == pytest.approx(5 / 30)


def test_a_face_without_size_is_refused():
    with pytest.raises(InputError, match="face 1: its inter-ocular distance is zero"):
        target = face(2)
        target[1] = 0
        point_errors(target, target, "ibug68", "inter-ocular")


@pytest.mark.parametrize("normaliser", ["inter-ocular", "inter-pupil", "box"])
@settings(deadline=None)
@given(st.floats(0.1, 100), st.floats(-3.2, 3.2), st.floats(-50, 50))
def test_errors_do_not_depend_on_scale_turn_or_place(normaliser, scale, turn, shift):
    turn = 0 if normaliser == "box" else turn  # a tight box is not the same once it is turned
    rng = np.random.default_rng(0)
    target, prediction = rng.normal(size=(2, 3, 68, 2))
    matrix = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    moved = [each @ matrix.T + shift for each in (prediction, target)]
    np.testing.assert_allclose(
        point_errors(*moved, "ibug68", normaliser),
        point_errors(prediction, target, "ibug68", normaliser),
        rtol=1e-6,
    )


def test_near_frontal_by_hand():
    points = np.repeat(face(), 3, axis=0)
    points[1, 30, 0] = 20 + 0.24 * 30
    points[2, 30, 0] = 20 - 0.26 * 30
    assert near_frontal(points, "ibug68").tolist() == [True, True, False]


def test_near_frontal_is_measured_along_the_eye_line():
    """A rolled head is still frontal."""
    points = np.repeat(face(), 1, axis=0)
    points[0, 30] = (20, 25)
    turn = np.deg2rad(60)
    rolled = points @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    assert near_frontal(rolled, "ibug68").all()


def test_failure_rate_and_auc_by_hand():
    found = np.array([0.02, 0.04, 0.08, 0.2])
    assert failure_rate(found, 0.08) == 0.25
    # (0.06 + 0.04 + 0 + 0) / 4 / 0.08
    assert area_under_curve(found, 0.08) == pytest.approx(0.3125)


def test_a_missing_prediction_is_a_failure():
    found = np.array([0.01, np.nan])
    assert failure_rate(found, 0.08) == 0.5
    assert area_under_curve(found, 0.08) == pytest.approx(0.07 / 0.08 / 2)


def test_auc_ends():
    assert area_under_curve(np.zeros(3), 0.08) == 1
    assert area_under_curve(np.full(3, 0.08), 0.08) == 0
    assert area_under_curve(np.full(3, np.nan), 0.08) == 0


@settings(deadline=None)
@given(with_failed)
def test_auc_is_the_integral_of_the_ced(found):
    """A second way to the same number, by a fine grid; failed faces are in the whole."""
    x = np.linspace(0, 0.08, 20_001)
    share = (found[None] <= x[:, None]).mean(axis=1)
    assert area_under_curve(found, 0.08) == pytest.approx(np.trapezoid(share, x) / 0.08, abs=1e-4)
    assert area_under_curve(found, 0.08) == pytest.approx(area_of_each(found, 0.08).mean())
    x, share = cumulative_distribution(found, 0.08, count=20_001)
    assert area_under_curve(found, 0.08) == pytest.approx(np.trapezoid(share, x) / 0.08, abs=2e-3)


@settings(deadline=None)
@given(with_failed, st.randoms(use_true_random=False))
def test_the_order_of_faces_does_not_matter(found, chance):
    shuffled = np.array(chance.sample(list(found), len(found)))
    for figure in (failure_rate, area_under_curve):
        assert figure(shuffled, 0.08) == pytest.approx(figure(found, 0.08))
    one, other = (cumulative_distribution(e, 0.12)[1] for e in (found, shuffled))
    assert one == pytest.approx(other)


@settings(deadline=None)
@given(with_failed)
def test_the_ced_never_falls_and_ends_at_one_minus_fr(found):
    _, share = cumulative_distribution(found, 0.08)
    assert (np.diff(share) >= 0).all()
    assert share[-1] == pytest.approx(1 - failure_rate(found, 0.08))


def test_bootstrap_interval_covers_the_mean_and_agrees_with_theory():
    found = np.random.default_rng(1).normal(0.05, 0.02, 400)
    low, high = bootstrap_interval(found)
    half = 1.96 * found.std() / 20
    assert low == pytest.approx(found.mean() - half, abs=half / 5)
    assert high == pytest.approx(found.mean() + half, abs=half / 5)
    assert bootstrap_interval(found) == (low, high)


def test_intervals_of_columns_are_those_of_each_alone():
    table = np.random.default_rng(0).uniform(0, 0.1, (30, 4))
    low, high = bootstrap_intervals(table, draws=300)
    alone = [bootstrap_interval(column, draws=300) for column in table.T]
    assert list(zip(low, high, strict=True)) == [pytest.approx(ends) for ends in alone]
    table[:29, 0] = np.nan  # one face has it: its value, whenever that face is drawn
    table[:, 1] = np.nan
    low, high = bootstrap_intervals(table, draws=300)
    assert low[0] == high[0] == pytest.approx(table[29, 0])
    assert np.isnan([low[1], high[1]]).all()
    assert (low[2], high[2]) == pytest.approx(alone[2])
