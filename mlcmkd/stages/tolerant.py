"""The stage `tolerant`: a Tolerant-Teacher of KD-Loss (Fard and Mahoor, arXiv 2111.07047).

It is trained on soft landmarks: projections of the labels onto the modes of an active shape model
(`mlcmkd.distillation.shape_model`).
"""

from dataclasses import replace
from typing import Any

import torch
from pydantic import Field

from mlcmkd.data.dataset import Pairs
from mlcmkd.distillation.shape_model import ShapeModel
from mlcmkd.schemes import get_scheme
from mlcmkd.stages.common import alone_in_process, validates_config
from mlcmkd.stages.train import TrainConfig, train_on
from mlcmkd.training.run_directory import SHAPES
from mlcmkd.utils.progress import tqdm

# Share of the shapes' variance that soft landmarks keep. Our choice: the paper varies it and does not
# state a best value.
VARIANCE = 0.9


class TolerantConfig(TrainConfig):
    """A Tolerant-Teacher: trained as by TrainConfig, on soft landmarks."""

    variance: float = Field(
        default=VARIANCE,
        gt=0,
        le=1,
        description="Share of the training shapes' variance that the soft landmarks keep.",
    )


@validates_config
@alone_in_process
def train_tolerant(config: TolerantConfig, *, progress: bool = True) -> dict[str, Any]:
    """Trains a Tolerant-Teacher, and saves the shape model beside its weights.

    Its validation score is computed against the hard landmarks, as in every stage.

    Args:
        config: validated parameters, or a mapping of their fields.
        progress: show progress bars.

    Returns:
        The run's result: validation scores and where the weights are.

    Raises:
        InputError: data that cannot be used, or too few labelled faces for a shape model.
    """
    pairs = config.data.load_training(config.input_px, config.seed, progress=progress)
    whole = pairs.fully_labelled
    if left_out := int((pairs.labelled & ~whole).sum()):
        tqdm.write(f"{left_out} partly labelled faces are left out: a shape needs all its points")
        pairs = pairs.subset(torch.nonzero(whole).flatten().tolist())
    shapes = fit_shape_model(pairs, config.variance)
    return train_on(
        with_soft_landmarks(pairs, shapes),
        config,
        save_beside=lambda run: shapes.save(run / SHAPES),
        progress=progress,
    )


def with_soft_landmarks(pairs: Pairs, shapes: ShapeModel) -> Pairs:
    """The same pairs with soft landmarks in the labelled rows."""
    landmarks = pairs.landmarks.clone()
    landmarks[pairs.labelled] = shapes.soften(landmarks[pairs.labelled])
    return replace(pairs, landmarks=landmarks)


def fit_shape_model(pairs: Pairs, variance: float) -> ShapeModel:
    """The shape model of the faces with a label of every landmark, and of their mirror images.

    The augmentation mirrors half of the training images. With the mirror images in the model, softening
    and mirroring commute.

    Args:
        pairs: pairs, some of them labelled.
        variance: share of the variance that the model keeps, above 0, at most 1.

    Raises:
        InputError: too few labelled faces for this share, or shapes that cannot be aligned.
    """
    hard = pairs.landmarks[pairs.fully_labelled]
    mirrored = hard[:, list(get_scheme(pairs.scheme).flip)] * hard.new_tensor([-1, 1])
    return ShapeModel.fit(torch.cat((hard, mirrored)), pairs.scheme, variance=variance)
