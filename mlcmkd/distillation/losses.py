"""Pure functions: each compares two things and returns one value a row, (B,).

Rows are kept apart so that an objective can weigh labelled and unlabelled pairs differently. None of
the values depends on the resolution of the input, the heatmap or the channel count.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from mlcmkd.models import Prediction, grid_axis

# Weight of the distance between coordinates against the divergence of heatmaps. Ours: by
# `benchmarks/coordinate_weight.py` on 300W, weights of 60, 20, 5 and 2 gave a validation NME of 5.44,
# 5.20, 4.92 and 4.86 % (inter-ocular, 219 faces, seed 0, two CPU cores).
COORDINATE_WEIGHT = 2.0
# Standard deviation of the Gaussian a heatmap is compared with, as a share of the input's side.
TARGET_SIGMA = 0.025


def coordinate_distance(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean Euclidean distance between points, (B, K, 2) twice to (B,), in shares of the input."""
    # The small constant keeps the gradient finite where a point is exactly right.
    return ((prediction - target).square().sum(-1) + 1e-12).sqrt().mean(-1)


def heatmap_divergence(logits: Tensor, target: Tensor, sigma: float = TARGET_SIGMA) -> Tensor:
    """KL divergence from a Gaussian at the target to softmax(logits), mean over landmarks.

    Args:
        logits: (B, K, h, w).
        target: (B, K, 2) centred coordinates.
        sigma: the Gaussian's standard deviation, share of the input's side.

    Returns:
        (B,) nats, at least 0.
    """
    x, y = grid_axis(logits.shape[-1], logits), grid_axis(logits.shape[-2], logits)
    distance = (x - target[..., 0, None]).square()[..., None, :]
    distance = distance + (y - target[..., 1, None]).square()[..., :, None]
    wanted = (-distance / (2 * sigma**2)).flatten(2).log_softmax(-1)
    given = logits.flatten(2).log_softmax(-1)
    return (wanted.exp() * (wanted - given)).sum(-1).mean(-1)


def landmark_loss(prediction: Prediction, target: Tensor) -> Tensor:
    """A prediction against landmarks (B, K, 2): distance, and divergence where there are heatmaps.

    This is `loss(., y)` of every term that has a label or stands one in.
    """
    loss = COORDINATE_WEIGHT * coordinate_distance(prediction.coordinates, target)
    if prediction.logits is not None:
        loss = loss + heatmap_divergence(prediction.logits, target)
    return loss


def prediction_divergence(student: Prediction, teacher: Prediction) -> Tensor:
    """How far the student's answer is from the teacher's, (B,): the distillation of logits (LD).

    KL(teacher || student) between the heatmaps' spatial distributions where both have them, and the
    weighted distance between coordinates; the teacher's side carries no gradient.
    """
    loss = COORDINATE_WEIGHT * coordinate_distance(
        student.coordinates, teacher.coordinates.detach()
    )
    if student.logits is None or teacher.logits is None:
        return loss
    theirs = teacher.logits.detach().flatten(2).log_softmax(-1)
    ours = student.logits
    if ours.shape[-2:] != teacher.logits.shape[-2:]:
        ours = F.interpolate(ours, size=teacher.logits.shape[-2:], mode="bilinear")
    ours = ours.flatten(2).log_softmax(-1)
    return loss + (theirs.exp() * (theirs - ours)).sum(-1).mean(-1)


def feature_distance(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean squared difference of features (B, C, h, w), over the teacher's variance, (B,).

    Dividing by the variance of the teacher's features in the batch makes 1 mean "as far as the
    mean feature", whatever the network, the width or the resolution.
    """
    teacher = teacher.detach().float()
    variance = teacher.var(dim=(0, 2, 3), correction=0).mean() + 1e-6
    return (student.float() - teacher).square().mean(dim=(1, 2, 3)) / variance


def weighted_mean(rows: Tensor, weights: Tensor) -> Tensor:
    """Sum of rows times weights, divided by the number of rows, (B,) twice to a scalar.

    Dividing by all rows, not by the weights' sum, keeps a batch with one label from shouting as
    loudly as a batch of labels.
    """
    return torch.where(weights > 0, rows * weights, torch.zeros_like(rows)).mean()
