"""The stage `transfer`: KTL, an RGB teacher to a thermal student of the same size."""

from pathlib import Path
from typing import Any, Literal

import torch

from mlcmkd.distillation.mlcm_kd import KTL
from mlcmkd.distillation.strategies import Distillation
from mlcmkd.models import Landmarker
from mlcmkd.stages.common import (
    StageConfig,
    answering,
    fit_and_save,
    only_labelled,
    start_from,
    thermal_spec,
)
from mlcmkd.training.run_directory import Run
from mlcmkd.utils.errors import InputError


class TransferConfig(StageConfig):
    """KTL: RGB teacher to a thermal student of the same size.

    Attributes:
        teacher: its weights.
        distillation: strategy, decay and guide.
        init: "teacher" starts the student from the teacher's weights, "fresh" from random ones.
    """

    teacher: Path
    distillation: Distillation = Distillation()
    init: Literal["fresh", "teacher"] = "teacher"


def transfer(config: TransferConfig, *, progress: bool = True) -> dict[str, Any]:
    """KTL: hands the RGB teacher's knowledge to a thermal student of its size."""
    teacher = Landmarker.load(config.teacher)
    if teacher.spec.modality != "rgb":
        raise InputError(
            f"{config.teacher}: reads thermal images; the transfer starts from the RGB teacher of "
            "`train`"
        )
    pairs = config.data.load_training(teacher.spec.input_px, config.seed, progress=progress)
    teacher = answering(teacher, pairs)
    pairs.require("rgb", "knowledge transfer")
    pairs.require("thermal", "knowledge transfer")
    torch.manual_seed(config.seed)
    student = Landmarker(thermal_spec(teacher.spec, pairs))
    if config.init == "teacher":
        start_from(student, teacher)
    run = Run(config.out, "transfer", config)
    distillation = config.distillation
    if not distillation.resolved().any():
        pairs = only_labelled(pairs)
    objective = KTL(teacher, student, distillation.resolved(), distillation.guide)
    return fit_and_save(
        objective,
        student,
        pairs,
        config,
        run,
        distillation=distillation,
        progress=progress,
        rgb_teacher=teacher,
    )
