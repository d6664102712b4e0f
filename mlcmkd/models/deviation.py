"""A small network for the standard deviation of each landmark.

Its inputs are statistics of each heatmap and the position of the landmark in the crop. The weights of
the landmark network do not change. `mlcmkd.training.deviation` trains it. The choice of the statistics
is ours (docs/results/uncertainty.md).
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

UNITS = 16  # in the hidden layer
STATISTICS = 11  # for each landmark
NEAR = 0.05  # width of the band along a border, a share of the crop's side
# Neighbouring columns that differ by less than this share of the image's range count as equal.
_EQUAL = 0.003
_SMALLEST = 1e-4  # lower limit of shares and spreads before the logarithm
_LOWEST = math.exp(-12)  # lower limit of the second peak, relative to the first


def image_extent(images: Tensor) -> Tensor:
    """Extent of an image inside its crop, (B, 4): x0, y0, x1, y1 in centred coordinates.

    Outside an image a crop repeats its border (`mlcmkd.data.crops.Crop.cut`), so neighbouring columns
    or rows are equal there. If the image fills the crop, the values are -0.5 and 0.5. If all pixels are
    equal, x0 > x1 and y0 > y1.

    Args:
        images: crops (B, C, H, W), values of any range.
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
    """Statistics from which the deviation of each landmark is estimated, (B, K, STATISTICS).

    - Of the heatmap, five logarithms: the spread; the highest probability; the sum of the probability
      outside `CONFIDENCE_RADIUS`; the highest probability there, relative to the highest of all; the sum
      of the probability in the outermost cells.
    - Of the position, in centred coordinates: |x|; |y|; the distance into the outer band of the crop
      (width `NEAR`); the distance beyond the image's border; the distance from this border towards the
      inside, at most `NEAR`.
    - Of the crop: the share of its area outside the image.

    Args:
        images: crops (B, C, H, W), the network's input.
        prediction: output of a heatmap head for these crops, K landmarks.
    """
    coordinates, logits = prediction
    # These are the same operations as in `confidence` and `spread`, so an exported graph computes them
    # only once. For a single face they take longer than the head itself.
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
    """A network with one hidden layer, from `landmark_statistics` to the logarithm of a deviation.

    All landmarks share its weights; each landmark has its own additive constant (`level`). All
    parameters of a new head are zero. Making one draws no random numbers, so loading weights does not
    change later random numbers.

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
        """Statistics (B, K, STATISTICS) to natural logarithms (B, K) of the deviations.

        A deviation is a share of the input's side.
        """
        hidden = F.silu(F.linear(statistics, self.weight, self.bias))
        return F.linear(hidden, self.out)[..., 0] + self.level

    def keep(self, points: list[int]) -> None:
        """Keeps only the landmarks with these indices, in this order."""
        self.level = nn.Parameter(self.level.detach()[points], self.level.requires_grad)

    @torch.no_grad()
    def take_in(self, mean: Tensor, scale: Tensor) -> None:
        """Converts a head for (statistics - mean) / scale to one for the statistics themselves.

        Args:
            mean, scale: (STATISTICS,).
        """
        self.weight.div_(scale)
        self.bias.sub_(self.weight @ mean)
