"""Commands of the face detector: trained on rendered frames, and as a file for other programs."""

from mlcmkd.cli.config_command import config_command
from mlcmkd.cli.configs import show
from mlcmkd.cli.options import TRAINING_FIELDS
from mlcmkd.stages.detector import DetectorConfig
from mlcmkd.stages.detector import train_detector as run_train_detector
from mlcmkd.stages.export_detector import ExportDetectorConfig, export_face_detector


@config_command("out", "modality", "size", "input_px", "frames", *TRAINING_FIELDS)
def train_detector(config: DetectorConfig) -> None:
    """Train a face detector on rendered frames, for predict's --detector."""
    show(run_train_detector(config))


@config_command("weights", "out")
def export_detector(config: ExportDetectorConfig) -> None:
    """Write a face detector as ONNX, for predict's --detector."""
    show(export_face_detector(config))
