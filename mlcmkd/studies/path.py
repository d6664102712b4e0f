"""The whole path: the stages train, transfer and compress, and all scores in one table."""

import csv
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from pydantic import Field

from mlcmkd.data.config import DataConfig
from mlcmkd.data.manifest_pairs import need_splits
from mlcmkd.data.modality import Modality
from mlcmkd.data.transforms import Augmentation
from mlcmkd.distillation.strategies import Distillation
from mlcmkd.evaluation.metrics import Normaliser
from mlcmkd.models import SIZE_NAMES, SizeName
from mlcmkd.stages.compress import CompressConfig, compress
from mlcmkd.stages.evaluate import EvaluateConfig, evaluate
from mlcmkd.stages.train import TrainConfig, train
from mlcmkd.stages.transfer import TransferConfig, transfer
from mlcmkd.studies.reuse import get_or_train
from mlcmkd.training.config import FitConfig
from mlcmkd.training.run_directory import WEIGHTS, lock_run
from mlcmkd.utils.config import Config, Seed, late
from mlcmkd.utils.markdown import markdown_table
from mlcmkd.utils.writing import replacing

TABLE = "results.csv"
TEACHER = "RGB teacher"
FAILURE_THRESHOLD = 0.08  # threshold of the NME for FR (failure rate) and AUC, a share


class PathConfig(Config):
    """Parameters of the whole path."""

    out: Path = Field(description="Folder of the runs and of the table.")
    data: DataConfig = Field(
        default=DataConfig(), description="Which pairs, for training and testing."
    )
    zero_shot: Path | None = Field(
        default=None,
        description="Folder of a thermal manifest that is only scored, never trained on; "
        "hyperparameters may have been chosen on its validation split.",
    )
    size: SizeName = Field(
        default="base", description=f"Size of the teacher and of its student: {SIZE_NAMES}."
    )
    light: SizeName = Field(default="slim", description="Size of the light student.")
    init: Path | None = late(
        None, description="Start the teacher from these weights, see TrainConfig."
    )
    light_init: Path | None = late(
        None, description="Start the light student from these weights, see CompressConfig."
    )
    input_px: int = Field(
        default=96, description="Side of the networks' input, pixels; a multiple of 32."
    )
    train: FitConfig = Field(
        default=FitConfig(), description="Hyperparameters of the teacher's training."
    )
    transfer: FitConfig = Field(
        default=FitConfig(), description="Hyperparameters of the transfer's training."
    )
    compress: FitConfig = Field(
        default=FitConfig(), description="Hyperparameters of the compression's training."
    )
    ktl: Distillation = Field(default=Distillation(), description="Distillation of the transfer.")
    mcl: Distillation = Field(
        default=Distillation(), description="Distillation of the compression."
    )
    augmentation: Augmentation = Field(
        default=Augmentation(), description="Augmentation of the training images."
    )
    seed: Seed = Field(default=0, description="Seed of every stage, see StageConfig.")


def run_path(config: PathConfig, *, progress: bool = True) -> list[dict[str, Any]]:
    """Trains the three networks, scores them, and writes `results.csv`. Completed runs are reused.

    Args:
        config: the parameters.
        progress: show progress bars.

    Returns:
        The table's rows: model, input modality, benchmark, and the scores with their normaliser.

    Raises:
        InputError: a manifest lacks a split that is scored, or another command writes `out`.
    """
    _need_splits(config)
    alone = config.train.processes == config.transfer.processes == config.compress.processes == 1
    # With several processes, none knows its rank before the first training.
    with lock_run(config.out) if alone else nullcontext():
        return _run(config, progress)


def _run(config: PathConfig, progress: bool) -> list[dict[str, Any]]:
    models = _train(config, progress)
    rows = []
    for name, run in models.items():
        for modality in ("rgb", "thermal") if name == TEACHER else ("thermal",):
            rows.append(_score(config, config.data, name, run, modality, "test", "inter-ocular"))
        if config.zero_shot is not None:
            unseen = DataConfig(source=str(config.zero_shot))
            for split in ("val", "test"):
                rows.append(_score(config, unseen, name, run, "thermal", split, "box"))
    with (
        replacing(config.out / TABLE) as part,
        part.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return rows


def _train(config: PathConfig, progress: bool) -> dict[str, Path]:
    """The run directories of the three networks, by the names in the table."""
    common = {"data": config.data, "augmentation": config.augmentation, "seed": config.seed}
    teacher = get_or_train(
        train,
        TrainConfig(
            out=config.out / "teacher",
            size=config.size,
            input_px=config.input_px,
            init=config.init,
            fit=config.train,
            **common,
        ),
        progress=progress,
    )
    student = get_or_train(
        transfer,
        TransferConfig(
            out=config.out / "student",
            teacher=teacher / WEIGHTS,
            distillation=config.ktl,
            fit=config.transfer,
            **common,
        ),
        progress=progress,
    )
    light = get_or_train(
        compress,
        CompressConfig(
            out=config.out / "light",
            teacher=student / WEIGHTS,
            size=config.light,
            init=config.light_init,
            distillation=config.mcl,
            fit=config.compress,
            **common,
        ),
        progress=progress,
    )
    return {TEACHER: teacher, "KTL student": student, "light student": light}


def _need_splits(config: PathConfig) -> None:
    """Checks before the training that the splits for the scores exist.

    Raises:
        InputError: a manifest lacks a split that is scored.
    """
    if config.data.source != "synthetic":
        need_splits(Path(config.data.source), "train", "val", "test")
    if config.zero_shot is not None:
        need_splits(config.zero_shot, "val", "test")


def _score(
    config: PathConfig,
    data: DataConfig,
    name: str,
    run: Path,
    modality: Modality,
    split: str,
    normaliser: Normaliser,
) -> dict[str, Any]:
    """One row of the table; the errors of the faces are written to a separate run directory."""
    benchmark = Path(data.source).name
    result, _ = evaluate(
        EvaluateConfig(
            out=config.out / f"score-{run.name}-{modality}-{benchmark}-{split}",
            weights=run / WEIGHTS,
            data=data,
            split=split,
            modality=modality,
            normaliser=normaliser,
            threshold=FAILURE_THRESHOLD,
        ),
        progress=False,
    )
    for field in ("weights", "normaliser_is", "modality"):
        result.pop(field)
    return {
        "model": name,
        "reads": modality,
        "benchmark": benchmark,
        "seed": config.seed,
    } | result


def as_table(rows: list[dict[str, Any]]) -> str:
    """The rows as a Markdown table; shares in percent where a heading says so."""
    return markdown_table([_table_line(row) for row in rows])


def _table_line(row: dict[str, Any]) -> dict[str, str]:
    frontal = row["nme_near_frontal_percent"]
    low, high = row["nme_low_percent"], row["nme_high_percent"]
    return {
        "model": row["model"],
        "reads": row["reads"],
        "benchmark": f"{row['benchmark']} {row['split']}, {row['normaliser']}",
        "faces": str(row["faces"]),
        "NME (%) [95 % interval]": f"{row['nme_percent']:.2f} [{low:.2f}, {high:.2f}]",
        "near-frontal (%)": "none" if frontal is None else f"{frontal:.2f}",
        "FR (%)": f"{100 * row['failure_rate']:.1f}",
        "AUC": f"{row['auc']:.3f}",
        "parameters": f"{row['parameters'] / 1e6:.2f} M",
    }
