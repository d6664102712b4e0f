"""The scores in the tables of studies."""

from pathlib import Path

from mlcmkd.data.config import DataConfig
from mlcmkd.data.modality import Modality
from mlcmkd.stages.evaluate import EvaluateConfig, evaluate
from mlcmkd.stages.train import train
from mlcmkd.studies.config import BenchmarkStudyConfig, teacher_config
from mlcmkd.studies.reuse import get_or_train
from mlcmkd.training.run_directory import WEIGHTS


def nme_percent(
    weights: Path, data: DataConfig, out: Path, split: str, modality: Modality
) -> float:
    """NME (inter-ocular, percent) of weights on a split.

    Args:
        weights: weights of a Landmarker.
        data: the pairs.
        out: run directory for the scores.
        split: "train", "val" or "test".
        modality: modality of the input.

    Raises:
        InputError: weights or data that cannot be used.
    """
    result, _ = evaluate(
        EvaluateConfig(out=out, weights=weights, data=data, split=split, modality=modality),
        progress=False,
    )
    return result["nme_percent"]


def teacher_nme(config: BenchmarkStudyConfig, name: str) -> float:
    """NME (inter-ocular, percent) of a benchmark's RGB teacher on RGB; trains it if it is missing."""
    teacher = get_or_train(train, teacher_config(config, name))
    score = teacher / f"score-{config.split}"
    data = config.benchmarks[name].data
    return nme_percent(teacher / WEIGHTS, data, score, config.split, "rgb")
