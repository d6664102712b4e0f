"""What rendered faces give a model that is then trained on photos, and what gain control adds.

    python benchmarks/rendered_pretraining.py --photos data/300w --real data/knapik --jobs 2 \\
        --precision bf16-mixed --table results/rendered_pretraining.csv

A training on 300W starts from random weights or from the bundled model of the same network, which was
trained on rendered faces: `half` on photos, `slim` on simulated thermal images, with all labels or with
100. Thermal models are also trained with automatic gain control as augmentation. All are scored on
photos or simulated thermal images of the same split (inter-ocular), thermal models also on the Knapik
frames (box), which no training has seen. Weights, the choice of the labels and the augmentation change
with the seed. `--final` scores the same trainings on the test splits instead of the validation splits:
use it once, when nothing is tuned any more. Completed runs are reused.
"""

import argparse
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from variants import PlannedVariant, VariantStudy, as_table, nme_of

from mlcmkd.cli import guarded
from mlcmkd.data.modality import Modality
from mlcmkd.data.transforms import Augmentation
from mlcmkd.deployment.weights import bundled_weights
from mlcmkd.stages.train import TrainConfig, train
from mlcmkd.studies.cluster import Cluster
from mlcmkd.studies.config import short_hash
from mlcmkd.studies.reuse import get_or_train
from mlcmkd.studies.runner import run_study
from mlcmkd.studies.study import Row
from mlcmkd.training.config import FitConfig
from mlcmkd.utils.errors import InputError

COLUMNS = (
    "variant", "seed", "start", "labels", "agc", "steps", "split", "nme_photos", "nme_real", "run",
)  # fmt: skip
SIZES: dict[Modality, str] = {"rgb": "half", "thermal": "slim"}  # those of the bundled models
INPUT_PX = 64
AGC = 0.6  # share of the images, as for the bundled thermal model
FEW = 100
# As the light students of experiments/students.yaml.
AUGMENTATION = Augmentation(rotation=10, scale=0.08, shift=0.03, photometry=0.4, occlusion=0.1)
LEARNING_RATE = 0.008


class Variant(NamedTuple):
    """A training: modality, whether it starts from the bundled model, number of labels, share of AGC."""

    modality: Modality
    rendered: bool
    labels: int | None
    agc: float = 0

    @property
    def name(self) -> str:
        start = "rendered" if self.rendered else "random"
        labels = "all labels" if self.labels is None else f"{self.labels} labels"
        return f"{self.modality}, {labels}, {start}" + (", gain control" if self.agc else "")


VARIANTS = (
    Variant("rgb", False, None),
    Variant("rgb", True, None),
    Variant("rgb", False, FEW),
    Variant("rgb", True, FEW),
    Variant("thermal", False, None),
    Variant("thermal", False, None, AGC),
    Variant("thermal", True, None),
    Variant("thermal", True, None, AGC),
    Variant("thermal", False, FEW),
    Variant("thermal", True, FEW),
    Variant("thermal", True, FEW, AGC),
)
# Comparisons of the printed tables: each group, and the variant that the others are compared with.
GROUPS = (
    ("RGB, all labels", VARIANTS[0:2]),
    ("RGB, few labels", VARIANTS[2:4]),
    ("Thermal, all labels", VARIANTS[4:8]),
    ("Thermal, few labels", VARIANTS[8:11]),
)


class Steps(NamedTuple):
    """Steps of a training with all labels, and of one with few."""

    all: int
    few: int

    def of(self, variant: Variant) -> int:
        return self.all if variant.labels is None else self.few


class PretrainingStudy(VariantStudy):
    """The variants with all seeds as a study; the seed is that of weights, labels and augmentation.

    Args:
        variants: what to train.
        steps: of the trainings.
        fit: training loop, but for its steps.

    Other arguments as in `VariantStudy`.
    """

    def __init__(
        self,
        table: Path,
        out: Path,
        photos: Path,
        real: Path,
        variants: Sequence[Variant],
        seeds: Sequence[int],
        steps: Steps,
        fit: FitConfig,
        split: str = "val",
    ):
        self.variants = {variant.name: variant for variant in variants}
        super().__init__(table, COLUMNS, out, photos, real, list(self.variants), seeds, split)
        self.steps, self.fit = steps, fit

    def planned(self, name: str, seed: int) -> PlannedVariant:
        variant = self.variants[name]
        modality = variant.modality
        start = bundled_weights(modality) if variant.rendered else None
        config = TrainConfig(
            out=self.folder,
            modality=modality,
            size=SIZES[modality],
            input_px=INPUT_PX,
            init=start,
            data={"source": str(self.photos), "labelled": variant.labels},
            fit=self.fit.model_copy(update={"steps": self.steps.of(variant)}),
            augmentation=AUGMENTATION.model_copy(update={"agc": variant.agc}),
            seed=seed,
        )
        text = config.model_dump_json(exclude={"out", "init", "data"})
        weights = None if start is None else hashlib.sha256(start.read_bytes()).hexdigest()
        trained = short_hash(json.dumps([text, weights, variant.labels, self.stamps[1]]))
        # Both splits are scored with the same training.
        config = config.model_copy(update={"out": self.folder / trained})
        run = short_hash(json.dumps([trained, self.stamps, self.split]))
        return PlannedVariant(name, config, run)

    def make(self, planned: PlannedVariant) -> Row:
        """Train one variant and score it."""
        folder = get_or_train(train, planned.config, progress=False)
        modality = planned.config.modality
        scores = {"nme_photos": nme_of(folder, self.photos, self.split, modality, "inter-ocular")}
        if modality == "thermal":
            scores["nme_real"] = nme_of(folder, self.real, self.split, modality, "box")
        return scores

    def row(self, planned: PlannedVariant, result: Row) -> Row:
        variant, config = self.variants[planned.variant], planned.config
        return {
            "variant": variant.name,
            "seed": config.seed,
            "start": "rendered" if variant.rendered else "random",
            "labels": "all" if variant.labels is None else variant.labels,
            "agc": variant.agc,
            "steps": config.fit.steps,
            "split": self.split,
            "nme_real": "",
            "run": planned.run,
            **result,
        }


def as_tables(rows: Sequence[dict[str, str]]) -> str:
    """A Markdown table for each group; differences are from its first variant, paired by seed."""
    parts = []
    for title, variants in GROUPS:
        names = [variant.name for variant in variants]
        if chosen := [row for row in rows if row["variant"] in names]:
            columns = {"nme_photos": "300W"}
            if variants[0].modality == "thermal":
                columns = {"nme_photos": "300W, simulated thermal", "nme_real": "Knapik"}
            parts.append(f"{title}\n\n{as_table(chosen, columns, names[0])}")
    return "\n\n".join(parts)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options of the command."""
    names = {variant.name: variant for variant in VARIANTS}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=Path, required=True, help="manifest of 300W")
    parser.add_argument("--real", type=Path, required=True, help="manifest of the Knapik frames")
    parser.add_argument("--table", type=Path, required=True, help="CSV that rows are added to")
    parser.add_argument("--variants", nargs="+", choices=names, metavar="NAME",
                        default=list(names), help="; ".join(names))  # fmt: skip
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, nargs=2, default=[4000, 600], metavar=("ALL", "FEW"),
                        help="steps with all labels, and with few")  # fmt: skip
    parser.add_argument("--learning-rate", type=float, default=LEARNING_RATE)
    parser.add_argument("--precision", default="32-true",
                        help="bf16-mixed is faster on a processor with such units")  # fmt: skip
    parser.add_argument("--jobs", type=int, default=1, help="processes, with one thread each")
    parser.add_argument("--out", type=Path, default=Path("runs/rendered_pretraining"),
                        help="folder of the runs")  # fmt: skip
    parser.add_argument("--final", action="store_true", help="score the test splits instead")
    parser.add_argument("--dry-run", action="store_true",
                        help="only report what is missing, and the existing rows")  # fmt: skip
    options = parser.parse_args(arguments)
    options.variants = [names[name] for name in options.variants]
    return options


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse(arguments)
    fit: dict[str, Any] = {
        "batch": 32,
        "evaluations": 2,
        "learning_rate": options.learning_rate,
        "precision": options.precision,
        "accelerator": "cpu",
    }
    study = PretrainingStudy(
        options.table,
        options.out,
        options.photos,
        options.real,
        options.variants,
        options.seeds,
        Steps(*options.steps),
        FitConfig(**fit),
        "test" if options.final else "val",
    )
    failed = run_study(study, Cluster(workers=options.jobs), dry_run=options.dry_run)
    if rows := study.rows():
        print(as_tables(rows))
    if failed:
        raise InputError(f"{len(failed)} runs failed; the same command tries them again")


if __name__ == "__main__":
    guarded(main)
