"""The stage `transfer`: KTL, from an RGB teacher to a thermal student of the same size."""

from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import Field

from mlcmkd.distillation.mlcm_kd import KTL
from mlcmkd.distillation.strategies import Distillation
from mlcmkd.models import Landmarker
from mlcmkd.stages.common import (
    StageConfig,
    alone_in_process,
    in_scheme_of,
    initialise_from,
    only_labelled,
    thermal_version,
    validates_config,
)
from mlcmkd.stages.objective import train_objective
from mlcmkd.utils.errors import InputError


class TransferConfig(StageConfig):
    """KTL: from an RGB teacher to a thermal student of the same size."""

    teacher: Path = Field(description="Weights of the RGB teacher.")
    distillation: Distillation = Field(
        default=Distillation(), description="Strategy, decay and guide."
    )
    init: Literal["fresh", "teacher"] = Field(
        default="teacher",
        description="Start the student from the teacher's weights, or from random (fresh) ones.",
    )


@validates_config
@alone_in_process
def transfer(config: TransferConfig, *, progress: bool = True) -> dict[str, Any]:
    """KTL: trains a thermal student with an RGB teacher of the same size.

    Returns:
        The run's result: validation scores and where the weights are.

    Raises:
        InputError: the teacher does not take RGB images, or weights or data that cannot be used.
    """
    teacher = Landmarker.load(config.teacher)
    if teacher.spec.modality != "rgb":
        raise InputError(
            f"{config.teacher}: takes thermal images; give the weights of the RGB teacher, from "
            "`mlcmkd train`"
        )
    pairs = config.data.load_training(teacher.spec.input_px, config.seed, progress=progress)
    teacher = in_scheme_of(pairs, teacher)
    pairs.require("rgb", "knowledge transfer")
    pairs.require("thermal", "knowledge transfer")
    torch.manual_seed(config.seed)
    student = Landmarker(thermal_version(teacher.spec, pairs))
    if config.init == "teacher":
        initialise_from(student, teacher)
    distillation = config.distillation
    if not distillation.resolved().any():
        pairs = only_labelled(pairs)
    return train_objective(
        KTL(teacher, student, distillation.resolved(), distillation.guide),
        pairs,
        config,
        stage="transfer",
        distillation=distillation,
        rgb_teacher=teacher,
        progress=progress,
    )
