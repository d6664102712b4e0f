"""The stage `tolerant`: a Tolerant-Teacher, trained on soft landmarks."""

from dataclasses import replace
from typing import Any

import torch
from pydantic import Field

from mlcmkd.data.pairs import Pairs
from mlcmkd.distillation.shape_model import ShapeModel
from mlcmkd.schemes import get_scheme
from mlcmkd.stages.train import TrainConfig, train_on

# Share of the shapes' variance that soft landmarks keep. Ours: the paper varies it and names no best.
VARIANCE = 0.9
SHAPES = "shapes.safetensors"


class TolerantConfig(TrainConfig):
    """A Tolerant-Teacher: as TrainConfig, but what it learns are soft landmarks.

    Attributes:
        variance: share of the training shapes' variance that the soft landmarks keep.
    """

    variance: float = Field(default=VARIANCE, gt=0, le=1)


def train_tolerant(config: TolerantConfig, *, progress: bool = True) -> dict[str, Any]:
    """Trains a Tolerant-Teacher, and keeps the shape model beside its weights.

    Its validation score is held against the hard landmarks, as everyone's is.

    Raises:
        InputError: data that cannot be used, or too few labelled faces for a shape model.
    """
    pairs = config.data.load_training(config.input_px, config.seed, progress=progress)
    shapes = shapes_of(pairs, config.variance)
    result = train_on(softened(pairs, shapes), config, progress=progress)
    shapes.save(config.out / SHAPES)
    return result


def softened(pairs: Pairs, shapes: ShapeModel) -> Pairs:
    """The same pairs with soft landmarks; a row without a label has none to soften."""
    landmarks = pairs.landmarks.clone()
    landmarks[pairs.labelled] = shapes.soften(landmarks[pairs.labelled])
    return replace(pairs, landmarks=landmarks)


def shapes_of(pairs: Pairs, variance: float) -> ShapeModel:
    """The shape model of the labelled faces and their mirror images.

    Half of the training images are mirrored; with both halves in the model, softening a mirrored face
    is mirroring the softened one.
    """
    hard = pairs.landmarks[pairs.labelled]
    mirrored = hard[:, list(get_scheme(pairs.scheme).flip)] * hard.new_tensor([-1, 1])
    return ShapeModel.fit(torch.cat((hard, mirrored)), pairs.scheme, variance=variance)
