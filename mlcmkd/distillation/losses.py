"""Pure functions: each compares two things and returns one value a row, (B,).

Rows are kept apart so that an objective can weigh labelled and unlabelled pairs differently. None of
the values depends on the resolution of the input, the heatmap or the channel count.
"""

from typing import NamedTuple

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


def squared_error(prediction: Prediction, landmarks: Tensor) -> Tensor:
    """Plain L2, (B,): mean squared difference of coordinates, in squared shares of the input."""
    return (prediction.coordinates - landmarks).square().mean((-2, -1))


def absolute_error(prediction: Prediction, landmarks: Tensor) -> Tensor:
    """Plain L1, (B,): mean absolute difference of coordinates, in shares of the input."""
    return (prediction.coordinates - landmarks).abs().mean((-2, -1))


class Target(NamedTuple):
    """What an answer is compared with. Made once a batch, however many heads are held against it.

    Attributes:
        places: where the landmarks should be, each (B, K, 2) centred coordinates; all count alike.
        maps: (B, K, h, w) how probable each cell should be, sum 1; None without heatmaps.
        certainty: (B,) sum of p log p over the cells, mean over landmarks: what turns the cross-entropy
            with `maps` into a KL divergence.
    """

    places: tuple[Tensor, ...]
    maps: Tensor | None
    certainty: Tensor | float


def _target(place: Tensor, log_probability: Tensor) -> Target:
    maps = log_probability.exp()
    return Target((place,), maps, (maps * log_probability).sum((-2, -1)).mean(-1))


def _log_softmax(logits: Tensor) -> Tensor:
    """Over the cells of each map, (B, K, h, w)."""
    return logits.flatten(2).log_softmax(-1).view_as(logits)


def label_target(landmarks: Tensor, like: Tensor | None, sigma: float = TARGET_SIGMA) -> Target:
    """Landmarks (B, K, 2) as a target, with a Gaussian around each.

    Args:
        landmarks: centred coordinates.
        like: logits (B, K, h, w) whose cells the Gaussians are given on; None for places alone.
        sigma: the Gaussian's standard deviation, share of the input's side.
    """
    if like is None:
        return Target((landmarks,), None, 0.0)
    x, y = grid_axis(like.shape[-1], like), grid_axis(like.shape[-2], like)
    distance = (x - landmarks[..., 0, None]).square()[..., None, :]
    distance = distance + (y - landmarks[..., 1, None]).square()[..., :, None]
    return _target(landmarks, _log_softmax(-distance / (2 * sigma**2)))


def answer_target(teacher: Prediction) -> Target:
    """A teacher's answer as a target; it carries no gradient."""
    place = teacher.coordinates.detach()
    if teacher.logits is None:
        return Target((place,), None, 0.0)
    return _target(place, _log_softmax(teacher.logits.detach()))


def halfway(one: Target, other: Target) -> Target:
    """The target whose loss is the mean of the losses against two.

    A KL divergence is linear in (maps, certainty), so the mean of two costs no more than one.
    """
    held = [target for target in (one, other) if target.maps is not None]
    maps = sum(target.maps for target in held) / 2 if held else None
    return Target(one.places + other.places, maps, (one.certainty + other.certainty) / 2)


def target_loss(prediction: Prediction, target: Target) -> Tensor:
    """A prediction against a target, (B,): distance, and KL divergence where both have heatmaps."""
    distances = [coordinate_distance(prediction.coordinates, place) for place in target.places]
    loss = COORDINATE_WEIGHT * sum(distances) / len(distances)
    if prediction.logits is None or target.maps is None:
        return loss
    return loss + map_divergence(prediction.logits, target)


def map_divergence(logits: Tensor, target: Target) -> Tensor:
    """KL divergence from a target's maps to softmax(logits), mean over landmarks, (B,) nats."""
    if logits.shape[-2:] != target.maps.shape[-2:]:
        logits = F.interpolate(logits, size=target.maps.shape[-2:], mode="bilinear")
    crossed = (target.maps * _log_softmax(logits)).sum((-2, -1)).mean(-1)
    return target.certainty - crossed


def heatmap_divergence(logits: Tensor, landmarks: Tensor, sigma: float = TARGET_SIGMA) -> Tensor:
    """KL divergence from a Gaussian at each landmark to softmax(logits), mean over landmarks.

    Args:
        logits: (B, K, h, w).
        landmarks: (B, K, 2) centred coordinates.
        sigma: the Gaussian's standard deviation, share of the input's side.

    Returns:
        (B,) nats, at least 0 but for rounding.
    """
    return map_divergence(logits, label_target(landmarks, logits, sigma))


def landmark_loss(prediction: Prediction, landmarks: Tensor) -> Tensor:
    """A prediction against landmarks (B, K, 2): distance, and divergence where there are heatmaps.

    This is `loss(., y)` of every term that has a label or stands one in.
    """
    return target_loss(prediction, label_target(landmarks, prediction.logits))


def prediction_divergence(student: Prediction, teacher: Prediction) -> Tensor:
    """How far the student's answer is from the teacher's, (B,): the distillation of logits (LD).

    KL(teacher || student) between the heatmaps' spatial distributions where both have them, and the
    weighted distance between coordinates; the teacher's side carries no gradient.
    """
    return target_loss(student, answer_target(teacher))


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
