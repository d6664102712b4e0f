"""The whole path in one go: teacher, transfer, compress, and every score of it in one table."""

import csv
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from mlcmkd.data.config import DataConfig
from mlcmkd.data.pairs import need_splits
from mlcmkd.data.transforms import Augmentation
from mlcmkd.distillation.strategies import Distillation
from mlcmkd.evaluation.metrics import Normaliser
from mlcmkd.models import SizeName
from mlcmkd.stages.compress import CompressConfig, compress
from mlcmkd.stages.evaluate import EvaluateConfig, evaluate
from mlcmkd.stages.train import TrainConfig, train
from mlcmkd.stages.transfer import TransferConfig, transfer
from mlcmkd.studies.reuse import get_or_train
from mlcmkd.training.loop import FitConfig
from mlcmkd.training.run_directory import WEIGHTS

TABLE = "results.csv"


class PathConfig(BaseModel):
    """What the path needs to know.

    Attributes:
        out: folder of the runs and of the table.
        data: pairs to learn from and to be tested on: a manifest's folder, or "synthetic".
        zero_shot: a thermal manifest that nothing is trained on, scored as it stands; its "val"
            split is the one that anything may have been tuned on.
        size, light: of the teacher and its student, and of the light student.
        input_px: side of the networks' input.
        train, transfer, compress: the loop's knobs of each stage.
        ktl, mcl: how the teacher of each level is listened to.
        augmentation: how strongly pairs are moved and disturbed.
        seed: of everything.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    out: Path
    data: DataConfig = DataConfig()
    zero_shot: Path | None = None
    size: SizeName = "base"
    light: SizeName = "slim"
    input_px: int = 96
    train: FitConfig = FitConfig()
    transfer: FitConfig = FitConfig()
    compress: FitConfig = FitConfig()
    ktl: Distillation = Distillation()
    mcl: Distillation = Distillation()
    augmentation: Augmentation = Augmentation()
    seed: int = Field(default=0, ge=0)


def run_path(config: PathConfig, *, progress: bool = True) -> list[dict[str, Any]]:
    """Trains what does not stand yet, scores all of it, and writes `results.csv`.

    Returns:
        The table's rows: model, the side it read, benchmark, and the scores with their normaliser.
    """
    _need_splits(config)
    common = {"data": config.data, "augmentation": config.augmentation, "seed": config.seed}
    teacher = get_or_train(
        train,
        TrainConfig(
            out=config.out / "teacher",
            size=config.size,
            input_px=config.input_px,
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
            distillation=config.mcl,
            fit=config.compress,
            **common,
        ),
        progress=progress,
    )
    models = {"RGB teacher": teacher, "KTL student": student, "light student": light}
    rows = []
    for name, run in models.items():
        sides = ("rgb", "thermal") if run is teacher else ("thermal",)
        for side in sides:
            rows.append(_score(config, config.data, name, run, side, "test", "inter-ocular", 0.08))
        if config.zero_shot is not None:
            unseen = DataConfig(source=str(config.zero_shot))
            for split in ("val", "test"):
                rows.append(_score(config, unseen, name, run, "thermal", split, "box", 0.08))
    with (config.out / TABLE).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return rows


def _need_splits(config: PathConfig) -> None:
    """Looks for what is scored at the end before hours of training are spent.

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
    side: str,
    split: str,
    normaliser: Normaliser,
    threshold: float,
) -> dict[str, Any]:
    """One row of the table; the faces' own errors stay in a run directory of their own."""
    benchmark = Path(data.source).name
    result, _ = evaluate(
        EvaluateConfig(
            out=config.out / f"score-{run.name}-{side}-{benchmark}-{split}",
            weights=run / WEIGHTS,
            data=data,
            split=split,
            modality=side,
            normaliser=normaliser,
            threshold=threshold,
        ),
        progress=False,
    )
    for told_elsewhere in ("weights", "normaliser_is"):
        result.pop(told_elsewhere)
    return {"model": name, "reads": side, "benchmark": benchmark, "seed": config.seed} | {
        key: value for key, value in result.items() if key != "modality"
    }


def as_table(rows: list[dict[str, Any]]) -> str:
    """The rows as a Markdown table, percent where a column says so."""
    head = (
        "| model | reads | benchmark | faces | NME (%) [95 % interval] | near-frontal (%) "
        "| FR (%) | AUC | parameters |"
    )
    lines = [head, "|" + " --- |" * 9]
    for row in rows:
        frontal = row["nme_near_frontal_percent"]
        frontal = "none" if frontal is None else f"{frontal:.2f}"
        lines.append(
            f"| {row['model']} | {row['reads']} | {row['benchmark']} {row['split']}, "
            f"{row['normaliser']} | {row['faces']} | {row['nme_percent']:.2f} "
            f"[{row['nme_low_percent']:.2f}, {row['nme_high_percent']:.2f}] "
            f"| {frontal} | {100 * row['failure_rate']:.1f} "
            f"| {row['auc']:.3f} | {row['parameters'] / 1e6:.2f} M |"
        )
    return "\n".join(lines)
