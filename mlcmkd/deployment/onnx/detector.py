"""Export of a FaceDetector as an ONNX file, and inference with ONNX Runtime, without torch."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import ConfigDict, Field

from mlcmkd.data.modality import Modality
from mlcmkd.deployment.onnx.runtime import cpu_session
from mlcmkd.utils.config import Config
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.file_kinds import incomplete
from mlcmkd.utils.writing import replacing

if TYPE_CHECKING:
    import onnx

    from mlcmkd.models.face_detector import FaceDetector

KEY = "mlcmkd face detector"  # key of the spec in the metadata
OPSET = 18


def export_detector(detector: "FaceDetector", path: Path | str) -> None:
    """Writes a face detector as an ONNX file.

    Its input "frame" is (1, C, h, w) float32 in [0, 1], both sides multiples of 32; its outputs are
    "centres" (h / 4, w / 4), probabilities, and "boxes" (4, h / 4, w / 4). `OnnxDetector` runs it.

    Args:
        detector: the network.
        path: path of the ONNX file.
    """
    model = detector_proto(detector)
    with replacing(Path(path)) as part:
        part.write_bytes(model.SerializeToString())


def detector_proto(detector: "FaceDetector", *, merged: bool = True) -> "onnx.ModelProto":
    """The graph of a face detector, with its spec in the metadata.

    Args:
        detector: the network.
        merged: as in `mlcmkd.deployment.onnx.export.to_proto`.
    """
    import onnx
    import torch
    from torch import nn

    from mlcmkd.deployment.onnx.export import quiet
    from mlcmkd.deployment.onnx.files import strip_notes

    class Graph(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.detector = detector.cpu().eval()

        def forward(self, frame: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            maps = self.detector(frame)
            return maps.centres[0].sigmoid(), maps.boxes[0]

    height, width = 32 * torch.export.Dim("rows", min=2), 32 * torch.export.Dim("columns", min=2)
    channels = 3 if detector.spec.modality == "rgb" else 1
    with quiet():
        program = torch.onnx.export(
            Graph(),
            (torch.rand(1, channels, 160, 192),),
            dynamo=True,
            opset_version=OPSET,
            input_names=["frame"],
            output_names=["centres", "boxes"],
            dynamic_shapes={"frame": {2: height, 3: width}},
            optimize=merged,
            verbose=False,
        )
    model = program.model_proto
    strip_notes(model)
    onnx.helper.set_model_props(model, {KEY: detector.spec.model_dump_json()})
    return model


class _ReadSpec(Config):
    """The fields of a DetectorSpec that inference needs; the class DetectorSpec itself needs torch."""

    model_config = ConfigDict(extra="ignore")

    modality: Modality = Field(description="Modality of the frames.")
    input_px: int = Field(description="Longer side of the input, pixels.")


class OnnxDetector:
    """A face detector of `export_detector`, run by ONNX Runtime on the CPU.

    Args:
        path: the file.
        threads: CPU threads per call.

    Attributes:
        modality, input_px: as in `mlcmkd.models.face_detector.DetectorSpec`.

    Raises:
        InputError: no such file, or not an exported face detector.
    """

    def __init__(self, path: Path | str, threads: int = 1):
        if not Path(path).is_file():
            raise InputError(f"{path}: no such file; export one with `mlcmkd export-detector`")
        fix = "export the detector again with `mlcmkd export-detector`"
        try:
            self.session = cpu_session(path, threads)
        except Exception as error:  # the errors of ONNX Runtime have no common class
            raise incomplete(Path(path), "ONNX file", str(error), fix) from None
        stored = self.session.get_modelmeta().custom_metadata_map
        if KEY not in stored:
            raise InputError(f"{path}: an ONNX file, but not a face detector of mlcmkd; {fix}")
        spec = _ReadSpec.validated(str(path), json.loads(stored[KEY]))
        self.modality: Modality = spec.modality
        self.input_px = spec.input_px

    def __call__(self, frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        centres, boxes = self.session.run(None, {"frame": frame})
        return centres, boxes
