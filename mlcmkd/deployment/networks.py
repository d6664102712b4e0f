"""One interface for networks that torch or ONNX Runtime runs.

A network maps crops (B, C, px, px) float32 in [0, 1] to a `NetworkOutput`.
"""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from mlcmkd.data.modality import Modality
from mlcmkd.data.thermal.radiometry import GREY8, Radiometry
from mlcmkd.utils.errors import InputError

if TYPE_CHECKING:
    from mlcmkd.deployment.onnx.session import OnnxLandmarker


class NetworkOutput(NamedTuple):
    """Landmarks of a batch of crops.

    Attributes:
        coordinates: (B, K, 2) centred coordinates: pixels of the crop divided by its side, -0.5 to 0.5.
        confidence: (B, K), 0 to 1; NaN from a head without heatmaps.
        deviation: (B, K) standard deviation of each coordinate, as a share of the crop's side; NaN from
            weights without a calibration.
    """

    coordinates: np.ndarray
    confidence: np.ndarray
    deviation: np.ndarray


class Network(Protocol):
    """The interface that a Predictor uses.

    Attributes:
        scheme, modality, radiometry, normalisation, input_px: as in mlcmkd.models.ModelSpec;
            normalisation is None where a file does not state it.
    """

    scheme: str
    modality: Modality
    radiometry: Radiometry | None
    normalisation: str | None
    input_px: int

    def __call__(self, crops: np.ndarray) -> NetworkOutput: ...


class TorchNetwork:
    """A Landmarker, run by torch.

    Args:
        path: a file of `Landmarker.save`.
    """

    def __init__(self, path: Path | str):
        # Imported here, so that exported networks run without torch.
        from mlcmkd.models import Landmarker

        self.model = Landmarker.load(path).merged()
        spec = self.model.spec
        self.scheme, self.modality = spec.scheme, spec.modality
        self.radiometry, self.input_px = spec.radiometry, spec.input_px
        self.normalisation = spec.normalisation

    def __call__(self, crops: np.ndarray) -> NetworkOutput:
        import torch

        from mlcmkd.models import confidence

        with torch.inference_mode():
            images = torch.from_numpy(crops)
            prediction = self.model(images)
            deviation = self.model.deviation(prediction, images)
            return NetworkOutput(
                prediction.coordinates.numpy(), confidence(prediction).numpy(), deviation.numpy()
            )


class OnnxNetwork:
    """A file of `mlcmkd export` of either kind, run by ONNX Runtime.

    A file of kind "image" also gets crops: each crop is passed as an image of the input size, with the
    box whose crop is the whole image. So faces from images of any size fit into one batch. RGB files of
    this kind take 8-bit images, so crops are rounded; export RGB weights with `--kind crop` to avoid
    the rounding.

    Args:
        network: the loaded file.
        name: name of the file, for error messages.

    Raises:
        InputError: a file of kind "image" with the radiometry "frame-minmax", which would stretch each
            crop instead of the whole image.
    """

    def __init__(self, network: "OnnxLandmarker", name: Path | str = "network"):
        self.network = network
        card = self.card = network.card
        self.scheme, self.modality = card.scheme, card.modality
        self.radiometry, self.input_px = card.radiometry, card.input_px
        self.normalisation = card.normalisation
        frame_minmax = card.radiometry is not None and card.radiometry.kind == "frame-minmax"
        if card.kind == "image" and frame_minmax:
            raise InputError(
                f"{name}: stretches whole images to their range; export it with --kind crop"
            )

    def __call__(self, crops: np.ndarray) -> NetworkOutput:
        px = self.input_px
        if self.card.kind == "crop":
            output = self.network.run(image=crops)
            coordinates = (output.landmarks + 0.5) / px - 0.5
            return NetworkOutput(coordinates, output.confidence, output.deviation / px)
        middle, half = (px - 1) / 2, px / 2 / self.card.crop_scale
        box = np.array([middle - half] * 2 + [middle + half] * 2, dtype=np.float32)
        if self.modality == "rgb":
            images = np.rint(crops * 255).astype(np.uint8)
        else:
            images = (self.radiometry or GREY8).from_unit(crops)
        output = self.network.run(image=images, box=np.tile(box, (len(crops), 1)))
        coordinates = (output.landmarks - middle) / px
        return NetworkOutput(coordinates, output.confidence, output.deviation / px)


def open_network(path: Path | str, threads: int = 1) -> Network:
    """Opens a network: ONNX if the file ends in `.onnx`, otherwise a Landmarker's safetensors.

    Args:
        path: the file.
        threads: CPU threads of ONNX Runtime; torch has its own setting.

    Raises:
        InputError: the file contains no weights, or lacks the metadata of its input.
    """
    if Path(path).suffix.lower() != ".onnx":
        return TorchNetwork(path)
    from mlcmkd.deployment.onnx.session import load_onnx

    return OnnxNetwork(load_onnx(path, threads), path)


def open_bundled(modality: Modality, threads: int = 1) -> Network:
    """Opens the bundled network of a modality with ONNX Runtime, because torch takes seconds to import.

    Args:
        modality: "thermal" or "rgb".
        threads: CPU threads of ONNX Runtime.

    Raises:
        InputError: the installation lacks the network.
    """
    from mlcmkd.deployment.onnx.session import load_bundled

    return OnnxNetwork(load_bundled(modality, threads))
