"""A network's outputs in the few operators of an exported graph.

On small networks an operator of ONNX Runtime takes some microseconds, however little it computes. So a
graph has its own formulas for the normalisation, the soft-argmax and the confidence. They give the same
values as `mlcmkd.models` up to rounding; `parity_px` compares the two.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from mlcmkd.models import (
    CONFIDENCE_RADIUS,
    HeatmapHead,
    Landmarker,
    confidence,
    grid_axis,
)

# Added to squared distances in cells, so that rounding makes none negative. It moves a distance at the
# radius of the confidence by less than 1e-3 cells.
_EPSILON = 1e-4


def outputs_of(model: Landmarker, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Coordinates (B, K, 2), confidence (B, K) and deviation (B, K), as `mlcmkd.models` gives them.

    While a graph is exported, the formulas are those of this module; for a network with a deviation head
    only that of the normalisation is.

    Args:
        model: the network in evaluation mode, merged.
        images: (B, C, P, P) in [0, 1].
    """
    if not (torch.compiler.is_exporting() and isinstance(model.head, HeatmapHead)):
        prediction = model(images)
        return prediction.coordinates, confidence(prediction), model.deviation(prediction, images)
    features = model.neck(model.backbone(normalised(model, images)))
    if model.deviation_head is not None:
        # It uses the operations of the soft-argmax and of the confidence, and a graph has them once.
        prediction = model.head(features)
        return prediction.coordinates, confidence(prediction), model.deviation(prediction, images)
    logits = model.head.cell_logits(features)
    coordinates, share, spread = statistics(logits, model.head.cells)
    calibration = model.spec.calibration
    if calibration is None:
        return coordinates, share, share * torch.nan
    return coordinates, share, calibration.of(spread)


def normalised(model: Landmarker, images: Tensor) -> Tensor:
    """`Landmarker.normalise`, with two reductions instead of a standard deviation."""
    if model.spec.normalisation == "fixed":
        return model.normalise(images)
    centred = images - images.mean((1, 2, 3), keepdim=True)
    deviation = (centred * centred).mean((1, 2, 3), keepdim=True).sqrt()
    scaled = centred / (deviation + 1e-3)
    wanted = getattr(model.backbone, "input_channels", 3)
    return scaled if scaled.shape[1] == wanted else scaled.expand(-1, wanted, -1, -1)


def statistics(logits: Tensor, cells: int) -> tuple[Tensor, Tensor, Tensor]:
    """Soft-argmax, confidence and spread of heatmaps by matrix products with constant grids.

    Args:
        logits: (B, K * cells ** 2, h, w) of `HeatmapHead.cell_logits`.
        cells: cells along each axis per position of the features.

    Returns:
        Coordinates (B, K, 2), confidence (B, K) and spread (B, K), see `mlcmkd.models`.
    """
    height, width = (cells * side for side in logits.shape[-2:])
    y, x = torch.meshgrid(grid_axis(height, logits), grid_axis(width, logits), indexing="ij")
    # In the order of the logits, so that the maps need not be arranged.
    x, y = (F.pixel_unshuffle(axis[None], cells).flatten() for axis in (x, y))
    square = x * x + y * y
    probability = logits.unflatten(1, (-1, cells**2)).flatten(2).softmax(-1)  # (B, K, N)
    # Expected x, y, 1 and x^2 + y^2.
    moments = probability @ torch.stack((x, y, torch.ones_like(x), square), dim=1)
    coordinates = moments[..., :2]
    length = (coordinates * coordinates).sum(-1, keepdim=True)
    # |g - c|^2 = |g|^2 - 2 g c + |c|^2 for the cells g and the coordinates c, in squared cells.
    scale = width * width
    products = torch.stack((-2 * x, -2 * y, square, torch.zeros_like(x))) * scale
    distance = (moments @ products + (length * scale + _EPSILON)).sqrt()
    share = (CONFIDENCE_RADIUS * width + 0.5 - distance).clamp(0, 1)
    variance = (moments[..., 3] - length[..., 0]).clamp(min=0)
    return coordinates, (probability * share).sum(-1), (variance / 2).sqrt()
