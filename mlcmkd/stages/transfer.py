"""The stage `transfer`: KTL (knowledge transfer level), from an RGB teacher to a thermal student."""

from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import Field

from mlcmkd.data.dataset import Pairs
from mlcmkd.data.rig import Rig
from mlcmkd.distillation.mlcm_kd import KTL
from mlcmkd.distillation.registration.config import RegistrationConfig
from mlcmkd.distillation.strategies import Distillation
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
from mlcmkd.stages.completed import is_complete
from mlcmkd.stages.objective import train_objective
from mlcmkd.stages.registration import RegisteredPairs, register_pairs, thermal_shapes_of
from mlcmkd.training.run_directory import ADAPTERS, REGISTRATION, WEIGHTS
from mlcmkd.utils.config import late
from mlcmkd.utils.errors import InputError

FIRST = "first"  # folder of the first student, in the run directory


class TransferConfig(StageConfig):
    """KTL: from an RGB teacher to a thermal student, usually of the same size."""

    teacher: Path = Field(description="Weights of the RGB teacher.")
    distillation: Distillation = Field(
        default=Distillation(), description="Strategy, decay and guide."
    )
    init: Literal["fresh", "teacher", "first"] = Field(
        default="teacher",
        description="Start the student from the teacher's weights, from random (fresh) ones, or from "
        "the first student's. From a teacher with another head, all weights except those of the head.",
    )
    size: SizeName | None = late(
        None, description=f"Size of the student: {SIZE_NAMES}; None for the teacher's."
    )
    head: Literal["heatmap", "coordinate"] | None = late(
        None, description="Head of the student; None for the teacher's."
    )
    registration: RegistrationConfig = late(
        RegistrationConfig(),
        description="Registration of the training pairs by the landmarks of teacher and first student.",
    )
    first: Path | None = late(
        None,
        description="Weights of the first student, a thermal network that is used by the registration "
        "and by init=first; None to train it from the labels alone, in the run directory.",
    )

    @property
    def registers(self) -> bool:
        """Whether the pairs are registered; without distillation terms this would have no effect."""
        return self.registration.motion != "none" and self.distillation.resolved().any()

    @property
    def uses_first(self) -> bool:
        """Whether a first student takes part, if not every pair is labelled."""
        return self.registers or self.init == "first"


@validates_config
@alone_in_process
def transfer(config: TransferConfig, *, progress: bool = True) -> dict[str, Any]:
    """KTL: trains a thermal student with an RGB teacher, by default of the same size.

    Args:
        config: validated parameters, or a mapping of their fields.
        progress: show progress bars.

    Returns:
        The run's result: validation scores and where the weights are.

    Raises:
        InputError: the teacher does not take RGB images, a student of another size is to start from its
            weights, or weights or data that cannot be used.
    """
    teacher = Landmarker.load(config.teacher)
    if teacher.spec.modality != "rgb":
        raise InputError(
            f"{config.teacher}: takes thermal images; give the weights of the RGB teacher, from "
            "`mlcmkd train`"
        )
    parts = config.data.load_sources(teacher.spec.input_px, config.seed, progress=progress)
    pairs = config.data.join(parts)
    teacher = in_scheme_of(pairs, teacher)
    pairs.require("rgb", "knowledge transfer")
    pairs.require("thermal", "knowledge transfer")
    first = _first_student(config, pairs, progress)
    registered = []
    if config.registers:
        registered = _register(config, parts, teacher, first, progress)
        pairs = config.data.join([each.pairs for each in registered])
    torch.manual_seed(config.seed)
    student = new_student(config, teacher, first, pairs)
    distillation = config.distillation
    if not distillation.resolved().any():
        pairs = only_labelled(pairs)
    found = [each.summary for each in registered]
    objective = KTL(teacher, student, distillation.resolved(), distillation.guide, adapters=True)
    adapters = objective.adapters
    return train_objective(
        objective,
        pairs,
        config,
        stage="transfer",
        distillation=distillation,
        rgb_teacher=teacher,
        save_beside=(lambda run: adapters.save(run / ADAPTERS)) if adapters else None,
        tables={REGISTRATION: [row for each in registered for row in each.rows]} if found else {},
        entries={"registration": found[0] if len(found) == 1 else found} if found else {},
        progress=progress,
    )


def new_student(
    config: TransferConfig, teacher: Landmarker, first: Landmarker | None, pairs: Pairs
) -> Landmarker:
    """The thermal student before its training; fresh weights depend on torch's random state.

    Args:
        config: of the training.
        teacher: the RGB teacher.
        first: the first student, from whose weights it starts if `init` is "first".
        pairs: the training pairs, which decide the temperature range of its input.

    Raises:
        InputError: it is to start from the weights of a network of another size.
    """
    spec = thermal_version(teacher.spec, pairs)
    if config.init == "teacher" and config.size not in (None, spec.size):
        raise InputError(
            f"size {config.size}: cannot start from the weights of a {spec.size} teacher; set init=fresh"
        )
    changes = {"size": config.size or spec.size, "head": config.head or spec.head}
    student = Landmarker(spec.model_copy(update=changes))
    if config.init == FIRST:
        initialise_from(student, first)
    if config.init == "teacher":
        initialise_from(student, teacher, but_the_head=student.spec.head != teacher.spec.head)
    return student


def first_student_config(config: TransferConfig) -> TransferConfig:
    """The config of the training of the first student: the run without distillation, in a subfolder.

    Only labelled thermal images are used, so errors of the camera rig have no effect. It is the
    teacher's network and starts from its weights, whatever the student is: with few labels, a new head
    or random weights are too inaccurate to measure shifts (docs/results/dual_injection.md). Only if the
    student starts from the first one (`init`), the two have the same network.
    """
    same = config.init == FIRST
    changes = {
        "out": config.out / FIRST,
        "data": config.data.model_copy(update={"misalignment": 0.0, "rig": Rig()}),
        "distillation": Distillation(strategy="none"),
        "init": "teacher",
        "size": config.size if same else None,
        "head": config.head if same else None,
        "registration": RegistrationConfig(),
        "first": None,
    }
    return config.model_copy(update=changes)


def _first_student(config: TransferConfig, pairs: Pairs, progress: bool) -> Landmarker | None:
    """The first student, trained if no weights are given; None if the run needs none.

    Raises:
        InputError: it takes no thermal images, or there is no label to train it from.
    """
    needed = config.init == FIRST or (config.registers and not pairs.fully_labelled.all())
    if not needed:
        return None
    weights = config.first
    if weights is None:
        if not pairs.labelled.any():
            raise InputError(
                "no pair has a label, so no first student can be trained for the registration; give "
                "thermal weights by first=WEIGHTS, such as those of the bundled model"
            )
        alone = first_student_config(config)
        if not is_complete(alone):
            transfer(alone, progress=progress)
        weights = alone.out / WEIGHTS
    first = Landmarker.load(weights)
    if first.spec.modality != "thermal":
        raise InputError(
            f"{weights}: takes RGB images; first names the weights of a thermal network"
        )
    return first


def _register(
    config: TransferConfig,
    parts: list[Pairs],
    teacher: Landmarker,
    first: Landmarker | None,
    progress: bool,
) -> list[RegisteredPairs]:
    """The registered pairs of each source; the sources may come from different camera rigs."""
    shapes: list[Any] = [None] * len(parts)
    if first is not None:
        seen = parts
        if first.spec.input_px != parts[0].input_px or first.spec.normalisation == "fixed":
            # The same pairs with the crop size and the temperature range of this network's training.
            size, radiometry = first.spec.input_px, first.spec.radiometry
            seen = config.data.load_sources(
                size, config.seed, radiometry=radiometry, progress=progress
            )
        shapes = thermal_shapes_of(first, seen)
    return [
        register_pairs(part, teacher, each, config.registration)
        for part, each in zip(parts, shapes, strict=True)
    ]
