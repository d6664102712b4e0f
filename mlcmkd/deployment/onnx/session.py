"""Inference of exported networks with ONNX Runtime; torch and timm are not imported.

model = load_onnx("light.onnx")
landmarks, confidence, deviation = model(image, box=(90, 40, 210, 190))
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnxruntime

from mlcmkd.data.crops import Crop
from mlcmkd.data.modality import Modality
from mlcmkd.data.thermal.radiometry import GREY8
from mlcmkd.data.thermal.scale_check import check_scale
from mlcmkd.deployment.boxes import Box
from mlcmkd.deployment.onnx.card import Card
from mlcmkd.deployment.onnx.runtime import cpu_session
from mlcmkd.deployment.weights import bundled_graph
from mlcmkd.utils.errors import InputError


class OnnxPrediction(NamedTuple):
    """Prediction of one face, or of a batch with a first axis B.

    Attributes:
        landmarks: (K, 2) 0-based pixels of the image.
        confidence: (K,) 0 to 1, or NaN from a head without heatmaps.
        deviation: (K,) standard deviation of each coordinate, pixels of the image; NaN from weights
            without a calibration, and from older files.
    """

    landmarks: np.ndarray
    confidence: np.ndarray
    deviation: np.ndarray


class OnnxLandmarker:
    """An exported network. Both kinds are called in the same way; this class crops for "crop" files.

    Attributes:
        card: metadata of the file.
        session: session of ONNX Runtime.
    """

    def __init__(self, session: onnxruntime.InferenceSession, card: Card):
        self.session, self.card = session, card

    def run(self, **feeds: np.ndarray) -> OnnxPrediction:
        """Runs the graph on a batch.

        Args:
            feeds: inputs of the graph by name, see `mlcmkd.deployment.onnx.export`.

        Returns:
            landmarks (B, K, 2) in pixels of the input `image`, confidence and deviation (B, K).
        """
        landmarks, confidence, *rest = self.session.run(None, feeds)
        deviation = rest[0] if rest else np.full_like(confidence, np.nan)
        return OnnxPrediction(landmarks, confidence, deviation)

    def __call__(self, image: np.ndarray, box: Box) -> OnnxPrediction:
        """Predicts the landmarks of one face.

        Args:
            image: (H, W, 3) uint8 for RGB weights. (H, W) for thermal weights: floats in degrees C, or
                8-bit levels if `card.radiometry` has the kind "grey8".
            box: (x0, y0, x1, y1) of the face, pixels.

        Raises:
            InputError: an image of the wrong type or in another scale, or an empty box.
        """
        x0, y0, x1, y1 = box
        if not (np.isfinite(box).all() and x0 < x1 and y0 < y1):
            raise InputError(f"the box {tuple(box)} must be x0 y0 x1 y1 with x0 < x1 and y0 < y1")
        values = self._values(image)
        if self.card.kind == "image":
            output = self.run(image=_batch(values), box=np.array([box], dtype=np.float32))
            return OnnxPrediction(*(each[0] for each in output))
        crop = Crop.around(box, self.card.crop_scale)
        px = self.card.input_px
        output = self.run(image=_batch(crop.cut(self._unit(values), px)))
        centred = (output.landmarks[0] + 0.5) / px - 0.5
        landmarks = crop.to_pixels(centred).astype(np.float32)
        deviation = (output.deviation[0] * (crop.side / px)).astype(np.float32)
        return OnnxPrediction(landmarks, output.confidence[0], deviation)

    def _values(self, image: np.ndarray) -> np.ndarray:
        """Checks an image; returns it as (H, W, 3) uint8 or (H, W) float32."""
        if self.card.modality == "rgb":
            if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
                raise InputError(f"{_describe(image)}, but this network takes 8-bit RGB (H, W, 3)")
            return image
        degrees = self.card.radiometry.kind == "celsius"
        if image.ndim != 2 or (degrees and image.dtype.kind != "f"):
            unit = (
                " of degrees C as floats; convert with mlcmkd.data.thermal.radiometry"
                if degrees
                else ""
            )
            raise InputError(f"{_describe(image)}, but this network takes one channel (H, W){unit}")
        if not np.isfinite(image).all():
            raise InputError(
                "NaN or infinite thermal values; fill them with mlcmkd.data.thermal.dead_pixels"
            )
        values = image.astype(np.float32)
        radiometry = self.card.radiometry
        if radiometry.black_hot:
            values = 255 - values
        if radiometry.kind != "frame-minmax":
            check_scale(radiometry, image, values, "image")
        return values

    def _unit(self, values: np.ndarray) -> np.ndarray:
        """The input of the network; `_values` has already inverted black-hot images."""
        radiometry = self.card.radiometry or GREY8
        return radiometry.model_copy(update={"black_hot": False}).to_unit(values)


def _describe(image: np.ndarray) -> str:
    return f"{image.dtype} values of shape {image.shape}"


def _batch(values: np.ndarray) -> np.ndarray:
    """(H, W) or (H, W, C) to (1, C, H, W)."""
    values = values[..., None] if values.ndim == 2 else values
    return np.ascontiguousarray(values.transpose(2, 0, 1))[None]


def load_onnx(path: Path | str, threads: int = 1) -> OnnxLandmarker:
    """Loads an exported network for the CPU.

    Args:
        path: a file of `mlcmkd export`.
        threads: CPU threads per call.

    Raises:
        InputError: not such a file, see `mlcmkd.deployment.onnx.files.check_export`.
    """
    from mlcmkd.deployment.onnx.files import check_export  # here, because it imports onnx

    card = check_export(path)
    return OnnxLandmarker(cpu_session(path, threads), card)


def load_bundled(modality: Modality, threads: int = 1) -> OnnxLandmarker:
    """Loads the bundled network of a modality, without an import of the package onnx, which is slow.

    Args:
        modality: "thermal" or "rgb".
        threads: CPU threads per call.

    Raises:
        InputError: the installation lacks the network.
    """
    session = cpu_session(bundled_graph(modality), threads)
    return OnnxLandmarker(session, Card.from_metadata(session.get_modelmeta().custom_metadata_map))
