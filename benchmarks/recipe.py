"""Which training recipe is best: one factor at a time at equal time, on validation photos.

    python benchmarks/recipe.py --photos data/300w --precision bf16-mixed --table results/recipe.csv
    python benchmarks/recipe.py --photos data/300w --precision bf16-mixed --time

Each variant changes one factor of the training of `slim` at 64 px on 300W's photos, or on its simulated
thermal images (`--modality thermal`). All are scored on the validation split (NME, inter-ocular), from
the image alone and from the image and its mirror image. Weights, order and augmentation change with the
seed. Completed runs are reused, so the command resumes.

A variant has as much time as the base. Its number of steps is that of the base, divided by the time of
its steps over the base's where they differ by more than 2 %. `--time` measures these ratios: the steps
of the training loop in turn, one thread. The two variants with a longer training say so in their names.
"""

import argparse
import json
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from recipe_training import objective_of, optimised_by, pairs_of, train_recipe
from recipe_variants import (
    AUGMENTATION,
    BASE,
    FLIP,
    INPUT_PX,
    LEARNING_RATE,
    STEPS,
    VARIANTS,
    RecipeConfig,
)
from variants import PlannedVariant, Rows, VariantStudy, as_table

from mlcmkd.cli import guarded
from mlcmkd.data.modality import Modality
from mlcmkd.evaluation.evaluate import evaluate_model
from mlcmkd.models import Landmarker
from mlcmkd.studies.cluster import Cluster
from mlcmkd.studies.config import short_hash
from mlcmkd.studies.reuse import get_or_train
from mlcmkd.studies.runner import run_study
from mlcmkd.studies.study import Row
from mlcmkd.training.config import FitConfig
from mlcmkd.training.fabric import make_fabric
from mlcmkd.training.run_directory import WEIGHTS
from mlcmkd.training.trainer import Trainer
from mlcmkd.utils.errors import InputError

COLUMNS = (
    "variant", "modality", "seed", "size", "batch", "steps", "nme", "nme_flipped", "run",
)  # fmt: skip
ROUNDS = 15  # of `--time`


class RecipeStudy(VariantStudy):
    """The variants with all seeds as a study.

    Args:
        variants: names of the variants.
        modality: of the images that the network takes.
        fit: training loop of the base.

    Other arguments as in `VariantStudy`.
    """

    def __init__(
        self,
        table: Path,
        out: Path,
        photos: Path,
        variants: Sequence[str],
        modality: Modality,
        seeds: Sequence[int],
        fit: FitConfig,
    ):
        super().__init__(table, COLUMNS, out, photos, photos, variants, seeds, "val")
        self.modality, self.fit = modality, fit

    def planned(self, name: str, seed: int) -> PlannedVariant:
        variant = VARIANTS[name]
        fit = variant.fit | {"steps": round(variant.steps * self.fit.steps)}
        fields = {"size": "slim"} | variant.recipe
        config = RecipeConfig(
            out=self.folder,
            modality=self.modality,
            input_px=INPUT_PX,
            data={"source": str(self.photos)},
            fit=self.fit.model_copy(update=fit),
            augmentation=AUGMENTATION,
            seed=seed,
            **fields,
        )
        run = short_hash(json.dumps([config.model_dump_json(exclude={"out", "data"}), self.stamps]))
        return PlannedVariant(name, config.model_copy(update={"out": self.folder / run}), run)

    def make(self, planned: PlannedVariant) -> Row:
        """Train one variant and score it."""
        folder = get_or_train(train_recipe, planned.config, progress=False)
        model = Landmarker.load(folder / WEIGHTS)
        pairs = pairs_of(str(self.photos), "val")
        return {
            column: 100 * evaluate_model(model, pairs, self.modality, flip=flip).nme
            for column, flip in (("nme", False), ("nme_flipped", True))
        }

    def row(self, planned: PlannedVariant, result: Row) -> Row:
        config = planned.config
        return {
            "variant": planned.variant,
            "modality": self.modality,
            "seed": config.seed,
            "size": config.size,
            "batch": config.fit.batch,
            "steps": config.fit.steps,
            "run": planned.run,
            **{name: round(value, 4) for name, value in result.items()},
        }

    def step_times(self) -> dict[str, float]:
        """Time of a step of each variant over that of the base: medians of steps in turn."""
        pairs = pairs_of(str(self.photos), "train")
        trainers = {}
        for name in self.names:
            config = self.planned(name, 0).config
            with optimised_by(config.optimizer):
                trainers[name] = Trainer.prepare(
                    make_fabric(config.fit), objective_of(config, pairs), pairs, config.fit,
                    config.augmentation, 0, None,
                )  # fmt: skip
            trainers[name].wrapped.train()
        times: dict[str, list[float]] = {name: [] for name in self.names}
        for step in range(ROUNDS + 1):
            for name, trainer in trainers.items():
                started = time.process_time()  # of the processor: the machine may be busy
                trainer.step(step)
                times[name].append(time.process_time() - started)
        medians = {name: statistics.median(values[1:]) for name, values in times.items()}
        return {name: value / medians[BASE] for name, value in medians.items()}


def with_flip(rows: Rows) -> list[dict[str, str]]:
    """The rows, and those of the base scored with mirror images as a variant of its own."""
    flipped = [
        row | {"variant": FLIP, "nme": row["nme_flipped"]} for row in rows if row["variant"] == BASE
    ]
    return [*rows, *flipped]


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options of the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=Path, required=True, help="manifest of 300W")
    parser.add_argument("--table", type=Path, default=Path("results/recipe.csv"),
                        help="CSV that rows are added to")  # fmt: skip
    parser.add_argument("--modality", choices=("rgb", "thermal"), default="rgb")
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, metavar="NAME",
                        default=list(VARIANTS),
                        help="; ".join(VARIANTS).replace("%", "%%"))  # fmt: skip
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=STEPS, help="steps of the base")
    parser.add_argument("--precision", default="32-true",
                        help="bf16-mixed is faster on a processor with such units")  # fmt: skip
    parser.add_argument("--jobs", type=int, default=1, help="processes, with one thread each")
    parser.add_argument("--out", type=Path, default=Path("runs/recipe"), help="folder of the runs")
    parser.add_argument("--dry-run", action="store_true",
                        help="only report what is missing, and the existing rows")  # fmt: skip
    parser.add_argument("--time", action="store_true",
                        help="only measure the steps of the variants")  # fmt: skip
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse(arguments)
    fit = FitConfig(
        steps=options.steps,
        batch=32,
        evaluations=1,
        learning_rate=LEARNING_RATE,
        precision=options.precision,
        accelerator="cpu",
    )
    study = RecipeStudy(
        options.table,
        options.out,
        options.photos,
        options.variants,
        options.modality,
        options.seeds,
        fit,
    )
    if options.time:
        torch.set_num_threads(1)
        for name, ratio in study.step_times().items():
            print(f"{ratio:5.2f}  {name}")
        return
    failed = run_study(study, Cluster(workers=options.jobs), dry_run=options.dry_run)
    if rows := study.rows():
        print(as_table(with_flip(rows), {"nme": f"300W, {options.modality}"}, BASE))
    if failed:
        raise InputError(f"{len(failed)} runs failed; the same command tries them again")


if __name__ == "__main__":
    guarded(main)
