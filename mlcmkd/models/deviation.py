"""A small network for the standard deviation of each landmark.

It reads what the landmark network leaves: numbers about each heatmap, and the place of the landmark in
the crop. The landmark network itself stays as it is. Trained by `mlcmkd.training.deviation`; the choice
of the numbers is ours (docs/results/uncertainty.md).
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mlcmkd.models.heads import (
    CONFIDENCE_RADIUS,
    Prediction,
    confidence,
    distances,
    map_probability,
    spread,
)

UNITS = 16  # of the hidden layer
STATISTICS = 11
NEAR = 0.05  # of a border: this share of the crop's side
# Neighbouring columns that differ by less than this share of the image's range are equal.
_EQUAL = 0.003
_SMALLEST = 1e-4  # of shares and spreads whose logarithms are taken
_LOWEST = math.exp(-12)  # second peak, relative to the first


def image_extent(images: Tensor) -> Tensor:
    """Where an image ends inside its crop, (B, 4): x0, y0, x1, y1 in centred coordinates.

    Outside an image a crop repeats its border (`mlcmkd.data.crops.Crop.cut`), so neighbouring columns
    or rows are equal there. -0.5 and 0.5 where the image fills the crop; x0 > x1 if it has one value.

    Args:
        images: crops (B, C, H, W).
    """
    value = images.flatten(1)
    equal = _EQUAL * (value.amax(1) - value.amin(1)).clamp_min(1e-6)[:, None]
    ends = []
    for axis in (-1, -2):
        count = images.shape[axis]
        step = images.narrow(axis, 1, count - 1) - images.narrow(axis, 0, count - 1)
        changes = step.abs().amax((1, -3 - axis)) > equal  # (B, count - 1)
        # Column n and the next one differ: the image holds both.
        column = torch.arange(count - 1, device=images.device) / count - 0.5
        first = torch.where(changes, column, 0.5).amin(1)
        last = torch.where(changes, column + 2 / count, -0.5).amax(1)
        ends.append((first, last))
    (x0, x1), (y0, y1) = ends
    return torch.stack((x0, y0, x1, y1), dim=1)


def landmark_statistics(images: Tensor, prediction: Prediction) -> Tensor:
    """What the deviation of a landmark is estimated from, (B, K, STATISTICS).

    Of its heatmap: logarithms of the spread, of the highest probability, of the probability outside
    `CONFIDENCE_RADIUS`, of the highest one there relative to the highest of all, and of that in the
    outermost cells. Of its place: |x| and |y|, how far it is in the outer band of the crop (`NEAR`), how
    far beyond the image's border, and how far in the band inside of it. Of the crop: the share of its
    area outside the image.

    Args:
        images: crops (B, C, H, W) that the network got.
        prediction: of a heatmap head, K landmarks.
    """
    coordinates, logits = prediction
    # Written with the operations of `confidence` and `spread`, which an exported graph then computes
    # once for all: on one face they take longer than the head itself.
    probability = map_probability(logits)
    peak = probability.amax((-2, -1))
    far = distances(prediction) > CONFIDENCE_RADIUS
    second = torch.where(far, probability, 0.0).amax((-2, -1))
    # The outermost cells: first and last columns and rows, less the corners, which are in both.
    columns, rows = probability.sum(-2), probability.sum(-1)
    corners = probability[..., :: probability.shape[-2] - 1, :: probability.shape[-1] - 1]
    outermost = _ends(columns) + _ends(rows) - corners.sum((-2, -1))
    extent = image_extent(images)[:, None]
    inside = torch.minimum(coordinates - extent[..., :2], extent[..., 2:] - coordinates).amin(-1)
    covered = (extent[..., 2:] - extent[..., :2]).clamp(0, 1).prod(-1)
    place = coordinates.abs()
    statistics = (
        spread(prediction).clamp_min(_SMALLEST).log(),
        peak.log(),
        (1 - confidence(prediction)).clamp_min(_SMALLEST).log(),
        (second / peak).clamp_min(_LOWEST).log(),
        (outermost.clamp_min(0) + _SMALLEST).log(),
        place[..., 0],
        place[..., 1],
        (NEAR - (0.5 - place).amin(-1)).clamp_min(0),
        (-inside).clamp_min(0),
        (NEAR - inside).clamp(0.0, NEAR),
        (1 - covered).expand_as(peak),
    )
    return torch.stack(statistics, dim=-1)


def _ends(values: Tensor) -> Tensor:
    """Sum of the first and the last of (..., n) values, (...)."""
    return values[..., 0] + values[..., -1]


class DeviationHead(nn.Module):
    """One hidden layer from `landmark_statistics` to the logarithm of a deviation, shared by landmarks.

    Each landmark has a level of its own besides. A new head has zeros only; it takes no random numbers,
    so that loading weights does not change what is drawn afterwards.

    Args:
        points: number of landmarks.
    """

    def __init__(self, points: int):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(UNITS, STATISTICS))
        self.bias = nn.Parameter(torch.zeros(UNITS))
        self.out = nn.Parameter(torch.zeros(1, UNITS))
        self.level = nn.Parameter(torch.zeros(points))

    def forward(self, statistics: Tensor) -> Tensor:
        """Statistics (B, K, STATISTICS) to logarithms (B, K) of shares of the input's side."""
        hidden = F.silu(F.linear(statistics, self.weight, self.bias))
        return F.linear(hidden, self.out)[..., 0] + self.level

    def keep(self, points: list[int]) -> None:
        """Removes all landmarks except these, which get this order."""
        self.level = nn.Parameter(self.level.detach()[points], self.level.requires_grad)

    @torch.no_grad()
    def take_in(self, mean: Tensor, scale: Tensor) -> None:
        """Makes a head for statistics from one for (statistics - mean) / scale, both (STATISTICS,)."""
        self.weight.div_(scale)
        self.bias.sub_(self.weight @ mean)
