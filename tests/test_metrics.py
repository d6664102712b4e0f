import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mlcmkd.errors import InputError
from mlcmkd.metrics import (
    area_under_curve,
    bootstrap_interval,
    cumulative_distribution,
    failure_rate,
    near_frontal,
    normaliser_length,
    point_errors,
)

errors = hnp.arrays(np.float64, st.integers(1, 30), elements=st.floats(0, 0.3))


def face(count: int = 1) -> np.ndarray:
    """Points on a 40 x 20 box, outer eye corners 30 apart, nose tip 5 right of their midpoint."""
    points = np.zeros((count, 68, 2))
    points[:, 0], points[:, 16] = (0, 0), (40, 20)
    points[:, 36], points[:, 45], points[:, 30] = (5, 10), (35, 10), (25, 15)
    return points


def test_normalisers_by_hand():
    assert normaliser_length(face(), "ibug68", "inter-ocular") == pytest.approx([30])
    assert normaliser_length(face(), "ibug68", "box") == pytest.approx([np.sqrt(40 * 20)])
    with pytest.raises(InputError, match="use inter-ocular or box"):
        normaliser_length(face(), "ibug68", "nose")


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


@given(st.floats(0.1, 100), st.floats(-3.2, 3.2), st.floats(-50, 50))
def test_errors_do_not_depend_on_scale_turn_or_place(scale, turn, shift):
    rng = np.random.default_rng(0)
    target, prediction = rng.normal(size=(2, 3, 68, 2))
    matrix = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    moved = [each @ matrix.T + shift for each in (prediction, target)]
    assert point_errors(*moved, "ibug68", "inter-ocular") == pytest.approx(
        point_errors(prediction, target, "ibug68", "inter-ocular"), rel=1e-6
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


@given(errors)
def test_auc_is_the_integral_of_the_ced(found):
    x, share = cumulative_distribution(found, 0.08, count=20_001)
    assert area_under_curve(found, 0.08) == pytest.approx(np.trapezoid(share, x) / 0.08, abs=2e-3)


@given(errors)
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
