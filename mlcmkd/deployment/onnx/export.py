"""A Landmarker as one ONNX file, with what happens before and after the network inside.

Two kinds. "image" reads an image as a camera gives it and a face box, and answers in pixels of that
image: the crop, the radiometry and the way back are part of the graph, so that nobody has to write
them again, in another language and a little differently. "crop" reads the network's input and
answers in its pixels: the plain network, for phones and for tables of latency.

    image, box -> radiometry -> crop -> network -> pixels of the image

Both answer with a confidence a landmark as well. Batch, and height and width of images, are dynamic.
"""

import contextlib
import io
import logging
import warnings
from copy import deepcopy
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mlcmkd.data.crops import CROP_SCALE
from mlcmkd.data.thermal.radiometry import GREY8, Radiometry
from mlcmkd.deployment.onnx.card import INPUTS, OUTPUTS, UNSTATED, Card, Kind, write_onnx
from mlcmkd.models import Landmarker, ModelSpec, confidence
from mlcmkd.schemes import get_scheme
from mlcmkd.utils.errors import InputError

# The oldest that both exporter and runtime speak without conversion; GridSample came with 16.
OPSET = 18
# Samples a pixel of the crop, along each axis, where the face is larger than the network's input. A
# face of 32 times the input is larger than any camera's image; the limit bounds the memory.
MOST_SAMPLES = 32


def cut_faces(images: Tensor, centre: Tensor, side: Tensor, px: int) -> Tensor:
    """Squares of images at `px` pixels, as `mlcmkd.data.crops.Crop.cut` cuts them, a batch at a time.

    Beyond the image its border is repeated; larger squares are sampled several times a pixel and
    averaged, each row as often as its own square asks for.

    Args:
        images: (B, C, H, W) floats.
        centre, side: (B, 2) and (B,), 0-based pixels of the images.

    Returns:
        (B, C, px, px).
    """
    height, width = images.shape[-2:]
    times = (side / px).ceil().clamp(1, MOST_SAMPLES)
    most = times.max().long().item()
    # What the exporter cannot know of a number that is in the data.
    torch._check(most >= 1)
    torch._check(most <= MOST_SAMPLES)
    sample = torch.arange(most, device=images.device)
    pixel = torch.arange(px, device=images.device)[:, None]
    rank = (pixel * times[:, None, None] + sample).flatten(1)  # (B, px * most), along one axis
    offset = ((rank + 0.5) / (px * times[:, None]) - 0.5) * side[:, None]
    # grid_sample speaks of [-1, 1] from edge to edge; pixel 0 is centred half a pixel from the edge.
    x = (2 * (centre[:, :1] + offset) + 1) / width - 1
    y = (2 * (centre[:, 1:] + offset) + 1) / height - 1
    count = x.shape[1]
    grid = torch.stack(
        (x[:, None, :].expand(-1, count, -1), y[:, :, None].expand(-1, -1, count)), dim=-1
    )
    sampled = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
    # Rows that need fewer samples than the most demanding one of their batch leave the rest out.
    share = (sample < times[:, None]) / times[:, None]
    across = (sampled.unflatten(3, (px, most)) * share[:, None, None, None]).sum(4)
    return (across.unflatten(2, (px, most)) * share[:, None, None, :, None]).sum(3)


class CropToLandmarks(nn.Module):
    """The network's input (B, C, px, px) in [0, 1] to its pixels (B, K, 2) and confidence (B, K)."""

    def __init__(self, model: Landmarker):
        super().__init__()
        self.model = deepcopy(model).cpu().eval()

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        prediction = self.model(image)
        return (prediction.coordinates + 0.5) * image.shape[-1] - 0.5, confidence(prediction)


class ImageToLandmarks(nn.Module):
    """An image and a face box to pixels of that image (B, K, 2) and confidence (B, K).

    `image` is (B, 3, H, W) uint8 for RGB; for thermal (B, 1, H, W) float32 of what `radiometry`
    says, see `input_radiometry`. `box` is (B, 4) float32: x0, y0, x1, y1, 0-based pixels.
    """

    def __init__(self, model: Landmarker, radiometry: Radiometry | None):
        super().__init__()
        self.model = deepcopy(model).cpu().eval()
        self.radiometry = GREY8 if radiometry is None else radiometry

    def forward(self, image: Tensor, box: Tensor) -> tuple[Tensor, Tensor]:
        unit = to_unit(image.float(), self.radiometry)
        first, last = box[:, :2], box[:, 2:]
        centre = (first + last) / 2
        side = (last - first).amax(1) * CROP_SCALE
        prediction = self.model(cut_faces(unit, centre, side, self.model.spec.input_px))
        places = prediction.coordinates * side[:, None, None] + centre[:, None]
        return places, confidence(prediction)


def to_unit(values: Tensor, radiometry: Radiometry) -> Tensor:
    """`Radiometry.to_unit` of degrees C or levels, (B, C, H, W) floats to [0, 1]."""
    if radiometry.kind != "frame-minmax":
        return ((values - radiometry.low) / (radiometry.high - radiometry.low)).clamp(0, 1)
    low = values.amin((2, 3), keepdim=True)
    span = values.amax((2, 3), keepdim=True) - low
    return (values - low) / torch.where(span > 0, span, torch.ones_like(span))


def input_radiometry(
    spec: ModelSpec, celsius_range: tuple[float, float] | None = None
) -> Radiometry | None:
    """What the values of an exported thermal network's image mean; None for RGB.

    However a camera stores degrees C, the graph reads degrees C ("celsius"). Levels without a
    temperature stay levels 0 to 255 ("grey8"), and "frame-minmax" stretches what it is given.

    Args:
        spec: of the weights.
        celsius_range: degrees C that become 0 and 1, instead of the weights' own range.

    Raises:
        InputError: a range for weights that know no degrees C (RGB, "frame-minmax"), a range that
            does not rise, or thermal weights without any radiometry.
    """
    told = spec.radiometry
    if spec.modality == "rgb" or (told is not None and told.kind == "frame-minmax"):
        if celsius_range is not None:
            raise InputError("a range of degrees C means nothing to these weights; give none")
        return None if spec.modality == "rgb" else told
    if celsius_range is not None:
        if not celsius_range[0] < celsius_range[1]:
            raise InputError(f"the range {celsius_range} must rise, coldest first")
        return Radiometry(kind="celsius", low=celsius_range[0], high=celsius_range[1])
    if told is None:
        raise InputError(
            "these thermal weights do not say which degrees C become 0 and 1; give a range, for "
            "instance --range 18 40"
        )
    return Radiometry(kind="celsius" if told.absolute else "grey8", low=told.low, high=told.high)


@contextlib.contextmanager
def quiet():
    """Keeps pages of notes on how a graph is traced from the screen; errors still come through."""
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)


def to_proto(model: Landmarker, kind: Kind, radiometry: Radiometry | None) -> onnx.ModelProto:
    """The graph, without a card; `radiometry` is what `input_radiometry` returned."""
    px, channels = model.spec.input_px, 3 if model.spec.modality == "rgb" else 1
    batch = torch.export.Dim("batch")
    # Two rows, and no two equal sizes: the exporter takes equal ones for the same, and 1 for fixed.
    if kind == "crop":
        module: nn.Module = CropToLandmarks(model)
        example: tuple[Tensor, ...] = (torch.rand(2, channels, px, px),)
        dynamic = {"image": {0: batch}}
    else:
        module = ImageToLandmarks(model, radiometry)
        image = torch.zeros(2, channels, 2 * px, 3 * px)
        image = image.to(torch.uint8 if channels == 3 else torch.float32)
        example = (image, torch.tensor([[0.0, 0, 2 * px, px], [0, 0, px, px]]))
        height, width = torch.export.Dim("height"), torch.export.Dim("width")
        dynamic = {"image": {0: batch, 2: height, 3: width}, "box": {0: batch}}
    with quiet():
        program = torch.onnx.export(
            module.eval(),
            example,
            dynamo=True,
            opset_version=OPSET,
            input_names=list(INPUTS[kind]),
            output_names=list(OUTPUTS),
            dynamic_shapes=dynamic,
            external_data=False,
            verbose=False,
        )
    proto = program.model_proto
    onnx.checker.check_model(proto)
    return proto


def export_onnx(
    model: Landmarker | Path | str,
    path: Path | str,
    kind: Kind = "image",
    *,
    licence: str = UNSTATED,
    celsius_range: tuple[float, float] | None = None,
) -> Card:
    """Writes a Landmarker as one ONNX file.

    Args:
        model: the network, or its weights' file.
        path: where to.
        kind: "image" or "crop", see the top of this file.
        licence: by whose terms the weights may be used (the data they were trained on decides).
        celsius_range: degrees C that become 0 and 1; by default the weights' own.

    Returns:
        What the file says of itself.

    Raises:
        InputError: weights that cannot be read, a range that does not fit them, or an empty licence.
    """
    model = model if isinstance(model, Landmarker) else Landmarker.load(model)
    if not licence.strip():
        raise InputError(f"the licence is empty; name it, or leave it '{UNSTATED}'")
    spec, radiometry = model.spec, input_radiometry(model.spec, celsius_range)
    card = Card(
        kind=kind,
        scheme=spec.scheme,
        points=get_scheme(spec.scheme).points,
        modality=spec.modality,
        radiometry=radiometry,
        input_px=spec.input_px,
        crop_scale=CROP_SCALE,
        size=spec.size,
        head=spec.head,
        confidence="mass" if spec.head == "heatmap" else "none",
        weights_licence=licence.strip(),
    )
    write_onnx(to_proto(model, kind, radiometry), card, path)
    return card
