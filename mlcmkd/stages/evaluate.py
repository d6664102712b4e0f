"""The stage `evaluate`: scores of weights on a split."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from mlcmkd.data.config import DataConfig
from mlcmkd.data.modality import Modality
from mlcmkd.evaluation.evaluate import Scores, check_input, evaluate_model
from mlcmkd.evaluation.metrics import NORMALISERS, Normaliser
from mlcmkd.models import Landmarker
from mlcmkd.stages.common import locks_its_run, validates_config
from mlcmkd.stages.score_tables import write_scores
from mlcmkd.training.provenance import data_hash
from mlcmkd.training.run_directory import Run
from mlcmkd.utils.config import Config, late
from mlcmkd.utils.errors import InputError


class EvaluateConfig(Config):
    """Which weights are scored, on which pairs, and how."""

    out: Path = Field(description="Run directory to write.")
    weights: Path = Field(description="Weights of a Landmarker.")
    data: DataConfig = Field(default=DataConfig(), description="Which pairs.")
    split: Literal["train", "val", "test"] = Field(default="test", description="Split to score.")
    modality: Modality | None = Field(
        default=None, description="Modality of the input; None for that of the weights."
    )
    normaliser: Normaliser = Field(
        default="inter-ocular", description="Distance that errors are divided by."
    )
    threshold: float = Field(
        default=0.08, gt=0, lt=1, description="Threshold of FR and AUC, a share: 0.08 is 8 %."
    )
    visible_only: bool = Field(
        default=False, description="Leave out points that the data set marks as hidden."
    )
    flip: bool = late(
        False,
        description="Score the mean of the predictions on the image and on its mirror image, at twice "
        "the time.",
    )


@validates_config
@locks_its_run
def evaluate(config: EvaluateConfig, *, progress: bool = True) -> tuple[dict[str, Any], Scores]:
    """Scores weights on a split; writes the tables of `score_tables` and result.json.

    Args:
        config: validated parameters, or a mapping of their fields.
        progress: show progress bars.

    Returns:
        The content of result.json, and the scores.

    Raises:
        InputError: weights or data that cannot be used, another command writes `out`, or
            `visible_only` for a data set that does not mark hidden points.
    """
    model = Landmarker.load(config.weights)
    modality = config.modality or model.spec.modality
    pairs = config.data.load(
        config.split,
        model.spec.input_px,
        radiometry=model.spec.radiometry,
        modalities={modality},
        progress=progress,
    )
    check_input(model, pairs, modality, "evaluation")
    run = Run(config.out, "evaluate", config)
    run.note(data=data_hash(pairs))
    if config.visible_only and pairs.visible is None:
        raise InputError(
            f"{config.data.source}: no row marks hidden points; leave out visible_only"
        )
    scores = evaluate_model(
        model,
        pairs,
        modality,
        config.normaliser,
        config.threshold,
        visible_only=config.visible_only,
        flip=config.flip,
        progress=progress,
    )
    write_scores(run, scores)
    result = run.finish(
        split=config.split,
        modality=modality,
        parameters=model.parameter_count(),
        weights=str(config.weights),
        normaliser_is=NORMALISERS[config.normaliser],
        **scores.summary(),
    )
    return result, scores
