"""The computation of an exported file: from images or crops to landmarks, as modules of torch."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mlcmkd.data.crops import CROP_SCALE
from mlcmkd.data.thermal.radiometry import GREY8, Radiometry
from mlcmkd.deployment.onnx.inference import outputs_of
from mlcmkd.models import Landmarker

# Largest number of samples per crop pixel along each axis, for faces larger than the network input. It
# limits the memory. A face of 32 times the input size is larger than the image of any camera.
MAX_SAMPLES = 32


def cut_faces(images: Tensor, centre: Tensor, side: Tensor, px: int) -> Tensor:
    """Crops squares from a batch of images, as `mlcmkd.data.crops.Crop.cut` crops one.

    The border of the image is repeated beyond it. Squares larger than `px` are sampled several
    times per pixel and averaged; the number of samples depends on each square.

    Args:
        images: (B, C, H, W) floats.
        centre, side: (B, 2) and (B,), 0-based pixels of the images.
        px: side of the crops, pixels.

    Returns:
        (B, C, px, px).
    """
    height, width = images.shape[-2:]
    samples = (side / px).ceil().clamp(1, MAX_SAMPLES)  # (B,), along each axis
    most = samples.max().long().item()
    # The exporter cannot derive these bounds from the data.
    torch._check(most >= 1)
    torch._check(most <= MAX_SAMPLES)
    sample = torch.arange(most, device=images.device)
    pixel = torch.arange(px, device=images.device)[:, None]
    rank = (pixel * samples[:, None, None] + sample).flatten(1)  # (B, px * most), along one axis
    offset = ((rank + 0.5) / (px * samples[:, None]) - 0.5) * side[:, None]
    # grid_sample uses [-1, 1] from edge to edge; pixel centres are half a pixel from the edge.
    x = (2 * (centre[:, :1] + offset) + 1) / width - 1
    y = (2 * (centre[:, 1:] + offset) + 1) / height - 1
    count = x.shape[1]
    grid = torch.stack(
        (x[:, None, :].expand(-1, count, -1), y[:, :, None].expand(-1, -1, count)), dim=-1
    )
    sampled = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
    # Squares that need fewer samples than the largest one of the batch have weight 0 for the rest.
    weight = (sample < samples[:, None]) / samples[:, None]
    across = (sampled.unflatten(3, (px, most)) * weight[:, None, None, None]).sum(4)
    return (across.unflatten(2, (px, most)) * weight[:, None, None, :, None]).sum(3)


class CropToLandmarks(nn.Module):
    """Maps network inputs (B, C, px, px) in [0, 1] to landmarks in their pixels.

    The outputs are those of `card.OUTPUTS`: landmarks (B, K, 2) in pixels, confidence (B, K), 0 to 1,
    and deviation (B, K) in pixels.

    Args:
        model: the network, which is copied to the CPU.
    """

    def __init__(self, model: Landmarker):
        super().__init__()
        self.model = model.merged().cpu()

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        coordinates, confidence, deviation = outputs_of(self.model, image)
        px = image.shape[-1]
        return coordinates * px + (px - 1) / 2, confidence, deviation * px


class ImageToLandmarks(nn.Module):
    """Maps images and face boxes to landmarks in pixels of the images, as `CropToLandmarks`.

    `image` is (B, 3, H, W) uint8 for RGB, and (B, 1, H, W) float32 for thermal, in the unit of
    `export.input_radiometry`. `box` is (B, 4) float32: x0, y0, x1, y1, 0-based pixels.

    Args:
        model: the network, which is copied to the CPU.
        radiometry: the result of `export.input_radiometry`; None for RGB.
    """

    def __init__(self, model: Landmarker, radiometry: Radiometry | None):
        super().__init__()
        self.model = model.merged().cpu()
        self.radiometry = GREY8 if radiometry is None else radiometry

    def forward(self, image: Tensor, box: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        unit = to_unit(image.float(), self.radiometry)
        first, last = box[:, :2], box[:, 2:]
        centre = (first + last) / 2
        side = (last - first).amax(1) * CROP_SCALE
        crops = cut_faces(unit, centre, side, self.model.spec.input_px)
        coordinates, confidence, deviation = outputs_of(self.model, crops)
        landmarks = coordinates * side[:, None, None] + centre[:, None]
        return landmarks, confidence, deviation * side[:, None]


def to_unit(values: Tensor, radiometry: Radiometry) -> Tensor:
    """`Radiometry.to_unit` in torch: degrees C or grey levels (B, C, H, W) to [0, 1]."""
    if radiometry.kind != "frame-minmax":
        return ((values - radiometry.low) / (radiometry.high - radiometry.low)).clamp(0, 1)
    low = values.amin((2, 3), keepdim=True)
    span = values.amax((2, 3), keepdim=True) - low
    return (values - low) / torch.where(span > 0, span, torch.ones_like(span))
