"""A fitted map between features: against another solver, exact where one exists, bad input."""

import numpy as np
import pytest
import torch

from mlcmkd.evaluation.invariance import place_rows
from mlcmkd.evaluation.invariance.fitted_map import FittedMap, fit_map
from mlcmkd.utils.errors import InputError

torch.manual_seed(0)
SOURCE = torch.rand(40, 6, 5, 4)
WEIGHT, BIAS = torch.randn(3, 6), torch.randn(3)


def test_a_map_that_exists_is_found():
    target = FittedMap(WEIGHT, BIAS + 4)(
        SOURCE
    )  # nowhere below zero, so that the ReLU changes nothing
    found = fit_map(SOURCE, target)
    assert torch.allclose(found.weight, WEIGHT, atol=0.1) and torch.allclose(
        found(SOURCE), target, atol=0.05
    )


def test_it_is_the_solution_of_least_squares():
    target = torch.relu(torch.randn(40, 3, 5, 4))
    columns = np.hstack([place_rows(SOURCE), np.ones((800, 1))])
    expected, *_ = np.linalg.lstsq(
        columns.astype(float), place_rows(target).astype(float), rcond=None
    )
    found = fit_map(SOURCE, target)
    # The penalty of 1 is small beside 800 locations.
    assert np.allclose(found.weight, expected[:-1].T, atol=0.01)
    assert np.allclose(found.bias, expected[-1], atol=0.01)


def test_its_output_is_that_of_each_location_and_not_negative():
    found = FittedMap(WEIGHT, BIAS)(SOURCE)
    by_hand = np.maximum(place_rows(SOURCE) @ WEIGHT.numpy().T + BIAS.numpy(), 0)
    assert found.shape == (40, 3, 5, 4) and (found == 0).any()
    assert np.allclose(place_rows(found), by_hand, atol=1e-5)


def test_constant_and_copied_channels_have_bounded_weights():
    source = SOURCE.clone()
    source[:, 1], source[:, 2] = 0.5, source[:, 0]
    found = fit_map(source, FittedMap(WEIGHT, BIAS)(SOURCE))
    assert found.weight.isfinite().all() and found.weight[:, 1].abs().max() < 1e-3
    assert torch.allclose(found.weight[:, 0], found.weight[:, 2], atol=1e-3)


@pytest.mark.parametrize("shape", [(39, 3, 5, 4), (40, 3, 10, 8)])
def test_other_faces_or_another_resolution_are_refused(shape):
    with pytest.raises(InputError, match="a map needs the same faces at the same resolution"):
        fit_map(SOURCE, torch.zeros(shape))
