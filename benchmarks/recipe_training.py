"""Trainings of `recipe.py`: targets, backgrounds and optimizers that the library does not have."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

import torch
from recipe_variants import INPUT_PX, RecipeConfig
from torch import Tensor, nn

from mlcmkd.data.config import DataConfig
from mlcmkd.data.modality import Modality
from mlcmkd.data.pairs import Pairs
from mlcmkd.data.transforms import Batch
from mlcmkd.distillation.losses import target_loss
from mlcmkd.distillation.objective import Terms
from mlcmkd.distillation.supervised import TaskObjective
from mlcmkd.distillation.targets import SupervisionTarget, landmark_target
from mlcmkd.models import Landmarker, Prediction
from mlcmkd.stages.common import network_spec
from mlcmkd.stages.objective import train_objective
from mlcmkd.studies.study import Row
from mlcmkd.training import trainer
from mlcmkd.training.config import FitConfig

DIRECTIONS = 32  # whose half planes are the hull of a face
EDGE = 0.1  # width of the soft edge outside of the hull, a share of the input's side


class RecipeObjective(TaskObjective):
    """Supervised training with other targets and backgrounds; with the defaults as `TaskObjective`.

    Args:
        student, modality: as in `TaskObjective`.
        sigma: standard deviation of the target's Gaussians, a share of the input's side.
        uniform: share of each target map that is spread over all cells alike.
        backgrounds: share of the images whose background is mixed with that of another image.
    """

    def __init__(
        self,
        student: Landmarker,
        modality: Modality,
        sigma: float,
        uniform: float,
        backgrounds: float,
    ):
        super().__init__(student, modality, self.smoothed_loss)
        self.sigma, self.uniform, self.backgrounds = sigma, uniform, backgrounds

    def smoothed_loss(self, prediction: Prediction, landmarks: Tensor) -> Tensor:
        target = landmark_target(landmarks, prediction.logits, self.sigma)
        return target_loss(prediction, smoothed(target, self.uniform) if self.uniform else target)

    def forward(self, batch: Batch, decay: float | Tensor = 1.0) -> Terms:
        if self.backgrounds:
            images = batch.images(self.modality)
            mixed = mix_backgrounds(images, batch.landmarks, self.backgrounds)
            batch = batch._replace(**{self.modality: mixed})
        return super().forward(batch, decay)


def smoothed(target: SupervisionTarget, uniform: float) -> SupervisionTarget:
    """A target of which a share is spread over all cells alike; every landmark has a label."""
    maps = (1 - uniform) * target.maps + uniform / target.maps[0, 0].numel()
    return target._replace(
        maps=maps, negative_entropy=torch.xlogy(maps, maps).sum((-2, -1)).mean(-1)
    )


def mix_backgrounds(images: Tensor, landmarks: Tensor, share: float) -> Tensor:
    """Images whose pixels outside of the landmarks' convex hull are mixed with those of the next image.

    The weight of the other image is uniform between 0 and 1, times that of the pixel: 0 in the hull,
    1 from `EDGE` outside of it.

    Args:
        images: (B, C, P, P).
        landmarks: (B, K, 2) centred coordinates, without NaN.
        share: share of the images that are changed.
    """
    side = images.shape[-1]
    axis = (torch.arange(side, device=images.device) + 0.5) / side - 0.5
    outside = torch.full((len(images), side, side), -1.0, device=images.device)
    for number in range(DIRECTIONS):
        angle = 2 * math.pi * number / DIRECTIONS
        x, y = math.cos(angle), math.sin(angle)
        reach = (x * landmarks[..., 0] + y * landmarks[..., 1]).amax(1)  # of the face, (B,)
        beyond = (x * axis + y * axis[:, None])[None] - reach[:, None, None]
        torch.maximum(outside, beyond, out=outside)
    weight = (outside / EDGE).clamp(0, 1)[:, None]
    weight = weight * torch.rand(len(images), 1, 1, 1, device=images.device)
    weight = weight * (torch.rand(len(images), 1, 1, 1, device=images.device) < share)
    return images + weight * (images.roll(1, 0) - images)


@contextmanager
def optimised_by(name: str) -> Iterator[None]:
    """Trainings inside use another optimizer than AdamW, with the same groups of parameters.

    Args:
        name: "adamw" changes nothing; "muon" is the library's; "timm muon" and "lion" are timm's.
    """
    if name == "adamw":
        yield
        return

    def make(objective: nn.Module, config: FitConfig) -> torch.optim.Optimizer:
        if name == "muon":
            return own(objective, config.model_copy(update={"optimizer": "muon"}))
        from timm.optim import Lion
        from timm.optim import Muon as TimmMuon

        groups = own(objective, config).param_groups
        groups = [{key: group[key] for key in ("params", "weight_decay")} for group in groups]
        if name == "lion":
            return Lion(groups, config.learning_rate)
        return TimmMuon(groups, config.learning_rate, momentum=0.9)

    own = trainer.make_optimizer
    trainer.make_optimizer = make
    try:
        yield
    finally:
        trainer.make_optimizer = own


def objective_of(config: RecipeConfig, pairs: Pairs) -> RecipeObjective:
    """The objective with a new network, as the stage `train` makes it."""
    torch.manual_seed(config.seed)
    student = Landmarker(network_spec(config, pairs))
    return RecipeObjective(
        student, config.modality, config.sigma, config.uniform, config.backgrounds
    )


@lru_cache(maxsize=2)
def pairs_of(source: str, split: str) -> Pairs:
    """The pairs of a split, which are the same for all seeds because all are labelled."""
    data = DataConfig(source=source)
    if split == "train":
        return data.load_training(INPUT_PX, 0, progress=False)
    return data.load(split, INPUT_PX, progress=False)


def train_recipe(config: RecipeConfig, *, progress: bool = True) -> Row:
    """Trains a variant."""
    pairs = pairs_of(config.data.source, "train")
    with optimised_by(config.optimizer):
        return train_objective(
            objective_of(config, pairs), pairs, config, stage="train", progress=progress
        )
