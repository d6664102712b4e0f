"""Commands that train: each stage of the path, and the whole path."""

import typer

from mlcmkd.cli.config_command import config_command
from mlcmkd.cli.configs import show
from mlcmkd.stages.compress import CompressConfig
from mlcmkd.stages.compress import compress as run_compress
from mlcmkd.stages.detector import DetectorConfig
from mlcmkd.stages.detector import train_detector as run_train_detector
from mlcmkd.stages.kd_loss import KDLossConfig, train_kd_loss
from mlcmkd.stages.tolerant import TolerantConfig, train_tolerant
from mlcmkd.stages.train import TrainConfig
from mlcmkd.stages.train import train as run_train
from mlcmkd.stages.transfer import TransferConfig
from mlcmkd.stages.transfer import transfer as run_transfer
from mlcmkd.studies.path import TABLE, PathConfig, as_table, run_path

_COMMON = ("seed", "fit.steps", "fit.precision", "augmentation.agc")


@config_command("out", "data.source", "modality", "size", "input_px", *_COMMON)
def train(config: TrainConfig) -> None:
    """Train a Landmarker on one modality: the RGB teacher, or a thermal baseline."""
    show(run_train(config))


@config_command("out", "teacher", "data.source", "distillation.strategy", *_COMMON)
def transfer(config: TransferConfig) -> None:
    """KTL: transfer an RGB teacher's knowledge to a thermal student of its size."""
    show(run_transfer(config))


@config_command("out", "teacher", "data.source", "size", "distillation.strategy", *_COMMON)
def compress(config: CompressConfig) -> None:
    """MCL: transfer a thermal teacher's knowledge to a light thermal student."""
    show(run_compress(config))


@config_command("out", "data.source", "variance", "modality", "size", "input_px", *_COMMON)
def tolerant(config: TolerantConfig) -> None:
    """Train a Tolerant-Teacher of KD-Loss, on soft landmarks.

    The soft landmarks come from an active shape model of the labels.
    """
    show(train_tolerant(config))


@config_command(
    "out", "tough", "tolerant", "loss", "data.source", "modality", "size", "input_px", *_COMMON
)
def kd_loss(config: KDLossConfig) -> None:
    """KD-Loss: train a light student with a Tough- and a Tolerant-Teacher."""
    show(train_kd_loss(config))


@config_command("out", "modality", "size", "input_px", "frames", *_COMMON)
def train_detector(config: DetectorConfig) -> None:
    """Train a face detector on rendered frames, for predict's --detector."""
    show(run_train_detector(config))


@config_command("out", "data.source", "zero_shot", "seed")
def path(config: PathConfig) -> None:
    """Run train, transfer and compress, and score all models.

    Completed runs are reused. The scores are printed as one table.
    """
    typer.echo(as_table(run_path(config)))
    typer.echo(f"the table: {config.out / TABLE}")
