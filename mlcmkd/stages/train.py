"""The stage `train`: supervised training on one modality, for the RGB teacher or a thermal baseline."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import Field

from mlcmkd.data.dataset import Pairs
from mlcmkd.data.modality import Modality
from mlcmkd.data.thermal.radiometry import Radiometry
from mlcmkd.distillation.supervised import TaskObjective
from mlcmkd.models import SIZE_NAMES, Landmarker, SizeName
from mlcmkd.stages.common import (
    StageConfig,
    alone_in_process,
    initialise_from,
    network_spec,
    only_labelled,
    validates_config,
)
from mlcmkd.stages.objective import train_objective


class TrainConfig(StageConfig):
    """Plain training on one modality: the RGB teacher, or a thermal baseline."""

    modality: Modality = Field(default="rgb", description="Modality of the input.")
    size: SizeName = Field(default="base", description=f"Size of the network: {SIZE_NAMES}.")
    head: Literal["heatmap", "coordinate"] = Field(
        default="heatmap", description="Head of the network, see ModelSpec."
    )
    input_px: int = Field(
        default=96, description="Side of the network's input, pixels; a multiple of 32."
    )
    normalisation: Literal["fixed", "image"] = Field(
        default="image", description="Normalisation of the input, see ModelSpec."
    )
    pretrained: bool = Field(
        default=False,
        description="Start the backbone from ImageNet weights, which are downloaded.",
    )
    init: Path | None = Field(
        default=None,
        description="Start from these weights of the same network; of another landmark scheme if "
        "it has all points of the data's scheme.",
    )


@validates_config
@alone_in_process
def train(config: TrainConfig, *, progress: bool = True) -> dict[str, Any]:
    """Trains a Landmarker on one modality.

    Args:
        config: validated parameters, or a mapping of their fields.
        progress: show progress bars.

    Returns:
        The run's result: validation scores and where the weights are.

    Raises:
        InputError: data or weights that cannot be used.
    """
    pairs = config.data.load_training(
        config.input_px, config.seed, radiometry=_range_of_init(config), progress=progress
    )
    return train_on(pairs, config, progress=progress)


def _range_of_init(config: TrainConfig) -> Radiometry | None:
    """The temperature range of the input that `init` was trained with; None to use that of the data."""
    if config.init is None or config.modality != "thermal" or config.normalisation != "fixed":
        return None
    return Landmarker.load(config.init).spec.radiometry


@alone_in_process
def train_on(
    pairs: Pairs,
    config: TrainConfig,
    *,
    save_beside: Callable[[Path], None] | None = None,
    progress: bool = True,
) -> dict[str, Any]:
    """Trains as `train` does, on given pairs; their landmarks may be soft landmarks.

    Args:
        pairs: the training pairs.
        config: validated parameters.
        save_beside: see `train_objective`.
        progress: show progress bars.

    Returns:
        The run's result: validation scores and where the weights are.

    Raises:
        InputError: data or weights that cannot be used.
    """
    pairs.require(config.modality, "training")
    pairs = only_labelled(pairs)
    spec = network_spec(config, pairs)
    torch.manual_seed(config.seed)
    student = Landmarker(spec, pretrained=config.pretrained)
    if config.init is not None:
        initialise_from(student, Landmarker.load(config.init).for_scheme(pairs.scheme))
    return train_objective(
        TaskObjective(student, config.modality),
        pairs,
        config,
        stage="train",
        save_beside=save_beside,
        progress=progress,
    )
