"""What the training stages share: their config, and the run from an objective to a scored student."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import (
    Field,
)
from torch import nn
from tqdm.auto import tqdm

from mlcmkd.data.config import DataConfig
from mlcmkd.data.pairs import Pairs
from mlcmkd.data.transforms import Augmentation
from mlcmkd.distillation.strategies import Distillation
from mlcmkd.evaluation.evaluate import evaluate_model
from mlcmkd.evaluation.invariance import FEWEST, measure_invariance
from mlcmkd.models import Landmarker, ModelSpec
from mlcmkd.training import checkpoint
from mlcmkd.training.loop import FitConfig, fit
from mlcmkd.training.run_directory import Run, data_hash, manifest_stamp
from mlcmkd.utils.config import Config
from mlcmkd.utils.errors import InputError


class StageConfig(Config):
    """What every training stage is told.

    Attributes:
        out: run directory.
        data: which pairs.
        fit: the loop's knobs.
        augmentation: how strongly pairs are moved and disturbed.
        seed: of the weights, the drawn pairs, the shuffling and the augmentation.
    """

    out: Path
    data: DataConfig = DataConfig()
    fit: FitConfig = FitConfig()
    augmentation: Augmentation = Augmentation()
    seed: int = Field(default=0, ge=0)


def fit_and_save(
    objective: nn.Module,
    student: Landmarker,
    pairs: Pairs,
    config: StageConfig,
    run: Run,
    *,
    distillation: Distillation | None,
    progress: bool,
    rgb_teacher: Landmarker | None = None,
) -> dict[str, Any]:
    """The shared end of the three training stages.

    Where the teacher reads RGB, how much its features and the student's are alike is logged as well.
    """
    modality = student.spec.modality
    held = config.data.load("val", student.spec.input_px, progress=progress)
    run.note(
        data=data_hash(pairs),
        manifest=manifest_stamp(config.data.source),
        pairs=len(pairs),
        labelled=int(pairs.labelled.sum()),
    )

    def validate() -> float:
        return evaluate_model(student, held, modality).nme

    try:
        fabric = fit(
            objective,
            pairs,
            config.fit,
            run,
            augmentation=config.augmentation,
            seed=config.seed,
            validate=validate,
            observe=_invariance(rgb_teacher, student, held) if rgb_teacher else None,
            distillation=distillation,
            progress=progress,
        )
    except KeyboardInterrupt:
        tqdm.write(
            f"{run.path}: stopped; the same command goes on from the state that was kept last"
        )
        raise
    if run.writes:
        student.save(run.weights)
        checkpoint.remove(run.path)
    scores = evaluate_model(student, held, modality)
    run.errors(scores.rows())
    result = run.finish(
        split="val",
        modality=modality,
        parameters=student.parameter_count(),
        weights=str(run.weights),
        **scores.summary(),
    )
    fabric.barrier()  # what comes next may read the weights that the first process wrote
    return result


def spec_of(config: Any, pairs: Pairs) -> ModelSpec:
    """The model that a config with `size`, `head`, `input_px`, `normalisation`, `modality` asks for."""
    return ModelSpec(
        size=config.size,
        head=config.head,
        scheme=pairs.scheme,
        input_px=config.input_px,
        normalisation=config.normalisation,
        modality=config.modality,
        radiometry=pairs.radiometry if config.modality == "thermal" else None,
    )


def _invariance(
    teacher: Landmarker, student: Landmarker, held: Pairs
) -> Callable[[], dict[str, float]] | None:
    """What `fit` logs beside the NME; None where the held-out pairs are too few to say anything."""
    paired = held.rgb is not None and held.thermal is not None
    if not paired or int(held.labelled.sum()) < FEWEST or len(set(held.subjects)) < 2:
        return None
    return lambda: measure_invariance(teacher, student, held).summary()


def answering(teacher: Landmarker, pairs: Pairs) -> Landmarker:
    """The teacher as it answers in the pairs' scheme.

    Raises:
        InputError: some of the scheme's points are none of the teacher's.
    """
    return teacher if teacher.spec.scheme == pairs.scheme else teacher.for_scheme(pairs.scheme)


def thermal_spec(spec: ModelSpec, pairs: Pairs) -> ModelSpec:
    """The same model, reading the pairs' thermal images."""
    return spec.model_copy(update={"modality": "thermal", "radiometry": pairs.radiometry})


def only_labelled(pairs: Pairs) -> Pairs:
    """What a student without a teacher learns from.

    Nobody answers for rows without a label, and batches half empty would be an unfair rival.
    """
    if not pairs.labelled.any():
        raise InputError("no pair has a label, and training without a teacher has nothing else")
    return pairs.only_labelled()


def start_from(student: Landmarker, other: Landmarker) -> None:
    """Copies the weights of a Landmarker of the same shape."""
    try:
        student.load_state_dict(other.state_dict())
    except RuntimeError:
        raise InputError(
            f"cannot start a {student.spec.size} model from a {other.spec.size} one: their "
            "weights differ in shape"
        ) from None
