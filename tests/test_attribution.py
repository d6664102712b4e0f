import pytest
import torch

from mlcmkd.attribution import baseline_of, integrated_gradients
from mlcmkd.errors import InputError
from tests.conftest import make_model


def images(channels: int = 3) -> torch.Tensor:
    return torch.rand(2, channels, 32, 32, generator=torch.Generator().manual_seed(0))


class Linear(torch.nn.Module):
    """A Landmarker's stand-in whose coordinates are a known linear function of the pixels."""

    def __init__(self):
        super().__init__()
        self.spec = make_model().spec
        generator = torch.Generator().manual_seed(1)
        self.weight = torch.randn(68 * 2, 3 * 32 * 32, generator=generator) * 1e-2

    def forward(self, x):
        from mlcmkd.models import Prediction

        return Prediction((x.flatten(1) @ self.weight.T).unflatten(1, (68, 2)), None)


@pytest.mark.parametrize("target", ["x", "y"])
def test_of_a_linear_model_they_are_weight_times_difference(target):
    model, x = Linear(), images()
    found = integrated_gradients(model, x, 12, target=target, steps=4, baseline="black")
    weight = model.weight.unflatten(0, (68, 2))[12, "xy".index(target)].view(3, 32, 32)
    assert torch.allclose(found.maps, (weight * x).sum(1), atol=1e-5)
    assert found.completeness_error.max() < 1e-3


@pytest.mark.parametrize("target", ["log-probability", "x"])
def test_more_steps_are_more_complete(target):
    model, x = make_model().eval(), images()
    coarse = integrated_gradients(model, x, 30, target=target, steps=2)
    fine = integrated_gradients(model, x, 30, target=target, steps=128)
    assert fine.maps.shape == (2, 32, 32)
    assert fine.completeness_error.mean() < coarse.completeness_error.mean()
    assert fine.completeness_error.max() < 0.1


def test_a_face_alone_and_in_a_batch_is_explained_alike():
    """captum stacks its steps along the batch; a face must keep its own peak."""
    model, x = make_model().eval(), images(1)
    both = integrated_gradients(model, x, 30, steps=8).maps
    alone = torch.cat([integrated_gradients(model, x[n : n + 1], 30, steps=8).maps for n in (0, 1)])
    assert torch.allclose(both, alone, atol=0.02 * float(both.abs().max()))


def test_the_model_is_left_as_it_was():
    model = make_model().train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    integrated_gradients(model, images(), 5, steps=2)
    assert model.training
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_baselines():
    x = images()
    assert baseline_of(x, "black").abs().max() == 0
    assert torch.allclose(baseline_of(x, "mean").mean((2, 3)), x.mean((2, 3)))
    blurred = baseline_of(x, "blur")
    assert blurred.std() < 0.3 * x.std()
    assert not torch.equal(images(), blurred) and torch.equal(x, images())


def test_what_cannot_be_explained_is_said():
    with pytest.raises(InputError, match="has 0 to 67"):
        integrated_gradients(make_model(), images(), 68)
    with pytest.raises(InputError, match="explain x or y"):
        integrated_gradients(make_model(head="coordinate"), images(), 3)
