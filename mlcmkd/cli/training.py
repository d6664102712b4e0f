"""Commands that train landmark networks, one stage each."""

from mlcmkd.cli.config_command import config_command
from mlcmkd.cli.configs import show
from mlcmkd.cli.options import TRAINING_FIELDS
from mlcmkd.stages.compress import CompressConfig
from mlcmkd.stages.compress import compress as run_compress
from mlcmkd.stages.kd_loss import KDLossConfig, train_kd_loss
from mlcmkd.stages.tolerant import TolerantConfig, train_tolerant
from mlcmkd.stages.train import TrainConfig
from mlcmkd.stages.train import train as run_train
from mlcmkd.stages.transfer import TransferConfig
from mlcmkd.stages.transfer import transfer as run_transfer


@config_command("out", "data.source", "modality", "size", "input_px", *TRAINING_FIELDS)
def train(config: TrainConfig) -> None:
    """Train a Landmarker on one modality: the RGB teacher, or a thermal baseline."""
    show(run_train(config))


@config_command("out", "teacher", "data.source", "distillation.strategy", *TRAINING_FIELDS)
def transfer(config: TransferConfig) -> None:
    """KTL: transfer an RGB teacher's knowledge to a thermal student of its size."""
    show(run_transfer(config))


@config_command("out", "teacher", "data.source", "size", "distillation.strategy", *TRAINING_FIELDS)
def compress(config: CompressConfig) -> None:
    """MCL: transfer a thermal teacher's knowledge to a light thermal student."""
    show(run_compress(config))


@config_command("out", "data.source", "variance", "modality", "size", "input_px", *TRAINING_FIELDS)
def tolerant(config: TolerantConfig) -> None:
    """Train a Tolerant-Teacher of KD-Loss, on soft landmarks.

    The soft landmarks come from an active shape model of the labels.
    """
    show(train_tolerant(config))


@config_command(
    "out",
    "tough",
    "tolerant",
    "loss",
    "data.source",
    "modality",
    "size",
    "input_px",
    *TRAINING_FIELDS,
)
def kd_loss(config: KDLossConfig) -> None:
    """KD-Loss: train a light student with a Tough- and a Tolerant-Teacher."""
    show(train_kd_loss(config))
