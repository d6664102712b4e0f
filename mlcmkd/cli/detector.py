"""The command that trains a face detector, on rendered frames."""

from mlcmkd.cli.config_command import config_command
from mlcmkd.cli.configs import show
from mlcmkd.cli.options import TRAINING_FIELDS
from mlcmkd.stages.detector import DetectorConfig
from mlcmkd.stages.detector import train_detector as run_train_detector


@config_command("out", "modality", "size", "input_px", "frames", *TRAINING_FIELDS)
def train_detector(config: DetectorConfig) -> None:
    """Train a face detector on rendered frames, for predict's --detector."""
    show(run_train_detector(config))
