"""Figures of the shape model are drawn without a warning and with the right labels."""

import numpy as np
import pytest
import torch

from mlcmkd.distillation.shape_model import ShapeModel
from mlcmkd.plots.shapes import DEVIATIONS, hard_and_soft, shape_modes
from mlcmkd.schemes import map_indices
from mlcmkd.synthetic.faces import make_faces
from mlcmkd.utils.errors import InputError
from tests.plots.conftest import drawn

SIDE = 32


@pytest.fixture(scope="module")
def marks() -> np.ndarray:
    """Landmarks of eight synthetic faces, centred coordinates."""
    return (make_faces(8, size=64).landmarks.astype(np.float64) + 0.5) / 64 - 0.5


@pytest.fixture(scope="module", params=["ibug68", "sf_tl54"])
def model(request, marks) -> ShapeModel:
    points = list(map_indices("ibug68", request.param))
    return ShapeModel.fit(marks[:, points], request.param, 0.95)


def points_of(axes, last: int) -> np.ndarray:
    return np.asarray(axes.collections[last].get_offsets())


def test_shape_modes_shows_the_modes_with_their_shares(model):
    figure, words = drawn(lambda: shape_modes(model, 2))
    for word in ("-3 sd", "-1.5 sd", "mean", "+1.5 sd", "+3 sd", "of the variance"):
        assert word in words
    for row in (0, 1):
        assert f"mode {row + 1}: {100 * model.shares[row]:.1f} %" in words
    grid = np.reshape(figure.axes, (2, len(DEVIATIONS)))
    assert np.allclose(points_of(grid[1, 0], 1), model.mode(1, -3))
    assert np.allclose(points_of(grid[0, 4], 1), model.mode(0, 3))
    assert np.allclose(points_of(grid[0, 4], 0), model.mean)
    # One scale for all, so that modes can be compared; every point is inside; y points down.
    limits = {(axes.get_xlim(), axes.get_ylim()) for axes in figure.axes}
    assert len(limits) == 1
    (x, y) = limits.pop()
    every = np.concatenate([points_of(axes, 1) for axes in figure.axes])
    assert x[0] < every[:, 0].min() and every[:, 0].max() < x[1]
    assert y[1] < every[:, 1].min() and every[:, 1].max() < y[0]


def test_shape_modes_draws_no_more_modes_than_there_are(model):
    figure, _ = drawn(lambda: shape_modes(model, 99))
    assert len(figure.axes) == len(model.modes) * len(DEVIATIONS)
    with pytest.raises(InputError, match="modes 0: give at least one"):
        shape_modes(model, 0)


@pytest.mark.parametrize("count", [1, 3, 6])
def test_hard_and_soft_states_their_distance(count, marks):
    hard = marks[:count]
    soft = hard + [0.03, 0.04]  # every point 0.05 away
    images = np.random.default_rng(0).random((count, SIDE, SIDE, 3))
    figure, words = drawn(lambda: hard_and_soft(images, hard, soft, "ibug68"))
    for word in ("hard", "soft", "% of the inter-ocular distance"):
        assert word in words
    for face, axes in zip(hard, figure.axes, strict=False):
        percent = 100 * 0.05 / np.linalg.norm(face[36] - face[45])
        assert axes.get_title() == f"{percent:.1f} % apart"
        assert np.allclose(points_of(axes, 0), face)
        assert np.allclose(points_of(axes, 1), face + [0.03, 0.04])


def test_hard_and_soft_takes_thermal_tensors_and_other_schemes(marks, model):
    points = list(map_indices("ibug68", model.scheme))
    hard = torch.from_numpy(marks[:5, points]).float()
    images = torch.rand(5, 1, SIDE, SIDE)
    figure, words = drawn(lambda: hard_and_soft(images, hard, model.soften(hard), model.scheme))
    assert "inter-ocular" in words
    assert figure.axes[0].images[0].cmap.name == "gray"
