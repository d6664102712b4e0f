"""What the training stages share: their config, the student's network, and its first weights."""

from collections.abc import Callable
from contextlib import nullcontext
from functools import wraps
from inspect import signature
from pathlib import Path
from typing import Any, Literal, ParamSpec, Protocol, TypeVar

from pydantic import Field

from mlcmkd.data.config import DataConfig
from mlcmkd.data.dataset import Pairs
from mlcmkd.data.modality import Modality
from mlcmkd.data.thermal.model_range import check_model_range
from mlcmkd.data.transforms import Augmentation
from mlcmkd.models import Landmarker, ModelSpec, SizeName
from mlcmkd.training.config import FitConfig
from mlcmkd.training.run_directory import lock_run
from mlcmkd.utils.config import Config, Seed
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.processes import process_state

P, R = ParamSpec("P"), TypeVar("R")


def validates_config(stage: Callable[P, R]) -> Callable[P, R]:
    """Decorator: the stage's first argument, `config`, may also be a mapping of the config's fields.

    Other types raise an InputError. Put it above other decorators, because they read the config.
    """
    kind = signature(stage).parameters["config"].annotation

    @wraps(stage)
    def validated(config: Any, *args: Any, **kwargs: Any) -> R:
        return stage(kind.validated("config", config), *args, **kwargs)

    return validated


def alone_in_process(stage: Callable[P, R]) -> Callable[P, R]:
    """Decorator: the stage waits until no other thread of this process trains.

    Training stages seed torch's random state, which all threads share. Two stages at the same time would
    get other random numbers than one stage alone.
    """

    @wraps(stage)
    def waiting(*args: P.args, **kwargs: P.kwargs) -> R:
        with process_state:
            return stage(*args, **kwargs)

    return waiting


def locks_its_run(stage: Callable[P, R]) -> Callable[P, R]:
    """Decorator: a stage of one process locks its run directory (`out` of its config) until it ends.

    Training stages do this in `train_objective` instead, after their processes have joined.
    """

    @wraps(stage)
    def locked(*args: P.args, **kwargs: P.kwargs) -> R:
        out = (args[0] if args else kwargs["config"]).out
        with lock_run(out) if out is not None else nullcontext():
            return stage(*args, **kwargs)

    return locked


class StageConfig(Config):
    """The fields that every training stage has."""

    out: Path = Field(description="Run directory to write.")
    data: DataConfig = Field(default=DataConfig(), description="Which pairs.")
    fit: FitConfig = Field(default=FitConfig(), description="Hyperparameters of the training loop.")
    augmentation: Augmentation = Field(
        default=Augmentation(), description="Augmentation of the training images."
    )
    seed: Seed = Field(
        default=0,
        description="Seed of the weights, the choice of pairs, their order and the augmentation.",
    )


class NetworkFields(Protocol):
    """The fields of a stage's config that describe the network to train, see `ModelSpec`."""

    size: SizeName
    head: Literal["heatmap", "coordinate"]
    input_px: int
    normalisation: Literal["fixed", "image"]
    modality: Modality


def network_spec(config: NetworkFields, pairs: Pairs) -> ModelSpec:
    """The network that a config describes, for the landmark scheme and thermal scale of the pairs."""
    return ModelSpec(
        size=config.size,
        head=config.head,
        scheme=pairs.scheme,
        input_px=config.input_px,
        normalisation=config.normalisation,
        modality=config.modality,
        radiometry=pairs.radiometry if config.modality == "thermal" else None,
    )


def thermal_version(spec: ModelSpec, pairs: Pairs) -> ModelSpec:
    """The same network for the pairs' thermal images, without a calibration: its errors are unknown."""
    changed = {"modality": "thermal", "radiometry": pairs.radiometry, "calibration": None}
    return spec.model_copy(update=changed)


def in_scheme_of(pairs: Pairs, teacher: Landmarker) -> Landmarker:
    """The teacher with the outputs of the pairs' landmark scheme.

    Raises:
        InputError: the teacher does not have all points of that scheme.
    """
    return teacher if teacher.spec.scheme == pairs.scheme else teacher.for_scheme(pairs.scheme)


def only_labelled(pairs: Pairs) -> Pairs:
    """The labelled pairs, for a training without a teacher.

    A control without a teacher cannot use unlabelled pairs; with them, its batches would be partly
    empty, and the comparison unfair.

    Raises:
        InputError: no pair is labelled.
    """
    if not pairs.labelled.any():
        raise InputError("no pair has a label; a training without a teacher needs labelled pairs")
    return pairs.only_labelled()


def initialise_from(student: Landmarker, other: Landmarker, *, but_the_head: bool = False) -> None:
    """Copies the weights of a Landmarker of the same architecture into the student.

    Args:
        student: network whose weights are replaced in place.
        other: network whose weights are copied.
        but_the_head: do not replace the student's head, because the heads are of different kinds.

    Raises:
        InputError: the shapes of the weights differ, or the temperature ranges of the two inputs differ.
    """
    old, new = other.spec, student.spec
    if old.modality == new.modality:
        check_model_range(old.radiometry, new.radiometry, new.normalisation, "the training pairs")
    try:
        weights = other.landmark_state()
        if but_the_head:
            own = {k: v for k, v in student.state_dict().items() if k.startswith("head.")}
            weights = {k: v for k, v in weights.items() if not k.startswith("head.")} | own
        student.load_state_dict(weights)
    except RuntimeError:
        raise InputError(
            f"cannot start a {student.spec.size} model from a {other.spec.size} one: their "
            "weights differ in shape"
        ) from None
