"""Exported networks at work, by ONNX Runtime; torch and timm are not even imported.

Two lines:

    model = load_onnx("light.onnx")
    landmarks, confidence = model(image, box=(90, 40, 210, 190))
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnxruntime

from mlcmkd.data.crops import Crop
from mlcmkd.data.thermal.radiometry import GREY8
from mlcmkd.deployment.onnx.card import Card, check_export
from mlcmkd.utils.errors import InputError

Box = tuple[float, float, float, float]


class Answer(NamedTuple):
    """One face: `landmarks` (K, 2) pixels of the image, 0-based; `confidence` (K,) 0 to 1, or NaN."""

    landmarks: np.ndarray
    confidence: np.ndarray


class OnnxLandmarker:
    """An exported network. Both kinds are called alike: "crop" files are cut for here.

    Attributes:
        card: what the file says of itself.
        session: ONNX Runtime's; `run` feeds it by name.
    """

    def __init__(self, session: onnxruntime.InferenceSession, card: Card):
        self.session, self.card = session, card

    def run(self, **feeds: np.ndarray) -> Answer:
        """A batch as the file itself reads it; landmarks (B, K, 2), confidence (B, K)."""
        return Answer(*self.session.run(None, feeds))

    def __call__(self, image: np.ndarray, box: Box) -> Answer:
        """Finds the landmarks of one face.

        Args:
            image: for RGB weights (H, W, 3) uint8; for thermal ones (H, W), in what
                `card.radiometry` says: floats in degrees C, or 8-bit levels for "grey8".
            box: (x0, y0, x1, y1) of the face, pixels.

        Raises:
            InputError: the wrong kind of image, or a box without an inside.
        """
        x0, y0, x1, y1 = box
        if not (np.isfinite(box).all() and x0 < x1 and y0 < y1):
            raise InputError(f"the box {tuple(box)} must be x0 y0 x1 y1 with x0 < x1 and y0 < y1")
        values = self._values(image)
        if self.card.kind == "image":
            answer = self.run(image=_batch(values), box=np.array([box], dtype=np.float32))
            return Answer(answer.landmarks[0], answer.confidence[0])
        crop = Crop.around(box, self.card.crop_scale)
        px = self.card.input_px
        answer = self.run(image=_batch(crop.cut(self._unit(values), px)))
        centred = (answer.landmarks[0] + 0.5) / px - 0.5
        return Answer(crop.to_pixels(centred).astype(np.float32), answer.confidence[0])

    def _values(self, image: np.ndarray) -> np.ndarray:
        """An image as "image" files read it: (H, W, 3) uint8 or (H, W) float32."""
        if self.card.modality == "rgb":
            if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
                raise InputError(f"{_told(image)}, but this network reads 8-bit RGB (H, W, 3)")
            return image
        degrees = self.card.radiometry.kind == "celsius"
        if image.ndim != 2 or (degrees and image.dtype.kind != "f"):
            raise InputError(
                f"{_told(image)}, but this network reads one channel (H, W)"
                + (
                    " of degrees C as floats; mlcmkd.data.thermal.radiometry makes them"
                    if degrees
                    else ""
                )
            )
        if not np.isfinite(image).all():
            raise InputError(
                "NaN or infinite thermal values; mlcmkd.data.thermal.dead_pixels fills them"
            )
        return image.astype(np.float32)

    def _unit(self, values: np.ndarray) -> np.ndarray:
        return (self.card.radiometry or GREY8).to_unit(values)


def _told(image: np.ndarray) -> str:
    return f"{image.dtype} values of shape {image.shape}"


def _batch(values: np.ndarray) -> np.ndarray:
    """(H, W) or (H, W, C) to (1, C, H, W)."""
    values = values[..., None] if values.ndim == 2 else values
    return np.ascontiguousarray(values.transpose(2, 0, 1))[None]


def load_onnx(path: Path | str, threads: int = 1) -> OnnxLandmarker:
    """The network exported to `path`, on the CPU.

    Args:
        threads: cores that one call may use.

    Raises:
        InputError: not a file that `mlcmkd export` wrote, see `check_export`.
    """
    card = check_export(path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors only
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return OnnxLandmarker(session, card)
