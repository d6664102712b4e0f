"""Each loss against a value computed by hand or by another implementation."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions import Categorical, kl_divergence

from mlcmkd.distillation.losses import (
    COORDINATE_WEIGHT,
    coordinate_distance,
    feature_distance,
    heatmap_divergence,
    landmark_loss,
    landmark_target,
    prediction_divergence,
    target_loss,
    teacher_target,
    weighted_mean,
)
from mlcmkd.distillation.targets import mean_target
from mlcmkd.models import Prediction, soft_argmax


def heatmaps(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_coordinate_distance_by_hand():
    prediction = torch.tensor([[[0.0, 0.0], [0.3, 0.4]]])
    target = torch.zeros(1, 2, 2)
    assert coordinate_distance(prediction, target).item() == pytest.approx(0.25, abs=1e-5)


def test_coordinate_distance_has_a_finite_gradient_where_it_is_zero():
    points = torch.zeros(1, 2, 2, requires_grad=True)
    coordinate_distance(points, torch.zeros(1, 2, 2)).sum().backward()
    assert torch.isfinite(points.grad).all()


def test_heatmap_divergence_against_loops():
    logits, sigma = heatmaps(2, 3, 4, 5), 0.2
    target = torch.tensor([[[0.1, -0.2], [0.0, 0.3], [-0.4, 0.4]]] * 2, dtype=torch.float64)
    for row in range(2):
        total = 0.0
        for point in range(3):
            wanted, given_ = np.zeros((4, 5)), logits[row, point].numpy()
            for i in range(4):
                for j in range(5):
                    x, y = (j + 0.5) / 5 - 0.5, (i + 0.5) / 4 - 0.5
                    tx, ty = target[row, point].tolist()
                    wanted[i, j] = math.exp(-((x - tx) ** 2 + (y - ty) ** 2) / (2 * sigma**2))
            wanted /= wanted.sum()
            probability = np.exp(given_) / np.exp(given_).sum()
            total += (wanted * np.log(wanted / probability)).sum()
        divergence = heatmap_divergence(logits, target, sigma)[row].item()
        assert divergence == pytest.approx(total / 3, rel=1e-5)


def test_heatmap_divergence_is_zero_at_the_gaussian_itself():
    axis = (torch.arange(16) + 0.5) / 16 - 0.5
    target = torch.tensor([[[0.05, -0.1]]])
    logits = -((axis[None, :] - 0.05) ** 2 + (axis[:, None] + 0.1) ** 2) / (2 * 0.1**2)
    assert heatmap_divergence(logits[None, None], target, 0.1).item() == pytest.approx(0, abs=1e-6)


def test_prediction_divergence_against_torch_distributions():
    ours, theirs = heatmaps(2, 3, 4, 4, seed=1), heatmaps(2, 3, 4, 4, seed=2)
    student, teacher = (Prediction(soft_argmax(each), each) for each in (ours, theirs))
    kl = kl_divergence(
        Categorical(logits=theirs.flatten(2)), Categorical(logits=ours.flatten(2))
    ).mean(1)
    distance = (student.coordinates - teacher.coordinates).norm(dim=-1).mean(-1)
    expected = kl + COORDINATE_WEIGHT * distance
    assert prediction_divergence(student, teacher) == pytest.approx(expected.numpy(), rel=1e-4)


@pytest.mark.parametrize("teacher_has_maps", [True, False])
def test_the_loss_of_a_mean_target_is_the_mean_of_both(teacher_has_maps):
    """Whether the second has heatmaps and coordinates, or coordinates only."""
    student = Prediction(torch.randn(2, 3, 2), heatmaps(2, 3, 4, 5).float())
    teacher = Prediction(
        torch.randn(2, 3, 2), heatmaps(2, 3, 4, 5, seed=1).float() if teacher_has_maps else None
    )
    label = landmark_target(torch.rand(2, 3, 2) - 0.5, student.logits, sigma=0.2)
    both = target_loss(student, mean_target(label, teacher_target(teacher)))
    apart = target_loss(student, label) + target_loss(student, teacher_target(teacher))
    assert both == pytest.approx((apart / 2).numpy(), rel=1e-5)


def test_prediction_divergence_sends_no_gradient_to_the_teacher():
    ours = heatmaps(1, 2, 3, 3).requires_grad_()
    theirs = heatmaps(1, 2, 3, 3, seed=5).requires_grad_()
    loss = prediction_divergence(
        Prediction(soft_argmax(ours), ours), Prediction(soft_argmax(theirs), theirs)
    )
    loss.sum().backward()
    assert theirs.grad is None and ours.grad.abs().sum() > 0


def test_coordinate_heads_are_compared_by_distance_only():
    student = Prediction(torch.full((1, 4, 2), 0.1), None)
    teacher = Prediction(torch.full((1, 4, 2), 0.1) + torch.tensor([0.03, 0.04]), None)
    expected = COORDINATE_WEIGHT * 0.05
    assert prediction_divergence(student, teacher).item() == pytest.approx(expected, rel=1e-4)
    assert landmark_loss(student, teacher.coordinates).item() == pytest.approx(expected, rel=1e-4)


def test_feature_distance_is_one_for_the_mean_feature():
    """Predicting the mean everywhere is exactly one variance away, at any scale."""
    teacher = torch.randn(8, 1, 6, 6, generator=torch.Generator().manual_seed(0)) * 37 + 5
    mean = teacher.mean().expand_as(teacher)
    assert feature_distance(mean, teacher).mean().item() == pytest.approx(1, rel=1e-4)
    assert feature_distance(teacher, teacher).abs().max().item() == 0


@pytest.mark.parametrize("times", [1, 4])
def test_losses_do_not_depend_on_resolution_or_width(times):
    """Repeating cells or channels changes no loss of features."""
    student, teacher = heatmaps(2, 3, 4, 4, seed=1), heatmaps(2, 3, 4, 4, seed=2)
    base = feature_distance(student, teacher)
    wide = [each.repeat(1, times, 1, 1) for each in (student, teacher)]
    fine = [
        each.repeat_interleave(times, 2).repeat_interleave(times, 3) for each in (student, teacher)
    ]
    assert torch.allclose(feature_distance(*wide), base)
    assert torch.allclose(feature_distance(*fine), base)


def test_weighted_mean_by_hand():
    rows, weights = torch.tensor([2.0, 4.0, 6.0, 8.0]), torch.tensor([1.0, 0.0, 0.5, 1.0])
    assert weighted_mean(rows, weights).item() == pytest.approx((2 + 3 + 8) / 4)


def test_weighted_mean_ignores_the_values_of_unlabelled_rows():
    rows = torch.tensor([1.0, float("nan")], requires_grad=True)
    value = weighted_mean(rows, torch.tensor([1.0, 0.0]))
    assert value.item() == 0.5


@given(st.integers(0, 1000))
def test_divergences_are_never_negative(seed):
    ours, theirs = heatmaps(1, 2, 3, 4, seed=seed), heatmaps(1, 2, 3, 4, seed=seed + 1)
    target = torch.rand(1, 2, 2, generator=torch.Generator().manual_seed(seed)) - 0.5
    student, teacher = (Prediction(soft_argmax(each), each) for each in (ours, theirs))
    assert heatmap_divergence(ours, target).item() >= -1e-6
    assert prediction_divergence(student, teacher).item() >= -1e-6
