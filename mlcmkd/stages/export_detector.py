"""Export of a face detector as ONNX, compared with torch on rendered frames."""

from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from mlcmkd.deployment.face_detector import TorchDetector, to_input
from mlcmkd.deployment.onnx.detector import OnnxDetector, export_detector
from mlcmkd.models.face_detector import FaceDetector
from mlcmkd.synthetic.frames.frames import make_frames
from mlcmkd.synthetic.splits import FIRST_IDENTITY
from mlcmkd.utils.config import Config
from mlcmkd.utils.errors import InputError

FRAMES = 4  # rendered frames of the comparison
# Largest difference of any probability, and of any value of the boxes, between torch and the file.
LARGEST_DIFFERENCE = 1e-3


class ExportDetectorConfig(Config):
    """Which face detector is exported."""

    weights: Path = Field(description="Weights of `mlcmkd train-detector`.")
    out: Path = Field(description="The .onnx file to write.")


def export_face_detector(config: ExportDetectorConfig) -> dict[str, Any]:
    """Writes a face detector as an ONNX file, for `predict --detector`.

    Returns:
        The file's size in bytes, and the largest difference of its outputs from torch's.

    Raises:
        InputError: no face detector, a file name that does not end in .onnx, or the outputs of the file
            differ from torch's; the file is then deleted.
    """
    if config.out.suffix.lower() != ".onnx":
        raise InputError(
            f"{config.out}: the name must end in .onnx, so that `predict` recognises the file"
        )
    detector = FaceDetector.load(config.weights)
    config.out.parent.mkdir(parents=True, exist_ok=True)
    export_detector(detector, config.out)
    networks = TorchDetector(detector), OnnxDetector(config.out)
    difference = 0.0
    for unit in _rendered(detector.spec.modality == "rgb"):
        frame, _ = to_input(unit, detector.spec.input_px)
        by_torch, by_onnx = (network(frame) for network in networks)
        for a, b in zip(by_torch, by_onnx, strict=True):
            difference = max(difference, float(np.abs(a - b).max()))
    if not difference <= LARGEST_DIFFERENCE:
        config.out.unlink()
        raise InputError(
            f"{config.weights}: the export differs from torch by {difference:.2g}, more than "
            f"{LARGEST_DIFFERENCE:g}; try another version of torch or onnxruntime"
        )
    return {
        "file": str(config.out),
        "bytes": config.out.stat().st_size,
        "difference": float(f"{difference:.2g}"),
    }


def _rendered(rgb: bool) -> np.ndarray:
    """Frames in the range of the network."""
    frames = make_frames(FRAMES, size=(120, 160), first=FIRST_IDENTITY["test"], workers=1, rgb=rgb)
    if rgb:
        return frames.rgb.astype(np.float32) / 255
    return np.clip((frames.thermal - 18) / 22, 0, 1).astype(np.float32)
