"""The stage `evaluate`: scores of weights on a split."""

from pathlib import Path
from typing import Any, Literal

from pydantic import (
    Field,
)

from mlcmkd.data.config import DataConfig
from mlcmkd.data.modality import Modality
from mlcmkd.evaluation.evaluate import Scores, evaluate_model
from mlcmkd.evaluation.metrics import NORMALISERS, Normaliser
from mlcmkd.models import Landmarker
from mlcmkd.stages.score_tables import write_scores
from mlcmkd.training.provenance import data_hash
from mlcmkd.training.run_directory import Run
from mlcmkd.utils.config import Config
from mlcmkd.utils.errors import InputError


class EvaluateConfig(Config):
    """Scores of weights on a split.

    Attributes:
        out: run directory.
        weights: a Landmarker.
        data, split: which pairs.
        modality: which side is read; None for the one the weights were trained on.
        normaliser: what distances are divided by.
        threshold: of FR and AUC, a share: 0.08 is 8 %.
        visible_only: leave points out that the data set says are hidden.
    """

    out: Path
    weights: Path
    data: DataConfig = DataConfig()
    split: Literal["train", "val", "test"] = "test"
    modality: Modality | None = None
    normaliser: Normaliser = "inter-ocular"
    threshold: float = Field(default=0.08, gt=0, lt=1)
    visible_only: bool = False


def evaluate(config: EvaluateConfig, *, progress: bool = True) -> tuple[dict[str, Any], Scores]:
    """Scores weights on a split; writes the tables of `reports` and result.json.

    Returns:
        what result.json holds, and the scores.
    """
    model = Landmarker.load(config.weights)
    modality = config.modality or model.spec.modality
    pairs = config.data.load(config.split, model.spec.input_px, progress=progress)
    run = Run(config.out, "evaluate", config)
    run.note(data=data_hash(pairs))
    if config.visible_only and pairs.visible is None:
        raise InputError(f"{config.data.source}: no row says which points are hidden")
    scores = evaluate_model(
        model,
        pairs,
        modality,
        config.normaliser,
        config.threshold,
        visible_only=config.visible_only,
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
