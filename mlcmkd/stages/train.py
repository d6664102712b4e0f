"""The stage `train`: supervised training on one modality, for the RGB teacher or a thermal baseline."""

from pathlib import Path
from typing import Any, Literal

import torch

from mlcmkd.data.modality import Modality
from mlcmkd.data.pairs import Pairs
from mlcmkd.distillation.supervised import TaskObjective
from mlcmkd.models import Landmarker, SizeName
from mlcmkd.stages.common import StageConfig, initialise_from, network_spec, only_labelled
from mlcmkd.stages.objective import train_objective


class TrainConfig(StageConfig):
    """Plain training: the RGB teacher, or a thermal baseline.

    Attributes:
        modality: which side is read.
        size, head, input_px, normalisation: the model, see ModelSpec.
        pretrained: start the backbone from ImageNet weights (downloaded; fails clearly offline).
        init: weights to start from instead, of the same model; of another scheme if it holds all
            points of the data's.
    """

    modality: Modality = "rgb"
    size: SizeName = "base"
    head: Literal["heatmap", "coordinate"] = "heatmap"
    input_px: int = 96
    normalisation: Literal["fixed", "image"] = "image"
    pretrained: bool = False
    init: Path | None = None


def train(config: TrainConfig, *, progress: bool = True) -> dict[str, Any]:
    """Trains a Landmarker on one modality.

    Returns:
        The run's result: validation scores and where the weights are.

    Raises:
        InputError: data or weights that cannot be used.
    """
    pairs = config.data.load_training(config.input_px, config.seed, progress=progress)
    return train_on(pairs, config, progress=progress)


def train_on(pairs: Pairs, config: TrainConfig, *, progress: bool = True) -> dict[str, Any]:
    """As `train`, on given pairs; their landmarks may be soft ones."""
    pairs.require(config.modality, "training")
    pairs = only_labelled(pairs)
    spec = network_spec(config, pairs)
    torch.manual_seed(config.seed)
    student = Landmarker(spec, pretrained=config.pretrained)
    if config.init is not None:
        initialise_from(student, Landmarker.load(config.init).for_scheme(pairs.scheme))
    objective = TaskObjective(student, config.modality)
    return train_objective(objective, pairs, config, stage="train", progress=progress)
