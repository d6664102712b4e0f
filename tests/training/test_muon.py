"""Muon against steps by hand, singular value decompositions and timm's implementation."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from timm.optim import Muon as TimmMuon
from torch import nn

from mlcmkd.training.config import FitConfig
from mlcmkd.training.muon import COEFFICIENTS, ITERATIONS, Muon, is_matrix, orthogonalised
from mlcmkd.training.optimizer import make_optimizer


def after_iterations(value: float) -> float:
    """What the iteration makes of one singular value, by the scalar formula."""
    a, b, c = COEFFICIENTS
    for _ in range(ITERATIONS):
        value = a * value + b * value**3 + c * value**5
    return value


@settings(max_examples=40, deadline=None)
@given(
    m=st.integers(2, 12), n=st.integers(2, 12), seed=st.integers(0, 1000), size=st.floats(1e-3, 1e3)
)
def test_singular_vectors_remain_and_values_follow_the_scalar_iteration(m, n, seed, size):
    matrix = size * torch.randn(m, n, generator=torch.Generator().manual_seed(seed))
    u, values, v = torch.linalg.svd(matrix.double(), full_matrices=False)
    wanted = torch.tensor([after_iterations(float(s / values.norm())) for s in values])
    expected = u @ torch.diag(wanted.double()) @ v
    torch.testing.assert_close(
        orthogonalised(matrix[None])[0].double(), expected, rtol=1e-3, atol=1e-3
    )


def test_singular_values_are_near_one():
    matrices = torch.randn(3, 16, 40, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(orthogonalised(matrices))
    assert values.min() > 0.6 and values.max() < 1.3


def test_matrices_of_a_batch_do_not_mix_and_zero_remains_zero():
    matrices = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(0))
    matrices[1] = 0
    together = orthogonalised(matrices)
    assert torch.equal(together[1], torch.zeros(5, 4))
    for matrix, found in zip(matrices, together, strict=True):
        torch.testing.assert_close(orthogonalised(matrix[None])[0], found)


def test_steps_kernels_along_orthogonal_matrices():
    """A first step by hand: of a kernel with orthogonal rows, of a bias as AdamW's first step.

    Four orthogonal rows of the same length have four singular values of 1/2 of the norm. The step is 0.2
    sqrt(largest side) times the result of the iteration.
    """
    layer = nn.Conv2d(2, 4, 2)
    config = FitConfig(optimizer="muon", learning_rate=0.1, weight_decay=0.5)
    optimizer = make_optimizer(layer, config)
    before = [p.detach().clone() for p in layer.parameters()]
    layer.weight.grad = torch.eye(8)[:4].view(4, 2, 2, 2) * 7
    layer.bias.grad = torch.tensor([3.0, -3.0, 0.1, 0.1])
    optimizer.step()
    step = (before[0] * (1 - 0.1 * 0.5) - layer.weight.detach()).view(4, 8)
    expected = torch.eye(4, 8) * 0.1 * 0.2 * math.sqrt(8) * after_iterations(0.5)
    torch.testing.assert_close(step, expected, rtol=1e-4, atol=1e-6)
    moved = before[1] - layer.bias.detach()
    assert moved.tolist() == pytest.approx([0.1, -0.1, 0.1, 0.1], rel=1e-3)
    assert "optimizer" not in FitConfig().model_dump_json()


def network(channels_last: bool = False) -> nn.Module:
    """Kernels wide, tall, repeated and depthwise, a matrix, and parameters of one dimension."""
    torch.manual_seed(0)
    layers = [
        nn.Conv2d(3, 8, 3),
        nn.BatchNorm2d(8),
        nn.Conv2d(8, 8, 3, groups=8),
        nn.Conv2d(8, 8, 1),
    ]
    made = nn.Sequential(*layers, nn.Conv2d(8, 8, 1), nn.Conv2d(8, 40, 1), nn.Linear(40, 6))
    return made.to(memory_format=torch.channels_last) if channels_last else made


def stepped(optimizer_of, channels_last: bool = False) -> list[torch.Tensor]:
    """The parameters after five steps along the same gradients."""
    made = network(channels_last)
    optimizer = optimizer_of([{"params": list(made.parameters()), "weight_decay": 0.1}])
    generator = torch.Generator().manual_seed(1)
    for _ in range(5):
        for p in made.parameters():
            grad = torch.randn(p.shape, generator=generator)
            p.grad = torch.empty_like(p).copy_(grad)
        optimizer.step()
    return [p.detach() for p in made.parameters()]


def test_five_steps_are_those_of_timm():
    """Up to timm's bfloat16, which rounds its steps to about a hundredth."""
    before = list(network().parameters())
    ours = stepped(lambda groups: Muon(groups, lr=0.01))
    theirs = stepped(
        lambda groups: TimmMuon(groups, lr=0.01, momentum=0.9, ns_coefficients="original")
    )
    for start, a, b in zip(before, ours, theirs, strict=True):
        way = (a - start).norm()
        assert (a - b).norm() < 0.03 * way


def test_the_memory_layout_has_no_effect():
    for a, b in zip(
        stepped(lambda groups: Muon(groups, lr=0.01)),
        stepped(lambda groups: Muon(groups, lr=0.01), channels_last=True),
        strict=True,
    ):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((8,), False),
        ((4, 512), True),
        ((4, 513), False),
        ((3, 8), False),
        ((8, 1, 2, 2), False),
        ((8, 2, 1, 2), True),
    ],
)
def test_narrow_and_long_matrices_are_stepped_by_adamw(shape, expected):
    assert is_matrix(torch.zeros(shape)) is expected


def test_a_parameter_without_a_gradient_stays():
    made = network()
    optimizer = Muon([{"params": list(made.parameters()), "weight_decay": 0.1}], lr=0.01)
    before = [p.detach().clone() for p in made.parameters()]
    made[0].weight.grad = torch.ones_like(made[0].weight)
    assert optimizer.step(lambda: 3.5) == 3.5
    same = [torch.equal(a, b) for a, b in zip(before, made.parameters(), strict=True)]
    assert same == [False] + [True] * (len(same) - 1)
