"""Heads: features to landmarks, by heatmaps or by coordinates.

Heads hold no batch statistics (GroupNorm): a head that is lent to the other network's features has
nothing to mix up.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# A heatmap is trained to be a Gaussian of 0.025 of the side; this is three of its deviations.
CONFIDENCE_RADIUS = 0.075


class Prediction(NamedTuple):
    """What a head says.

    Attributes:
        coordinates: (B, K, 2), x and y divided by the input's side and centred, -0.5 to 0.5.
        logits: (B, K, h, w) unnormalised log-probabilities of each landmark's place; None from a
            coordinate head.
    """

    coordinates: Tensor
    logits: Tensor | None


def grid_axis(count: int, like: Tensor) -> Tensor:
    """Centred coordinates of the centres of `count` cells along one axis, (count,)."""
    return (torch.arange(count, device=like.device, dtype=torch.float32) + 0.5) / count - 0.5


def soft_argmax(logits: Tensor) -> Tensor:
    """Expected place under softmax(logits): (B, K, h, w) to (B, K, 2), centred coordinates."""
    probability = logits.float().flatten(2).softmax(-1).unflatten(2, logits.shape[-2:])
    x = (probability.sum(-2) * grid_axis(logits.shape[-1], logits)).sum(-1)
    y = (probability.sum(-1) * grid_axis(logits.shape[-2], logits)).sum(-1)
    return torch.stack((x, y), dim=-1)


def confidence(prediction: Prediction) -> Tensor:
    """How sure each landmark is, (B, K).

    From a heatmap: the share of its probability that lies within `CONFIDENCE_RADIUS` of the answer,
    0 to 1; cells on the rim count in part. A coordinate head says nothing of the kind, so NaN: a one
    would be a claim, and NaN fails loudly where somebody sorts by it.
    """
    places, logits = prediction
    if logits is None:
        return torch.full_like(places[..., 0], torch.nan)
    height, width = logits.shape[-2:]
    probability = logits.flatten(2).softmax(-1).unflatten(2, (height, width))
    x = grid_axis(width, logits) - places[..., 0, None]
    y = grid_axis(height, logits) - places[..., 1, None]
    distance = (x[..., None, :].square() + y[..., :, None].square()).sqrt()
    inside = ((CONFIDENCE_RADIUS - distance) * width + 0.5).clamp(0, 1)
    return (probability * inside).sum((-2, -1))


def conv_block(width_in: int, width_out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(width_in, width_out, 3, padding=1, bias=False),
        nn.GroupNorm(8, width_out),
        nn.ReLU(),
    )


def _keep_rows(layer: nn.Conv2d | nn.Linear, rows: list[int]) -> None:
    """Leaves a layer these of its outputs, in this order."""
    for name in ("weight", "bias"):
        old = getattr(layer, name)
        setattr(layer, name, nn.Parameter(old.detach()[rows], old.requires_grad))
    setattr(layer, "out_channels" if isinstance(layer, nn.Conv2d) else "out_features", len(rows))


class HeatmapHead(nn.Module):
    """One map of log-probabilities a landmark; coordinates by soft-argmax, so sub-pixel."""

    def __init__(self, width: int, points: int):
        super().__init__()
        self.body = conv_block(width, width)
        self.maps = nn.Conv2d(width, points, 1)

    def forward(self, features: Tensor) -> Prediction:
        logits = self.maps(self.body(features)).float()
        return Prediction(soft_argmax(logits), logits)

    def keep(self, points: list[int]) -> None:
        """Drops all landmarks but these, in this order."""
        _keep_rows(self.maps, points)


class CoordinateHead(nn.Module):
    """Coordinates by regression from a 4 x 4 grid of pooled features."""

    def __init__(self, width: int, points: int):
        super().__init__()
        self.body = conv_block(width, width)
        self.linear = nn.Linear(width * 16, points * 2)
        # Every landmark starts at the centre; the default would scatter them over +-0.1 of nothing.
        nn.init.normal_(self.linear.weight, std=1e-3)
        nn.init.zeros_(self.linear.bias)

    def forward(self, features: Tensor) -> Prediction:
        pooled = F.adaptive_avg_pool2d(self.body(features), 4).flatten(1)
        return Prediction(self.linear(pooled).float().unflatten(1, (-1, 2)), None)

    def keep(self, points: list[int]) -> None:
        """Drops all landmarks but these, in this order."""
        _keep_rows(self.linear, [2 * point + axis for point in points for axis in (0, 1)])


HEADS = {"heatmap": HeatmapHead, "coordinate": CoordinateHead}
