"""The stage `compress`: MCL (model compression level), from a thermal teacher to a light student."""

from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import Field

from mlcmkd.data.modality import Modality
from mlcmkd.distillation.mlcm_kd import MCL
from mlcmkd.distillation.strategies import Distillation
from mlcmkd.evaluation.evaluate import check_input
from mlcmkd.models import SIZE_NAMES, Landmarker, SizeName
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
from mlcmkd.utils.config import late
from mlcmkd.utils.errors import InputError


class CompressConfig(StageConfig):
    """MCL: from a thermal teacher to a light thermal student."""

    teacher: Path = Field(
        description="Weights of the thermal teacher, usually those of a KTL student."
    )
    size: SizeName = Field(default="slim", description=f"Size of the student: {SIZE_NAMES}.")
    head: Literal["heatmap", "coordinate"] | None = late(
        None, description="Head of the student; None for the teacher's."
    )
    distillation: Distillation = Field(
        default=Distillation(), description="Strategy, decay and guide."
    )
    init: Path | None = late(
        None,
        description="Start the student from these weights of the same network, such as the bundled "
        "model's; of another landmark scheme if it has all points of the data's scheme.",
    )
    one_step: bool = Field(
        default=False,
        description="Let an RGB teacher teach the light thermal student directly: the control for "
        "the two levels.",
    )


@validates_config
@alone_in_process
def compress(config: CompressConfig, *, progress: bool = True) -> dict[str, Any]:
    """MCL: trains a light thermal student with a thermal teacher, or with `one_step` an RGB teacher.

    Args:
        config: validated parameters, or a mapping of their fields.
        progress: show progress bars.

    Returns:
        The run's result: validation scores and where the weights are.

    Raises:
        InputError: the teacher's modality is not the expected one, or weights or data that cannot be
            used.
    """
    teacher = Landmarker.load(config.teacher)
    modality: Modality = "rgb" if config.one_step else "thermal"
    if teacher.spec.modality != modality:
        raise InputError(
            f"{config.teacher}: takes thermal images; one_step needs an RGB teacher, from "
            "`mlcmkd train`"
            if config.one_step
            else f"{config.teacher}: takes RGB images; compress the thermal student of "
            "`mlcmkd transfer`, or set one_step"
        )
    pairs = config.data.load_training(
        teacher.spec.input_px,
        config.seed,
        radiometry=teacher.spec.radiometry,
        progress=progress,
    )
    teacher = in_scheme_of(pairs, teacher)
    pairs.require("thermal", "compression")
    check_input(
        teacher, pairs, modality, "transfer in one step" if config.one_step else "compression"
    )
    torch.manual_seed(config.seed)
    spec = thermal_version(teacher.spec, pairs).model_copy(
        update={"size": config.size, "head": config.head or teacher.spec.head}
    )
    student = Landmarker(spec)
    if config.init is not None:
        initialise_from(student, Landmarker.load(config.init).for_scheme(pairs.scheme))
    distillation = config.distillation
    if not distillation.resolved().any():
        pairs = only_labelled(pairs)
    return train_objective(
        MCL(
            teacher,
            student,
            distillation.resolved(),
            distillation.guide,
            teacher_modality=modality,
        ),
        pairs,
        config,
        stage="compress",
        distillation=distillation,
        progress=progress,
    )
