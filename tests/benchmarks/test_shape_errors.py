"""Errors that are constant for a person: removed from turned faces by hand-made errors."""

import numpy as np
import pytest

from mlcmkd.plots.schemes import template
from mlcmkd.schemes import get_scheme
from mlcmkd.utils.errors import InputError
from tests.benchmarks.scripts import load_script

script = load_script("shape_errors")
SCHEME = get_scheme("ibug68")


def turned(points: np.ndarray, degrees: float, size: float) -> np.ndarray:
    a = np.deg2rad(degrees)
    return size * points @ np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])


@pytest.fixture
def faces() -> tuple[np.ndarray, np.ndarray]:
    """Three upright faces of different sizes, and predictions with one error each of the person."""
    face = template("ibug68")
    target = np.stack([turned(face, 0, size) + size for size in (1, 2, 3)])
    error = np.zeros_like(face)
    error[30] = (0.02, -0.03)  # an inner point: the predicted box is that of the labels
    return target + error * np.array([1, 2, 3])[:, None, None], target


def test_axes_of_an_upright_face_are_those_of_the_image():
    face = template("ibug68")[None]
    size = script.box_sizes(face)[0]
    assert np.allclose(script.face_axes(face, SCHEME)[0] / size, np.eye(2), atol=0.02)


def test_a_constant_error_of_a_person_is_removed(faces):
    predicted, target = faces
    assert script.box_nme(predicted, target).min() > 0.01
    fitted = np.array([True, True, False])
    corrected = script.without_mean_error(predicted, target, SCHEME, fitted)
    assert np.allclose(corrected, target, atol=1e-6)


def test_the_correction_turns_with_the_face(faces):
    predicted, target = faces
    alone = np.array([True, True, True])
    before = script.without_mean_error(predicted, target, SCHEME, alone)
    after = script.without_mean_error(
        turned(predicted, 30, 1), turned(target, 30, 1), SCHEME, alone
    )
    # The box of a turned face has another size, which scales all errors and corrections alike.
    assert np.allclose(after, turned(before, 30, 1), atol=1e-6)


def test_nme_by_hand():
    target = np.array([[[0.0, 0.0], [4.0, 9.0]]])
    predicted = target + [[[0.6, 0.0], [0.0, 1.2]]]
    assert script.box_nme(predicted, target) == pytest.approx([100 * 0.9 / 6])


def test_a_row_for_each_person_and_one_person_is_refused(faces):
    predicted, target = faces
    found = script.rows(predicted, target, SCHEME, np.array(["a", "b", "b"]))
    assert [row["person"] for row in found] == ["a", "b"] and found[1]["frames"] == "2"
    assert found[1]["without the mean error of b"] == "0.00" < found[1]["NME (%)"]
    with pytest.raises(InputError, match="frames of one person"):
        script.rows(predicted, target, SCHEME, np.array(["a", "a", "a"]))
