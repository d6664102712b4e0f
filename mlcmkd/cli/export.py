"""Commands that make trained weights ready for use: calibrated, and as a file for other programs."""

from mlcmkd.cli.config_command import config_command
from mlcmkd.cli.configs import show
from mlcmkd.stages.calibrate import CalibrateConfig
from mlcmkd.stages.calibrate import calibrate as run_calibrate
from mlcmkd.stages.export import ExportConfig
from mlcmkd.stages.export import export as run_export
from mlcmkd.stages.export_detector import ExportDetectorConfig, export_face_detector


@config_command("out", "weights", "data.source", "seed")
def calibrate(config: CalibrateConfig) -> None:
    """Fit the standard deviations of landmarks, and write weights with them."""
    show(run_calibrate(config))


@config_command("out", "weights", "data.source", "kind", "licence", "int8")
def export(config: ExportConfig) -> None:
    """Write weights as ONNX, checked against torch, in 8 bits too if wanted."""
    show(run_export(config))


@config_command("weights", "out")
def export_detector(config: ExportDetectorConfig) -> None:
    """Write a face detector as ONNX, for predict's --detector."""
    show(export_face_detector(config))
