"""The stage `kd-loss`: a light student between a Tough- and a Tolerant-Teacher.

KD-Loss: Fard and Mahoor, arXiv 2111.07047. The stage `train` trains the Tough-Teacher, the stage
`tolerant` the Tolerant-Teacher.
"""

from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import Field

from mlcmkd.data.dataset import Pairs
from mlcmkd.data.modality import Modality
from mlcmkd.distillation.losses import absolute_error, squared_error
from mlcmkd.distillation.objective import Objective
from mlcmkd.distillation.pseudo_labels import PseudoLabelObjective
from mlcmkd.distillation.supervised import TaskObjective
from mlcmkd.distillation.two_teachers import KDForm, KDWeights, TwoTeachers
from mlcmkd.evaluation.evaluate import check_input
from mlcmkd.models import SIZE_NAMES, Landmarker, SizeName
from mlcmkd.stages.common import (
    StageConfig,
    alone_in_process,
    network_spec,
    only_labelled,
    validates_config,
)
from mlcmkd.stages.objective import train_objective
from mlcmkd.stages.tolerant import VARIANCE, fit_shape_model
from mlcmkd.utils.config import late
from mlcmkd.utils.errors import InputError

# The controls without a teacher. L2 is the paper's; L1 is ours: KD-Loss is linear near the truth, so a
# comparison with L2 alone could not separate the effect of the teachers from that of the linear branch.
PLAIN = {"l2": squared_error, "l1": absolute_error}
# The same losses with the Tough-Teacher's predictions as pseudo-labels, to measure the effect of these.
PSEUDO_LABELLED = {"l2-answers": squared_error, "l1-answers": absolute_error}
# The ablation of the paper, and our "l1" and "main", KD-Loss without either assistive loss.
ABLATION: dict[str, dict[str, Any]] = {
    "l2": {"loss": "l2"},
    "l1": {"loss": "l1"},
    "main": {"weights": {"tough": 0, "tolerant": 0}},
    "tough": {"weights": {"tolerant": 0}},
    "tolerant": {"weights": {"tough": 0}},
    "kd-loss": {},
}


class KDLossConfig(StageConfig):
    """A light student, trained with KD-Loss or, as a control, with plain L2 or L1."""

    loss: Literal["kd-loss", "l2", "l1", "l2-answers", "l1-answers"] = Field(
        default="kd-loss",
        description="kd-loss; l2 or l1 without a teacher; l2-answers or l1-answers with the "
        "Tough-Teacher's predictions as pseudo-labels where a label is missing.",
    )
    tough: Path | None = Field(
        default=None, description="Weights of the Tough-Teacher, from `mlcmkd train`."
    )
    tolerant: Path | None = Field(
        default=None,
        description="Weights of the Tolerant-Teacher, from `mlcmkd tolerant`; None for the "
        "Tough-Teacher's predictions, softened by an active shape model of the training labels.",
    )
    weights: KDWeights = Field(default=KDWeights(), description="Weights of KD-Loss's terms.")
    form: KDForm = late(
        KDForm(), description="Form of KD-Loss: of the authors' code, or of their figures."
    )
    variance: float = Field(
        default=VARIANCE,
        gt=0,
        le=1,
        description="Share of the shape variance that this active shape model keeps.",
    )
    modality: Modality = Field(
        default="rgb", description="Modality of the student's input; each teacher has its own."
    )
    size: SizeName = Field(default="mobilenetv2", description=f"Size of the student: {SIZE_NAMES}.")
    head: Literal["heatmap", "coordinate"] = Field(
        default="coordinate", description="Head of the student, see ModelSpec."
    )
    input_px: int = Field(
        default=96, description="Side of the networks' input, pixels; a multiple of 32."
    )
    normalisation: Literal["fixed", "image"] = Field(
        default="image", description="Normalisation of the input, see ModelSpec."
    )
    pretrained: bool = Field(
        default=False,
        description="Start the backbone from ImageNet weights, which are downloaded.",
    )


@validates_config
@alone_in_process
def train_kd_loss(config: KDLossConfig, *, progress: bool = True) -> dict[str, Any]:
    """Trains a light student with KD-Loss, or with one of its controls.

    Args:
        config: validated parameters, or a mapping of their fields.
        progress: show progress bars.

    Returns:
        The run's result: validation scores and where the weights are.

    Raises:
        InputError: a teacher that is missing or of another input size or scheme, or unusable data.
    """
    teachers = _load_teachers(config)
    specs = [teacher.spec for teacher in teachers if teacher is not None]
    radiometry = next((spec.radiometry for spec in specs if spec.modality == "thermal"), None)
    pairs = config.data.load_training(
        config.input_px, config.seed, radiometry=radiometry, progress=progress
    )
    pairs.require(config.modality, "training with KD-Loss")
    for teacher in teachers:
        if teacher is not None:
            check_input(teacher, pairs, teacher.spec.modality, "a teacher of KD-Loss")
    spec = network_spec(config, pairs)
    torch.manual_seed(config.seed)
    student = Landmarker(spec, pretrained=config.pretrained)
    if config.loss in PLAIN:
        pairs = only_labelled(pairs)
    objective = _objective(student, *teachers, pairs, config)
    return train_objective(objective, pairs, config, stage="kd-loss", progress=progress)


def _objective(
    student: Landmarker,
    tough: Landmarker | None,
    tolerant: Landmarker | None,
    pairs: Pairs,
    config: KDLossConfig,
) -> Objective:
    """The objective for `config.loss`."""
    if config.loss in PLAIN:
        return TaskObjective(student, config.modality, PLAIN[config.loss])
    if config.loss in PSEUDO_LABELLED:
        return PseudoLabelObjective(tough, student, PSEUDO_LABELLED[config.loss])
    soft = fit_shape_model(pairs, config.variance) if tolerant is None else tolerant
    return TwoTeachers(tough, soft, student, config.weights, config.form)


def _load_teachers(config: KDLossConfig) -> tuple[Landmarker | None, Landmarker | None]:
    """The Tough- and the Tolerant-Teacher that `config.loss` needs.

    Raises:
        InputError: a missing teacher, unusable weights, or another input size than the student's.
    """
    if config.loss in PLAIN:
        return None, None
    if config.tough is None:
        raise InputError(
            f"loss '{config.loss}' needs a Tough-Teacher: tough=WEIGHTS, or loss='l2' without one"
        )
    tough = _load_teacher(config.tough, config.input_px)
    if config.tolerant is None or config.loss in PSEUDO_LABELLED:
        return tough, None
    return tough, _load_teacher(config.tolerant, config.input_px)


def _load_teacher(path: Path, input_px: int) -> Landmarker:
    teacher = Landmarker.load(path)
    if teacher.spec.input_px != input_px:
        raise InputError(
            f"{path}: takes {teacher.spec.input_px} px, the student {input_px} px; train both for "
            "one input size"
        )
    return teacher
