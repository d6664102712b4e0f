"""Heads: features to landmarks, by heatmaps or by coordinates.

Heads use GroupNorm, so they hold no batch statistics: a head can be applied to the features of another
network without mixing the statistics of two modalities.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mlcmkd.models.layers import conv_block

# Share of the input's side: three standard deviations of the target heatmaps, Gaussians with 0.025.
CONFIDENCE_RADIUS = 0.075


class Prediction(NamedTuple):
    """Output of a head.

    Attributes:
        coordinates: (B, K, 2), x and y divided by the input's side and centred, -0.5 to 0.5.
        logits: (B, K, h, w) unnormalised log-probabilities of each landmark's position; None from a
            coordinate head.
    """

    coordinates: Tensor
    logits: Tensor | None


def grid_axis(count: int, like: Tensor) -> Tensor:
    """Centred coordinates of the centres of `count` cells along one axis, (count,); device of `like`."""
    return (torch.arange(count, device=like.device, dtype=torch.float32) + 0.5) / count - 0.5


def soft_argmax(logits: Tensor) -> Tensor:
    """Expected position under softmax(logits): (B, K, h, w) to (B, K, 2), centred coordinates.

    Sun et al., "Integral Human Pose Regression", arXiv:1711.08229, 2018.
    """
    probability = map_probability(logits)
    x = (probability.sum(-2) * grid_axis(logits.shape[-1], logits)).sum(-1)
    y = (probability.sum(-1) * grid_axis(logits.shape[-2], logits)).sum(-1)
    return torch.stack((x, y), dim=-1)


def map_probability(logits: Tensor) -> Tensor:
    """Probability of each cell under softmax(logits), (B, K, h, w)."""
    return logits.float().flatten(2).softmax(-1).unflatten(2, logits.shape[-2:])


def squared_offsets(prediction: Prediction) -> tuple[Tensor, Tensor]:
    """Squared x (B, K, w) and y (B, K, h) of a map's columns and rows from the predicted position."""
    coordinates, logits = prediction
    height, width = logits.shape[-2:]
    x = grid_axis(width, logits) - coordinates[..., 0, None]
    y = grid_axis(height, logits) - coordinates[..., 1, None]
    return x * x, y * y


def distances(prediction: Prediction) -> Tensor:
    """Distance of each cell (B, K, h, w) from the predicted position."""
    x2, y2 = squared_offsets(prediction)
    return (x2[..., None, :] + y2[..., :, None]).sqrt()


def confidence(prediction: Prediction) -> Tensor:
    """Confidence of each landmark, (B, K), 0 to 1; NaN from a coordinate head.

    It is the share of a heatmap's probability within `CONFIDENCE_RADIUS` of the predicted position;
    cells on the circle count partly. The measure is ours. A coordinate head has no heatmap. Its
    confidence is NaN, because 1 would look like a certain prediction.
    """
    coordinates, logits = prediction
    if logits is None:
        return torch.full_like(coordinates[..., 0], torch.nan)
    share = ((CONFIDENCE_RADIUS - distances(prediction)) * logits.shape[-1] + 0.5).clamp(0, 1)
    return (map_probability(logits) * share).sum((-2, -1))


def spread(prediction: Prediction) -> Tensor:
    """Standard deviation of each landmark's heatmap per coordinate, (B, K); NaN from a coordinate head.

    It is the root of the mean variance of x and y under softmax(logits), in centred coordinates: 0 for a
    map with all its probability in one cell, about 0.025 for a map that equals its Gaussian target.
    """
    coordinates, logits = prediction
    if logits is None:
        return torch.full_like(coordinates[..., 0], torch.nan)
    probability, (x2, y2) = map_probability(logits), squared_offsets(prediction)
    variance = (probability.sum(-2) * x2).sum(-1) + (probability.sum(-1) * y2).sum(-1)
    return (variance / 2).sqrt()


class HeatmapHead(nn.Module):
    """One map of unnormalised log-probabilities per landmark; sub-pixel coordinates by soft-argmax.

    Args:
        width: channels of the features.
        points: number of landmarks.
        cells: cells of the heatmap along each axis per position of the features. Several cells per
            position are channels of one 1 x 1 convolution (the sub-pixel convolution of Shi et al.,
            arXiv 1609.05158, 2016), so a fine map needs no convolution at its own resolution.
        plain: only the 1 x 1 convolution, without a 3 x 3 convolution and GroupNorm before it.
    """

    def __init__(self, width: int, points: int, cells: int = 1, plain: bool = False):
        super().__init__()
        self.cells = cells
        self.body = nn.Identity() if plain else conv_block(width, width)
        self.maps = nn.Conv2d(width, points * cells**2, 1)

    def forward(self, features: Tensor) -> Prediction:
        """Features (B, width, h, w) to a Prediction with logits (B, K, cells * h, cells * w)."""
        logits = self.cell_logits(features)
        if self.cells > 1:
            logits = F.pixel_shuffle(logits, self.cells)
        return Prediction(soft_argmax(logits), logits)

    def cell_logits(self, features: Tensor) -> Tensor:
        """Logits before their arrangement as maps, (B, K * cells ** 2, h, w), see `pixel_shuffle`."""
        return self.maps(self.body(features)).float()

    def keep(self, points: list[int]) -> None:
        """Removes all landmarks except these, which get this order."""
        count = self.cells**2
        outputs = [count * point + cell for point in points for cell in range(count)]
        self.maps.weight = _rows(self.maps.weight, outputs)
        self.maps.bias = _rows(self.maps.bias, outputs)
        self.maps.out_channels = len(outputs)


class CoordinateHead(nn.Module):
    """Coordinates by linear regression from a 4 x 4 grid of pooled features.

    Args:
        width: channels of the features.
        points: number of landmarks.
    """

    def __init__(self, width: int, points: int):
        super().__init__()
        self.body = conv_block(width, width)
        self.linear = nn.Linear(width * 16, points * 2)
        # All landmarks start near the centre; torch's default would scatter them by about 0.1.
        nn.init.normal_(self.linear.weight, std=1e-3)
        nn.init.zeros_(self.linear.bias)

    def forward(self, features: Tensor) -> Prediction:
        """Features (B, width, h, w) to a Prediction without logits."""
        pooled = F.adaptive_avg_pool2d(self.body(features), 4).flatten(1)
        return Prediction(self.linear(pooled).float().unflatten(1, (-1, 2)), None)

    def keep(self, points: list[int]) -> None:
        """Removes all landmarks except these, which get this order."""
        outputs = [2 * point + axis for point in points for axis in (0, 1)]
        self.linear.weight = _rows(self.linear.weight, outputs)
        self.linear.bias = _rows(self.linear.bias, outputs)
        self.linear.out_features = len(outputs)


def _rows(parameter: nn.Parameter, rows: list[int]) -> nn.Parameter:
    """A parameter with these rows of another one, in this order."""
    return nn.Parameter(parameter.detach()[rows], parameter.requires_grad)


HEADS = {"heatmap": HeatmapHead, "coordinate": CoordinateHead}
