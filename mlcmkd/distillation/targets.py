"""Supervision targets: what a prediction is compared with in the loss.

A target is made once per batch and used by every term, because its heatmaps take as much time as the
comparison itself.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from mlcmkd.distillation.strategies import Guide
from mlcmkd.models import Prediction, grid_axis

# Standard deviation of the Gaussian at a label, as a share of the input's width. Our choice.
TARGET_SIGMA = 0.025


class SupervisionTarget(NamedTuple):
    """Landmarks, and the heatmaps that belong to them.

    Attributes:
        coordinates: one or more sets of landmarks, each (B, K, 2) centred coordinates, NaN for a
            landmark without a label; the loss is the mean of the losses against each set.
        maps: (B, K, h, w) probability of each cell, sum 1 over the cells; None without heatmaps. In a
            row with labels of only k landmarks, the maps of these are multiplied by K / k and the other
            maps are 0. So the mean over all K landmarks is the mean over the k labelled ones.
        negative_entropy: (B,) sum of p log p over the cells, mean over landmarks with a label. Added
            to the cross-entropy with `maps` it gives the KL divergence. 0 without heatmaps.
    """

    coordinates: tuple[Tensor, ...]
    maps: Tensor | None
    negative_entropy: Tensor | float


def spatial_log_softmax(logits: Tensor) -> Tensor:
    """Log-softmax over the cells of each map, (B, K, h, w) to the same."""
    return logits.flatten(2).log_softmax(-1).view_as(logits)


def _with_maps(
    coordinates: Tensor, log_probability: Tensor, weights: Tensor | None = None
) -> SupervisionTarget:
    """A target with heatmaps, (B, K, h, w), each multiplied by its weight, (B, K)."""
    maps = log_probability.exp()
    if weights is not None:
        maps = maps * weights[..., None, None]
    negative_entropy = (maps * log_probability).sum((-2, -1)).mean(-1)
    return SupervisionTarget((coordinates,), maps, negative_entropy)


def landmark_target(
    landmarks: Tensor, like: Tensor | None, sigma: float = TARGET_SIGMA
) -> SupervisionTarget:
    """Landmarks as a target, with a Gaussian heatmap around each.

    Args:
        landmarks: (B, K, 2) centred coordinates, labels or pseudo-labels; NaN for a landmark without
            either.
        like: logits (B, K, h, w); the Gaussians are evaluated on their grid. None for a target without
            heatmaps.
        sigma: standard deviation of the Gaussians, as a share of the input's width.
    """
    if like is None:
        return SupervisionTarget((landmarks,), None, 0.0)
    x, y = grid_axis(like.shape[-1], like), grid_axis(like.shape[-2], like)
    known = ~landmarks.isnan().any(-1)
    # A NaN in a map would make the gradient NaN, although the weight of the map is 0.
    places = torch.where(known[..., None], landmarks, 0.0)
    distance = (x - places[..., 0, None]).square()[..., None, :]
    distance = distance + (y - places[..., 1, None]).square()[..., :, None]
    log_probability = spatial_log_softmax(-distance / (2 * sigma**2))
    share = known.to(log_probability.dtype).mean(-1, keepdim=True).clamp(min=1 / known.shape[-1])
    return _with_maps(landmarks, log_probability, known / share)


def teacher_target(teacher: Prediction) -> SupervisionTarget:
    """A teacher's prediction as a target; it carries no gradient."""
    # NaN would mean "no label", and the loss would ignore it. Infinity makes the loss infinite instead.
    coordinates = teacher.coordinates.detach().nan_to_num(math.inf, math.inf, -math.inf)
    if teacher.logits is None:
        return SupervisionTarget((coordinates,), None, 0.0)
    return _with_maps(coordinates, spatial_log_softmax(teacher.logits.detach()))


def mean_target(first: SupervisionTarget, second: SupervisionTarget) -> SupervisionTarget:
    """The target whose loss is the mean of the losses against two targets.

    A KL divergence is linear in (maps, negative_entropy). So the mean of two divergences is computed as
    one divergence.
    """
    with_maps = [target for target in (first, second) if target.maps is not None]
    maps = sum(target.maps for target in with_maps) / 2 if with_maps else None
    return SupervisionTarget(
        first.coordinates + second.coordinates,
        maps,
        (first.negative_entropy + second.negative_entropy) / 2,
    )


def guide_targets(
    label: SupervisionTarget, teacher: SupervisionTarget, guide: Guide
) -> tuple[SupervisionTarget, SupervisionTarget]:
    """Targets of the injected heads: one for forward injection (FI), one for reverse injection (RI).

        guide      FI                     RI
        label      label                  label
        teacher    teacher's prediction   teacher's prediction
        both       mean of the two        mean of the two
        own        teacher's prediction   label

    "own" uses the target that belongs to the image of the injected features: the RGB image in FI, the
    thermal image in RI. Label and prediction differ where the images of a pair are not exactly aligned.
    Then only "own" is correct for both images. The guides are our choice.

    Args:
        label: target of the labels.
        teacher: target of the teacher's predictions.
        guide: as in the table.

    Returns:
        the targets of FI and of RI.
    """
    if guide == "both":
        both = mean_target(label, teacher)
        return both, both
    in_fi = teacher if guide in ("teacher", "own") else label
    in_ri = teacher if guide == "teacher" else label
    return in_fi, in_ri
