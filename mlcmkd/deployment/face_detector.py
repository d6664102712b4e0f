"""Detects all faces of a frame with a network that torch or ONNX Runtime runs."""

from pathlib import Path
from typing import Protocol, runtime_checkable

import cv2
import numpy as np

from mlcmkd.data.face_grid import MULTIPLE
from mlcmkd.data.modality import Modality
from mlcmkd.deployment.face_maps import FoundFace, find_faces

# The lowest score of a face; chosen on validation frames and the Knapik development sequences.
THRESHOLD = 0.5


@runtime_checkable
class MapsNetwork(Protocol):
    """The interface of a face detection network.

    Attributes:
        modality: modality of the frames.
        input_px: longer side of the input, pixels.
    """

    modality: Modality
    input_px: int

    def __call__(self, frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Maps a frame (1, C, H, W) float32 in [0, 1] to the maps of `find_faces`.

        Returns:
            centres (h, w), probabilities 0 to 1, and boxes (4, h, w).
        """


class TorchDetector:
    """A FaceDetector, run by torch.

    Args:
        weights: a file of `FaceDetector.save`, or the network itself.
    """

    def __init__(self, weights: Path | str | object):
        # Imported here, so that exported networks run without torch.
        from mlcmkd.models.face_detector import FaceDetector

        self.model = weights if isinstance(weights, FaceDetector) else FaceDetector.load(weights)
        self.modality, self.input_px = self.model.spec.modality, self.model.spec.input_px

    def __call__(self, frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        import torch

        with torch.inference_mode():
            maps = self.model(torch.from_numpy(frame))
            return maps.centres[0].sigmoid().numpy(), maps.boxes[0].numpy()


def open_detector(path: Path | str, threads: int = 1) -> MapsNetwork:
    """Opens a face detector: ONNX where the file ends in `.onnx`, otherwise safetensors.

    Args:
        path: a file of `mlcmkd train-detector` or `mlcmkd export-detector`.
        threads: CPU threads of ONNX Runtime; torch has its own setting.

    Raises:
        InputError: the file contains no face detector.
    """
    if Path(path).suffix.lower() == ".onnx":
        from mlcmkd.deployment.onnx.detector import OnnxDetector

        return OnnxDetector(path, threads)
    return TorchDetector(path)


def to_input(unit: np.ndarray, longer: int) -> tuple[np.ndarray, float]:
    """Resizes and pads a frame to the network's input.

    Args:
        unit: (H, W) or (H, W, C) float32 in [0, 1].
        longer: longer side after resizing, pixels.

    Returns:
        the input (1, C, h, w) float32, and the scale in pixels of the input per pixel of the frame. Both
        sides are padded to multiples of `MULTIPLE` with copies of the last row and column.
    """
    factor = longer / max(unit.shape[:2])
    height, width = (max(1, round(pixels * factor)) for pixels in unit.shape[:2])
    way = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    small = cv2.resize(np.ascontiguousarray(unit, np.float32), (width, height), interpolation=way)
    below, right = -height % MULTIPLE, -width % MULTIPLE
    small = cv2.copyMakeBorder(small, 0, below, 0, right, cv2.BORDER_REPLICATE)
    small = small[..., None] if small.ndim == 2 else small
    return np.ascontiguousarray(small.transpose(2, 0, 1))[None], factor


def detect_faces(
    network: MapsNetwork, unit: np.ndarray, threshold: float = THRESHOLD
) -> list[FoundFace]:
    """All faces of a frame, the highest score first.

    Args:
        network: the detector.
        unit: (H, W) float32 in [0, 1] for thermal, warmer is brighter, or (H, W, 3) for RGB.
        threshold: lowest score, 0 to 1.

    Returns:
        faces with boxes in pixels of the frame. A box encloses the landmarks of its face tightly.
    """
    frame, factor = to_input(unit, network.input_px)
    centres, boxes = network(frame)
    found = find_faces(centres, boxes, threshold)

    def back(edge: float) -> float:
        return (edge + 0.5) / factor - 0.5

    return [FoundFace(tuple(back(edge) for edge in box), score) for box, score in found]
