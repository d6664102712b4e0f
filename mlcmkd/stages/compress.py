"""The stage `compress`: MCL, a thermal teacher to a light thermal student."""

from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import (
    SerializerFunctionWrapHandler,
    model_serializer,
)

from mlcmkd.data.modality import Modality
from mlcmkd.distillation.mlcm_kd import MCL
from mlcmkd.distillation.strategies import Distillation
from mlcmkd.models import Landmarker, SizeName
from mlcmkd.stages.common import StageConfig, answering, fit_and_save, only_labelled, thermal_spec
from mlcmkd.training.run_directory import Run
from mlcmkd.utils.errors import InputError


class CompressConfig(StageConfig):
    """MCL: thermal teacher to a light thermal student.

    Attributes:
        teacher: its weights, usually a KTL student's.
        size: of the student.
        head: of the student, "heatmap" or "coordinate"; None for one like its teacher's.
        distillation: strategy, decay and guide.
        one_step: lets an RGB teacher teach the light thermal student directly, without a thermal
            teacher in between: the control that the two levels answer.
    """

    teacher: Path
    size: SizeName = "slim"
    head: Literal["heatmap", "coordinate"] | None = None
    distillation: Distillation = Distillation()
    one_step: bool = False

    @model_serializer(mode="wrap")
    def _without_unused(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # As in FitConfig: runs from before `head` existed keep the hash that they are known by.
        return {k: v for k, v in write(self).items() if k != "head" or v is not None}


def compress(config: CompressConfig, *, progress: bool = True) -> dict[str, Any]:
    """MCL: hands the thermal teacher's knowledge, or in one step the RGB one's, to a light student."""
    teacher = Landmarker.load(config.teacher)
    reads: Modality = "rgb" if config.one_step else "thermal"
    if teacher.spec.modality != reads:
        raise InputError(
            f"{config.teacher}: reads thermal images; one step starts from the RGB teacher of `train`"
            if config.one_step
            else f"{config.teacher}: reads RGB; compress the thermal student of `transfer`"
        )
    pairs = config.data.load_training(teacher.spec.input_px, config.seed, progress=progress)
    teacher = answering(teacher, pairs)
    pairs.require("thermal", "compression")
    if config.one_step:
        pairs.require("rgb", "transfer in one step")
    torch.manual_seed(config.seed)
    own = {"size": config.size, "head": config.head or teacher.spec.head}
    student = Landmarker(thermal_spec(teacher.spec, pairs).model_copy(update=own))
    run = Run(config.out, "compress", config)
    distillation = config.distillation
    if not distillation.resolved().any():
        pairs = only_labelled(pairs)
    objective = MCL(
        teacher,
        student,
        distillation.resolved(),
        distillation.guide,
        teacher_modality=reads,
    )
    return fit_and_save(
        objective, student, pairs, config, run, distillation=distillation, progress=progress
    )
