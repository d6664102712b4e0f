"""A fitted map between features: against another solver, exact where one exists, bad input."""

import numpy as np
import pytest
import torch

from mlcmkd.evaluation.invariance import place_rows
from mlcmkd.evaluation.invariance.fitted_map import fit_map
from mlcmkd.utils.errors import InputError

torch.manual_seed(0)
SOURCE = torch.rand(40, 6, 5, 4)
WEIGHT, BIAS = torch.randn(3, 6), torch.randn(3)
LINEAR = torch.einsum("dc,nchw->ndhw", WEIGHT, SOURCE) + BIAS[:, None, None]


def parts(fitted: torch.nn.Module) -> tuple[torch.Tensor, torch.Tensor]:
    """Weight (D, C) and bias (D,)."""
    return fitted[0].weight[:, :, 0, 0], fitted[0].bias


def test_a_map_that_exists_is_found():
    target = LINEAR + 4  # nowhere below zero, so that the ReLU changes nothing
    found = fit_map(SOURCE, target)
    weight, bias = parts(found)
    assert torch.allclose(weight, WEIGHT, atol=0.1) and torch.allclose(bias, BIAS + 4, atol=0.2)
    assert torch.allclose(found(SOURCE), target, atol=0.05)
    assert not any(each.requires_grad for each in found.parameters())


def test_it_is_the_solution_of_least_squares():
    target = torch.relu(torch.randn(40, 3, 5, 4))
    columns = np.hstack([place_rows(SOURCE), np.ones((800, 1))])
    expected, *_ = np.linalg.lstsq(
        columns.astype(float), place_rows(target).astype(float), rcond=None
    )
    weight, bias = parts(fit_map(SOURCE, target))
    # The penalty of 1 is small beside 800 locations.
    assert np.allclose(weight, expected[:-1].T, atol=0.01)
    assert np.allclose(bias, expected[-1], atol=0.01)


def test_its_output_is_that_of_each_location_and_not_negative():
    fitted = fit_map(SOURCE, LINEAR)  # a target that is negative in places
    weight, bias = parts(fitted)
    by_hand = np.maximum(place_rows(SOURCE) @ weight.numpy().T + bias.numpy(), 0)
    found = fitted(SOURCE)
    assert found.shape == (40, 3, 5, 4) and (found == 0).any()
    assert np.allclose(place_rows(found), by_hand, atol=1e-5)


def test_constant_and_copied_channels_have_bounded_weights():
    source = SOURCE.clone()
    source[:, 1], source[:, 2] = 0.5, source[:, 0]
    weight, _ = parts(fit_map(source, LINEAR))
    assert weight.isfinite().all() and weight[:, 1].abs().max() < 1e-3
    assert torch.allclose(weight[:, 0], weight[:, 2], atol=1e-3)


@pytest.mark.parametrize("shape", [(39, 3, 5, 4), (40, 3, 10, 8)])
def test_other_faces_or_another_resolution_are_refused(shape):
    with pytest.raises(InputError, match="a map needs the same faces at the same resolution"):
        fit_map(SOURCE, torch.zeros(shape))
