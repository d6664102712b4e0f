"""The command that calibrates the standard deviations of trained weights."""

from mlcmkd.cli.config_command import config_command
from mlcmkd.cli.configs import show
from mlcmkd.stages.calibrate import CalibrateConfig
from mlcmkd.stages.calibrate import calibrate as run_calibrate


@config_command("out", "weights", "data.source", "seed")
def calibrate(config: CalibrateConfig) -> None:
    """Fit the standard deviations of landmarks, and write weights with them."""
    show(run_calibrate(config))
