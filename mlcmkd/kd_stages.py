"""The stages of KD-Loss: a Tolerant-Teacher on soft landmarks, and a light student of two teachers.

The Tough-Teacher needs no stage of its own: it is what `stages.train` makes.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import Field

from mlcmkd.distillation.losses import absolute_error, squared_error
from mlcmkd.distillation.objective import TaskObjective
from mlcmkd.distillation.stand_in import StandIn
from mlcmkd.distillation.two_teachers import KDWeights, TwoTeachers
from mlcmkd.errors import InputError
from mlcmkd.models import Landmarker, SizeName
from mlcmkd.pairs import Pairs
from mlcmkd.runs import Run
from mlcmkd.schemes import get_scheme
from mlcmkd.shape_model import ShapeModel
from mlcmkd.stages import (
    Modality,
    StageConfig,
    TrainConfig,
    fit_and_save,
    only_labelled,
    spec_of,
    train_on,
)

# Share of the shapes' variance that soft landmarks keep. Ours: the paper varies it and names no best.
VARIANCE = 0.9
SHAPES = "shapes.safetensors"
# The controls without a teacher. L2 is the paper's; L1 is ours: KD-Loss is linear near the truth, so
# against L2 alone nobody could tell what the teachers give from what the linear branch gives.
PLAIN = {"l2": squared_error, "l1": absolute_error}
# The same with the Tough-Teacher's answer where a label is missing: what its answers give by themselves.
ANSWERED = {"l2-answers": squared_error, "l1-answers": absolute_error}
# The ablation of the paper; and "l1"; and "main", what is left of KD-Loss without either assistive loss.
ABLATION: dict[str, dict[str, Any]] = {
    "l2": {"loss": "l2"},
    "l1": {"loss": "l1"},
    "main": {"weights": {"tough": 0, "tolerant": 0}},
    "tough": {"weights": {"tolerant": 0}},
    "tolerant": {"weights": {"tough": 0}},
    "kd-loss": {},
}


class TolerantConfig(TrainConfig):
    """A Tolerant-Teacher: as TrainConfig, but what it learns are soft landmarks.

    Attributes:
        variance: share of the training shapes' variance that the soft landmarks keep.
    """

    variance: float = Field(default=VARIANCE, gt=0, le=1)


class KDLossConfig(StageConfig):
    """A light student, trained with KD-Loss or, as its control, with plain L2 or L1.

    Attributes:
        loss: "kd-loss"; "l2" or "l1" without any teacher; "l2-answers" or "l1-answers" with the
            Tough-Teacher's answer where a label is missing, and nothing else of it.
        tough: weights of the Tough-Teacher.
        tolerant: weights of the Tolerant-Teacher; None for the Tough-Teacher's own answer, softened by
            an active shape model of the training labels.
        weights: of KD-Loss's terms; 0 leaves an assistive loss out.
        variance: share of variance of that shape model.
        modality: the side the student reads; each teacher reads the one it was trained on.
        size, head, input_px, normalisation: the student, see ModelSpec.
        pretrained: start the backbone from ImageNet weights (downloaded; fails clearly offline).
    """

    loss: Literal["kd-loss", "l2", "l1", "l2-answers", "l1-answers"] = "kd-loss"
    tough: Path | None = None
    tolerant: Path | None = None
    weights: KDWeights = KDWeights()
    variance: float = Field(default=VARIANCE, gt=0, le=1)
    modality: Modality = "rgb"
    size: SizeName = "mobilenetv2"
    head: Literal["heatmap", "coordinate"] = "coordinate"
    input_px: int = 96
    normalisation: Literal["fixed", "image"] = "image"
    pretrained: bool = False


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


def train_kd_loss(config: KDLossConfig, *, progress: bool = True) -> dict[str, Any]:
    """Trains a light student between its two teachers.

    Returns:
        The run's result: validation scores and where the weights are.

    Raises:
        InputError: a teacher that is missing or of another input size or scheme, or unusable data.
    """
    pairs = config.data.load_training(config.input_px, config.seed, progress=progress)
    pairs.require(config.modality, "training with KD-Loss")
    spec = spec_of(config, pairs)
    torch.manual_seed(config.seed)
    student = Landmarker(spec, pretrained=config.pretrained)
    if config.loss in PLAIN:
        pairs = only_labelled(pairs)
        objective = TaskObjective(student, config.modality, PLAIN[config.loss])
    elif config.loss in ANSWERED:
        objective = StandIn(_tough(pairs, config), student, ANSWERED[config.loss])
    else:
        objective = _between_teachers(student, pairs, config)
    run = Run(config.out, "kd-loss", config)
    return fit_and_save(
        objective, student, pairs, config, run, distillation=None, progress=progress
    )


def _between_teachers(student: Landmarker, pairs: Pairs, config: KDLossConfig) -> TwoTeachers:
    tough = _tough(pairs, config)
    tolerant = (
        shapes_of(pairs, config.variance)
        if config.tolerant is None
        else _teacher(config.tolerant, pairs, config.input_px)
    )
    return TwoTeachers(tough, tolerant, student, config.weights)


def _tough(pairs: Pairs, config: KDLossConfig) -> Landmarker:
    if config.tough is None:
        raise InputError(
            f"loss '{config.loss}' needs a Tough-Teacher: tough=WEIGHTS, or loss='l2' without one"
        )
    return _teacher(config.tough, pairs, config.input_px)


def _teacher(path: Path, pairs: Pairs, input_px: int) -> Landmarker:
    teacher = Landmarker.load(path)
    if teacher.spec.input_px != input_px:
        raise InputError(
            f"{path}: reads {teacher.spec.input_px} px, the student {input_px}; both see one crop"
        )
    pairs.require(teacher.spec.modality, "a teacher of KD-Loss")
    return teacher


def shapes_of(pairs: Pairs, variance: float) -> ShapeModel:
    """The shape model of the labelled faces and their mirror images.

    Half of the training images are mirrored; with both halves in the model, softening a mirrored face
    is mirroring the softened one.
    """
    hard = pairs.landmarks[pairs.labelled]
    mirrored = hard[:, list(get_scheme(pairs.scheme).flip)] * hard.new_tensor([-1, 1])
    return ShapeModel.fit(torch.cat((hard, mirrored)), pairs.scheme, variance=variance)
