"""Loss functions. Each compares a prediction with a target and returns one value per row, (B,).

B is the number of rows (pairs of a batch) and K the number of landmarks. The rows are not averaged, so
that an objective can weight labelled and unlabelled pairs differently. The scale of a loss does not
depend on the resolution of the input or the heatmap, or on the number of channels.

Landmarks without a label are NaN in a target. They are left out of the mean over the landmarks, and the
prediction of such a landmark gets a gradient of exactly 0. A row without any label is 0.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from mlcmkd.distillation.targets import (
    TARGET_SIGMA,
    SupervisionTarget,
    landmark_target,
    spatial_log_softmax,
    teacher_target,
)
from mlcmkd.models import Prediction

# Weight of the distance between coordinates relative to the divergence of heatmaps. Our choice: with
# `benchmarks/coordinate_weight.py` on 300W, weights of 60, 20, 5 and 2 gave a validation NME of 5.44,
# 5.20, 4.92 and 4.86 % (inter-ocular, 219 faces, seed 0, two CPU cores).
COORDINATE_WEIGHT = 2.0


def coordinate_distance(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean Euclidean distance between points, in shares of the input's width.

    Args:
        prediction: (B, K, 2) centred coordinates.
        target: (B, K, 2) centred coordinates; NaN for a point without a label.

    Returns:
        (B,), at least 0.
    """
    difference, known = _difference(prediction, target)
    # The small constant keeps the gradient finite where prediction and target are equal.
    distance = (difference.square().sum(-1) + 1e-12).sqrt()
    return _mean_where(known.all(-1), distance)


def _difference(prediction: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """`prediction - target`, 0 without gradient where the target is NaN; and a mask, True elsewhere."""
    known = ~target.isnan()
    return torch.where(known, prediction - target, 0.0), known


def _mean_where(known: Tensor, values: Tensor) -> Tensor:
    """Mean of the known values of each row, (B, ...) to (B,); 0 in a row without any."""
    dims = tuple(range(1, values.ndim))
    return torch.where(known, values, 0.0).sum(dims) / known.sum(dims).clamp(min=1)


def squared_error(prediction: Prediction, landmarks: Tensor) -> Tensor:
    """L2 loss: mean squared difference of coordinates, (B,), in squared shares of the input's width.

    Args:
        prediction: with coordinates (B, K, 2).
        landmarks: (B, K, 2) centred coordinates; NaN for a point without a label.
    """
    difference, known = _difference(prediction.coordinates, landmarks)
    return _mean_where(known, difference.square())


def absolute_error(prediction: Prediction, landmarks: Tensor) -> Tensor:
    """L1 loss: mean absolute difference of coordinates, (B,), in shares of the input's width.

    Args:
        prediction: with coordinates (B, K, 2).
        landmarks: (B, K, 2) centred coordinates; NaN for a point without a label.
    """
    difference, known = _difference(prediction.coordinates, landmarks)
    return _mean_where(known, difference.abs())


def target_loss(prediction: Prediction, target: SupervisionTarget) -> Tensor:
    """Loss of a prediction against a target, (B,), at least 0 up to rounding.

    It is `COORDINATE_WEIGHT` times the distance of the coordinates, plus the Kullback-Leibler (KL)
    divergence of the heatmaps in nats, where both have heatmaps. The combination is our choice; neither
    paper states a task loss for heatmaps.
    """
    distances = [coordinate_distance(prediction.coordinates, each) for each in target.coordinates]
    loss = COORDINATE_WEIGHT * sum(distances) / len(distances)
    if prediction.logits is None or target.maps is None:
        return loss
    return loss + map_divergence(prediction.logits, target)


def map_divergence(logits: Tensor, target: SupervisionTarget) -> Tensor:
    """KL divergence from a target's heatmaps to softmax(logits), mean over landmarks.

    Args:
        logits: (B, K, h, w); resampled to the target's grid if its size differs.
        target: a target with heatmaps.

    Returns:
        (B,) nats, at least 0 up to rounding.
    """
    if logits.shape[-2:] != target.maps.shape[-2:]:
        logits = F.interpolate(logits, size=target.maps.shape[-2:], mode="bilinear")
    negative_cross_entropy = (target.maps * spatial_log_softmax(logits)).sum((-2, -1)).mean(-1)
    return target.negative_entropy - negative_cross_entropy


def heatmap_divergence(logits: Tensor, landmarks: Tensor, sigma: float = TARGET_SIGMA) -> Tensor:
    """KL divergence from a Gaussian at each landmark to softmax(logits), mean over landmarks.

    Args:
        logits: (B, K, h, w).
        landmarks: (B, K, 2) centred coordinates; NaN for a point without a label.
        sigma: standard deviation of the Gaussians, as a share of the input's width.

    Returns:
        (B,) nats, at least 0 up to rounding.
    """
    return map_divergence(logits, landmark_target(landmarks, logits, sigma))


def landmark_loss(prediction: Prediction, landmarks: Tensor) -> Tensor:
    """The default task loss: `target_loss` of a prediction against landmarks, one value per row, (B,).

    Args:
        prediction: coordinates (B, K, 2), with heatmap logits or without.
        landmarks: (B, K, 2) centred coordinates, labels or pseudo-labels; NaN for a point without
            either.
    """
    return target_loss(prediction, landmark_target(landmarks, prediction.logits))


def prediction_divergence(student: Prediction, teacher: Prediction) -> Tensor:
    """Logits distillation (LD): distance of the student's prediction from the teacher's, (B,).

    It is `target_loss`: KL(teacher || student) between the spatial distributions of the heatmaps, where
    both have heatmaps, plus the weighted distance between the coordinates. The teacher's prediction
    carries no gradient.
    """
    return target_loss(student, teacher_target(teacher))


def feature_distance(student: Tensor, teacher: Tensor) -> Tensor:
    """Feature distillation (FD): mean squared difference over the variance of the teacher's features.

    The division by the variance within the batch is our choice. A student that always outputs the
    teacher's mean feature of each channel has a distance of about 1, for any network, width and
    resolution.

    Args:
        student, teacher: features (B, C, h, w) of one shape; the teacher's carry no gradient.

    Returns:
        (B,), at least 0.
    """
    teacher = teacher.detach().float()
    variance = teacher.var(dim=(0, 2, 3), correction=0).mean() + 1e-6
    return (student.float() - teacher).square().mean(dim=(1, 2, 3)) / variance


def weighted_mean(rows: Tensor, weights: Tensor) -> Tensor:
    """Sum of rows times weights, divided by the number of rows, a scalar.

    The divisor is the number of rows, not the sum of the weights. So every labelled row has the same
    weight, however many labels its batch has.

    Args:
        rows: (B,) losses; a row of weight 0 may be NaN.
        weights: (B,), at least 0.
    """
    return torch.where(weights > 0, rows * weights, torch.zeros_like(rows)).mean()
