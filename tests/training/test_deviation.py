"""The training of a deviation head: its loss by hand, what it learns, and what it leaves alone."""

import math
from copy import deepcopy

import numpy as np
import pytest
import torch

from mlcmkd.evaluation.calibration import measure_coverage
from mlcmkd.models import DeviationHead
from mlcmkd.models.deviation import STATISTICS
from mlcmkd.training import deviation
from mlcmkd.training.deviation import FREEDOM, fit_deviation_head, student_loss
from mlcmkd.utils.errors import InputError
from tests.conftest import make_model, make_pairs


def test_the_loss_by_hand():
    # 4 degrees of freedom: 2 log s + 3 log(1 + r / 4), with r = (x^2 + y^2) / s^2
    errors = torch.tensor([[3.0, 4.0], [0.0, 0.0], [math.nan, 1.0]])
    loss = student_loss(errors, torch.tensor([math.log(2.5), 0.7, 0.0]))
    assert loss[0].item() == pytest.approx(2 * math.log(2.5) + 3 * math.log(2))
    assert loss[1].item() == pytest.approx(1.4) and loss[2].isnan()


@pytest.mark.parametrize("scale", [0.5, 2.0, 10.0])
def test_the_gradient_by_hand(scale):
    # d/d log s = 2 - 6 (r / 4) / (1 + r / 4)
    logarithm = torch.tensor(math.log(scale), requires_grad=True)
    student_loss(torch.tensor([3.0, 4.0]), logarithm).backward()
    ratio = 25 / scale**2 / 4
    assert logarithm.grad.item() == pytest.approx(2 - 6 * ratio / (1 + ratio), rel=1e-5)


def test_the_loss_is_the_density_of_scipy():
    from scipy.stats import multivariate_t

    errors, scale = np.random.default_rng(0).normal(size=(6, 2)), 0.7
    density = multivariate_t(shape=scale**2 * np.eye(2), df=FREEDOM).logpdf(errors)
    loss = student_loss(torch.from_numpy(errors), torch.full((6,), math.log(scale)).double())
    assert (loss.numpy() + density) == pytest.approx(np.full(6, (loss[0].numpy() + density[0])))


def test_the_fit_finds_the_deviations_of_normal_errors():
    generator = torch.Generator().manual_seed(0)
    statistics = torch.randn(1500, 6, STATISTICS, generator=generator)
    wanted = torch.exp(-3 + 0.5 * statistics[..., 0] - 0.3 * statistics[..., 7])
    wanted = wanted * torch.linspace(0.5, 1.5, 6)  # each landmark has a level of its own
    errors = torch.randn(1500, 6, 2, generator=generator) * wanted[..., None]
    head = deviation._start(6, seed=0)
    deviation._optimise(head, statistics, errors, seed=0)
    with torch.no_grad():
        found = head(statistics).exp()
    ratio = (found / wanted).log()
    assert ratio.std().item() < 0.1  # up to one factor, which the calibration finds
    scaled = found * wanted.log().sub(found.log()).mean().exp()
    held = measure_coverage(scaled.numpy(), errors.numpy())
    assert held.within_one == pytest.approx(0.683, abs=0.02)
    assert held.within_two == pytest.approx(0.954, abs=0.01)


@pytest.fixture
def small(monkeypatch):
    """A fit on a few faces."""
    monkeypatch.setattr(deviation, "FEWEST_FACES", 8)
    monkeypatch.setattr(deviation, "PASSES", 2)


def test_the_network_stays_as_it_is_and_the_fit_depends_on_the_seed_alone(small):
    model, pairs = make_model("slim").eval(), make_pairs(8)
    before = deepcopy(model.state_dict())
    heads = [fit_deviation_head(model, pairs, seed, progress=False) for seed in (1, 1, 2)]
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name
    first, same, other = (list(head.parameters()) for head in heads)
    assert all(torch.equal(a, b) for a, b in zip(first, same, strict=True))
    assert not torch.equal(first[0], other[0])
    assert isinstance(heads[0], DeviationHead) and not first[0].requires_grad


def test_too_few_faces_or_landmarks_are_refused_in_one_line(small):
    model, pairs = make_model("slim").eval(), make_pairs(7)
    with pytest.raises(InputError, match=r"^7 labelled training faces; .* needs 8"):
        fit_deviation_head(model, pairs, 0, progress=False)
    fewer = make_pairs(8, scheme_points=54)
    fewer = type(fewer)(**{**vars(fewer), "scheme": "sf_tl54"})
    with pytest.raises(InputError, match="^the faces have labels of 54 of the 68 landmarks"):
        fit_deviation_head(model, fewer, 0, progress=False)
