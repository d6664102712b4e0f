"""Export of a Landmarker as one ONNX file, with pre- and post-processing in the graph.

There are two kinds. "image" takes an image as a camera stores it and a face box, and returns landmarks
in pixels of that image. The crop, the radiometry (the conversion of stored values) and the conversion to
image pixels are part of the graph, so that other programs need not implement them. "crop" takes the
network input and returns landmarks in its pixels: the network alone, for phones and latency tables.

    image, box -> radiometry -> crop -> network -> pixels of the image

Both also return a confidence and a standard deviation per landmark. The batch size and the height and
width of images are dynamic.
"""

import contextlib
import io
import logging
import warnings
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from mlcmkd.data.crops import CROP_SCALE
from mlcmkd.data.thermal.model_range import check_model_range
from mlcmkd.data.thermal.radiometry import Radiometry
from mlcmkd.deployment.onnx.card import INPUTS, OUTPUTS, UNSTATED, Card, Kind
from mlcmkd.deployment.onnx.files import write_onnx
from mlcmkd.deployment.onnx.graph import CropToLandmarks, ImageToLandmarks
from mlcmkd.models import Landmarker, ModelSpec
from mlcmkd.schemes import get_scheme
from mlcmkd.utils.errors import InputError

# The lowest version that exporter and runtime support without conversion; GridSample needs 16.
OPSET = 18


def input_radiometry(
    spec: ModelSpec, celsius_range: tuple[float, float] | None = None
) -> Radiometry | None:
    """The radiometry of an exported thermal network's input; None for RGB.

    The graph takes degrees C ("celsius"), whatever format the training data stored them in. Levels
    without a temperature remain levels 0 to 255 ("grey8"), and "frame-minmax" stretches any values.
    Levels of black-hot images are inverted before the graph, by `OnnxLandmarker` and `Predictor`.

    Args:
        spec: spec of the weights.
        celsius_range: degrees C that become 0 and 1; None for the range of the weights.

    Raises:
        InputError: a range for weights that do not use degrees C (RGB, "frame-minmax"), a range
            that is not ascending, a range other than that of weights with normalisation "fixed", or
            thermal weights without a radiometry.
    """
    trained = spec.radiometry
    if spec.modality == "rgb" or (trained is not None and trained.kind == "frame-minmax"):
        if celsius_range is not None:
            raise InputError("these weights do not use degrees C; give no range")
        return None if spec.modality == "rgb" else trained
    if celsius_range is not None:
        if not celsius_range[0] < celsius_range[1]:
            raise InputError(f"the range {celsius_range} must rise; give the coldest value first")
        given = Radiometry(kind="celsius", low=celsius_range[0], high=celsius_range[1])
        check_model_range(trained, given, spec.normalisation, "the given range")
        return given
    if trained is None:
        raise InputError(
            "these thermal weights do not state which degrees C become 0 and 1; give a range, such "
            "as 18 40"
        )
    return Radiometry(
        kind="celsius" if trained.absolute else "grey8",
        low=trained.low,
        high=trained.high,
        black_hot=trained.black_hot,
    )


def deviation_note(spec: ModelSpec) -> str:
    """The calibration of a network's standard deviations as text for its card; empty if they are NaN."""
    made = spec.calibration
    if made is None or spec.head != "heatmap":
        return ""
    return (
        f"{made.scale:.4g} * {made.source} ** {made.power:.4g}, shares of the input's side; fitted on "
        f"{made.faces} validation faces of {made.data}"
    )


@contextlib.contextmanager
def quiet():
    """Suppresses the exporter's warnings and standard output; errors are still shown."""
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)


def to_proto(
    model: Landmarker, kind: Kind, radiometry: Radiometry | None, *, merged: bool = True
) -> onnx.ModelProto:
    """Exports the graph of a network, without a card.

    Args:
        model: the network.
        kind: "image" or "crop", see the module docstring.
        radiometry: the result of `input_radiometry`.
        merged: let the exporter merge layers, such as BatchNorm into convolutions; otherwise the
            tensors of the graph are those of the weights.
    """
    px, channels = model.spec.input_px, 3 if model.spec.modality == "rgb" else 1
    batch = torch.export.Dim("batch")
    # The exporter treats equal sizes as one and fixes sizes of 1, so the example has a batch of 2 and
    # different sizes.
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
            optimize=merged,
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
        model: the network, or the path of its weights.
        path: path of the ONNX file.
        kind: "image" or "crop", see the module docstring.
        licence: licence of the weights; it depends on the training data.
        celsius_range: degrees C that become 0 and 1; None for the range of the weights.

    Returns:
        the metadata of the file.

    Raises:
        InputError: unreadable weights, a range that does not fit them, or an empty licence.
    """
    model = model if isinstance(model, Landmarker) else Landmarker.load(model)
    if not licence.strip():
        raise InputError(f"the licence is empty; state it, or use '{UNSTATED}'")
    radiometry = input_radiometry(model.spec, celsius_range)
    card = card_of(model.spec, kind, radiometry, licence.strip())
    write_onnx(to_proto(model, kind, radiometry), card, path)
    return card


def card_of(
    spec: ModelSpec, kind: Kind, radiometry: Radiometry | None, licence: str = UNSTATED
) -> Card:
    """The metadata of an exported network; arguments as in `to_proto` and `export_onnx`."""
    return Card(
        kind=kind,
        scheme=spec.scheme,
        points=get_scheme(spec.scheme).points,
        modality=spec.modality,
        radiometry=radiometry,
        input_px=spec.input_px,
        crop_scale=CROP_SCALE,
        size=spec.size,
        head=spec.head,
        normalisation=spec.normalisation,
        confidence="mass" if spec.head == "heatmap" else "none",
        deviation=deviation_note(spec),
        weights_licence=licence,
    )
