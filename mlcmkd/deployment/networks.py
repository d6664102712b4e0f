"""One way to ask a network, whether torch runs it or ONNX Runtime.

A network reads crops (B, C, px, px) float32 in [0, 1] and answers centred coordinates (B, K, 2) and a
confidence (B, K), 0 to 1, or NaN from a head that has none.
"""

from pathlib import Path
from typing import Protocol

import numpy as np

from mlcmkd.data.thermal.radiometry import GREY8, Radiometry
from mlcmkd.utils.errors import InputError


class Network(Protocol):
    """What a Predictor asks of a network.

    Attributes:
        scheme, modality, radiometry, input_px: as in mlcmkd.models.ModelSpec.
    """

    scheme: str
    modality: str
    radiometry: Radiometry | None
    input_px: int

    def __call__(self, crops: np.ndarray) -> tuple[np.ndarray, np.ndarray]: ...


class TorchNetwork:
    """A Landmarker's weights."""

    def __init__(self, path: Path | str):
        # Here, so that an exported network works where torch is slow to load or not there at all.
        from mlcmkd.models import Landmarker

        self.model = Landmarker.load(path)
        spec = self.model.spec
        self.scheme, self.modality = spec.scheme, spec.modality
        self.radiometry, self.input_px = spec.radiometry, spec.input_px

    def __call__(self, crops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        import torch

        from mlcmkd.models import confidence

        with torch.inference_mode():
            prediction = self.model(torch.from_numpy(crops))
            return prediction.coordinates.numpy(), confidence(prediction).numpy()


class OnnxNetwork:
    """What `mlcmkd export` wrote, of either kind.

    An "image" file is fed with crops, too: as images of the network's own size, with the box whose
    crop is the whole of them. Faces out of images of any size so fit into one batch. Of RGB weights it
    reads 8 bits, so crops are rounded once more than by torch; export those with `--kind crop`.
    """

    def __init__(self, path: Path | str, threads: int = 1):
        from mlcmkd.deployment.onnx.session import load_onnx

        self.network = load_onnx(path, threads)
        card = self.card = self.network.card
        self.scheme, self.modality = card.scheme, card.modality
        self.radiometry, self.input_px = card.radiometry, card.input_px
        stretches = card.radiometry is not None and card.radiometry.kind == "frame-minmax"
        if card.kind == "image" and stretches:
            raise InputError(
                f"{path}: stretches whole frames by itself; export it with --kind crop"
            )

    def __call__(self, crops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        px = self.input_px
        if self.card.kind == "crop":
            answer = self.network.run(image=crops)
            return (answer.landmarks + 0.5) / px - 0.5, answer.confidence
        middle, half = (px - 1) / 2, px / 2 / self.card.crop_scale
        box = np.array([middle - half] * 2 + [middle + half] * 2, dtype=np.float32)
        if self.modality == "rgb":
            images = np.rint(crops * 255).astype(np.uint8)
        else:
            images = (self.radiometry or GREY8).from_unit(crops)
        answer = self.network.run(image=images, box=np.tile(box, (len(crops), 1)))
        return (answer.landmarks - middle) / px, answer.confidence


def open_network(path: Path | str, threads: int = 1) -> Network:
    """The network in a file: ONNX by its suffix `.onnx`, a Landmarker's safetensors otherwise.

    Args:
        threads: cores that one call of ONNX Runtime may use; torch has its own setting.

    Raises:
        InputError: not weights, or a file that does not tell what it reads.
    """
    onnx = Path(path).suffix.lower() == ".onnx"
    return OnnxNetwork(path, threads) if onnx else TorchNetwork(path)
