"""What makes a synthetic face useful to a real thermal camera: an ablation of the renderer.

    python benchmarks/synthetic_ablation.py --photos data/300w --real data/knapik --jobs 2 \\
        --table results/synthetic_ablation.csv --figure docs/figures/synthetic_ablation.png

Each variant switches a part of the rendering or of the augmentation off, or changes the number of faces
or their yaw. It trains the network of the bundled thermal model on rendered faces as that model was
trained (experiments/bundled_thermal.yaml), for fewer steps, one process with one thread for each run.
It is scored on the Knapik development sequences (box) and on 300W's validation photos with simulated
thermal images (inter-ocular), whose faces no training has seen. Weights, order and augmentation change
with the seed; the faces are the same for all seeds. Completed runs are reused, so the command resumes.
`--final` scores the same trainings on the test splits (Knapik test sequences, lfpw_test) instead: use
it once, when nothing is tuned any more.

The column `renderer` is a digest of a few rendered faces. Rows of another version of the renderer are
not mixed with those of this one: after a change of the renderer, all runs are made again.
"""

import argparse
import hashlib
import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pydantic import Field
from rendered_sets import load_set, render_set, set_file
from variants import PlannedVariant, VariantStudy, as_table, draw, nme_of

from mlcmkd.cli import guarded
from mlcmkd.cli.configs import read_params
from mlcmkd.stages.train import TrainConfig, train_on
from mlcmkd.studies.cluster import Cluster
from mlcmkd.studies.config import short_hash
from mlcmkd.studies.reuse import get_or_train
from mlcmkd.studies.runner import run_study
from mlcmkd.studies.study import Row, Say
from mlcmkd.synthetic.faces import make_faces
from mlcmkd.synthetic.realism import Realism
from mlcmkd.training.config import FitConfig
from mlcmkd.utils.errors import InputError

FACES = 8000
FACES_SEED = 0  # one set of faces for all seeds: rendering takes longer than training
HELD = 200  # rendered validation faces, for the log of a training
STEPS = 2000
# Network, augmentation and learning rate are those of the bundled thermal model.
_PARAMETERS = Path(__file__).parents[1] / "experiments/bundled_thermal.yaml"
BUNDLED = TrainConfig.model_validate({**read_params(_PARAMETERS), "out": "runs"})
AGC = BUNDLED.augmentation.agc
COLUMNS = (
    "variant", "seed", "faces", "steps", "split", "nme_real", "nme_simulated", "renderer", "run",
)  # fmt: skip
TEST_SETS = {"nme_real": "Knapik, real frames (box)", "nme_simulated": "300W, simulated thermal"}


class Variant(NamedTuple):
    """A variant: fields of `Realism` that differ from their defaults, number of faces, share of AGC."""

    realism: dict[str, Any] = {}
    faces: int = FACES
    agc: float = AGC


GEOMETRY_ONLY = {"anatomy": False, "warm_orbit": False, "curvature": False}
FULL = "full"
VARIANTS = {
    FULL: Variant(),
    "without gain control": Variant(agc=0),
    "without curvature": Variant({"curvature": False}),
    "without warm orbit": Variant({"warm_orbit": False}),
    "geometry only": Variant(GEOMETRY_ONLY),
    "narrow yaw (12 degrees)": Variant({"yaw_deviation": 12}),
    "wide yaw (36 degrees)": Variant({"yaw_deviation": 36}),
    "2,000 faces": Variant(faces=2000),
    "32,000 faces": Variant(faces=32000),
}


class VariantConfig(TrainConfig):
    """A training on rendered faces; the rendering is part of the config, so of the run's identity."""

    realism: dict[str, Any] = Field(default={}, description="Fields of Realism.")
    renderer: str = Field(description="Digest of a few faces of this renderer.")


@lru_cache(maxsize=1)
def renderer_digest() -> str:
    """A digest of a few rendered faces, which changes with the renderer."""
    faces = make_faces(4, seed=0, workers=1)
    digest = hashlib.sha256()
    for values in (faces.thermal, faces.landmarks):
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()[:12]


def faces_file(config: VariantConfig) -> Path:
    """The file of the faces of a run, beside its directory."""
    folder = config.out.parent / "faces"
    return set_file(folder, config.renderer, Realism(**config.realism), FACES_SEED, config.input_px)


def train_variant(config: VariantConfig, *, progress: bool = True) -> Row:
    """Train on the faces that the config describes, which `AblationStudy.prepare` rendered."""
    pairs = load_set(faces_file(config), config.data.synthetic_train, config.input_px)
    return train_on(pairs, config, progress=progress)


class AblationStudy(VariantStudy):
    """The variants with all seeds as a study; the seed is that of weights, order and augmentation.

    Args:
        variants: by name.
        fit: training loop.

    Other arguments as in `VariantStudy`.
    """

    def __init__(
        self,
        table: Path,
        out: Path,
        photos: Path,
        real: Path,
        variants: dict[str, Variant],
        seeds: Sequence[int],
        fit: FitConfig,
        split: str = "val",
    ):
        super().__init__(table, COLUMNS, out, photos, real, list(variants), seeds, split)
        self.variants, self.fit = variants, fit

    def planned(self, name: str, seed: int) -> PlannedVariant:
        variant = self.variants[name]
        config = VariantConfig(
            out=self.folder,
            **BUNDLED.model_dump(include={"modality", "size", "input_px"}),
            data={
                "synthetic_train": variant.faces,
                "synthetic_held": HELD,
                "synthetic_seed": FACES_SEED,
            },
            fit=self.fit,
            augmentation=BUNDLED.augmentation.model_copy(update={"agc": variant.agc}),
            seed=seed,
            realism=variant.realism,
            renderer=renderer_digest(),
        )
        text = config.model_dump_json(exclude={"out"})
        # Both splits are scored with the same training.
        config = config.model_copy(update={"out": self.folder / short_hash(text)})
        run = short_hash(json.dumps([text, self.stamps, self.split]))
        return PlannedVariant(name, config, run)

    def prepare(
        self, missing: Sequence[PlannedVariant], rows: Sequence[dict[str, str]], say: Say
    ) -> list[Row]:
        """Render the faces of the missing runs, those that several runs share once."""
        counts: dict[Path, int] = {}
        configs = {}
        for planned in missing:
            file = faces_file(planned.config)
            counts[file] = max(counts.get(file, 0), planned.config.data.synthetic_train)
            configs[file] = planned.config
        for file, count in counts.items():
            config = configs[file]
            say(f"{count} faces, {config.realism or 'all features'}")
            render_set(file, count, Realism(**config.realism), FACES_SEED, config.input_px)
        return []

    def make(self, planned: PlannedVariant) -> Row:
        """Train one variant and score it."""
        folder = get_or_train(train_variant, planned.config, progress=False)
        sets = {"nme_real": (self.real, "box"), "nme_simulated": (self.photos, "inter-ocular")}
        return {
            name: nme_of(folder, source, self.split, "thermal", normaliser)
            for name, (source, normaliser) in sets.items()
        }

    def row(self, planned: PlannedVariant, result: Row) -> Row:
        config = planned.config
        return {
            "variant": planned.variant,
            "seed": config.seed,
            "faces": config.data.synthetic_train,
            "steps": config.fit.steps,
            "split": self.split,
            "renderer": config.renderer,
            "run": planned.run,
            **result,
        }


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options of the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=Path, required=True, help="manifest of 300W")
    parser.add_argument("--real", type=Path, required=True, help="manifest of the Knapik frames")
    parser.add_argument("--table", type=Path, required=True, help="CSV that rows are added to")
    parser.add_argument("--figure", type=Path, help="PNG to draw")
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, metavar="NAME",
                        default=list(VARIANTS), help="; ".join(VARIANTS))  # fmt: skip
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--precision", default="32-true",
                        help="bf16-mixed is faster on a processor with such units")  # fmt: skip
    parser.add_argument("--jobs", type=int, default=1, help="processes, with one thread each")
    parser.add_argument("--out", type=Path, default=Path("runs/synthetic_ablation"),
                        help="folder of the runs")  # fmt: skip
    parser.add_argument("--final", action="store_true", help="score the test splits instead")
    parser.add_argument("--dry-run", action="store_true",
                        help="only report what is missing, and the existing rows")  # fmt: skip
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse(arguments)
    fit = BUNDLED.fit.model_copy(
        update={
            "steps": options.steps,
            "precision": options.precision,
            "evaluations": 2,
            "accelerator": "cpu",
        }
    )
    study = AblationStudy(
        options.table,
        options.out,
        options.photos,
        options.real,
        {name: VARIANTS[name] for name in options.variants},
        options.seeds,
        fit,
        "test" if options.final else "val",
    )
    failed = run_study(study, Cluster(workers=options.jobs), dry_run=options.dry_run)
    if rows := study.rows():
        print(as_table(rows, TEST_SETS, FULL))
        if options.figure is not None:
            draw(rows, TEST_SETS, FULL, options.figure)
    if failed:
        raise InputError(f"{len(failed)} runs failed; the same command tries them again")


if __name__ == "__main__":
    guarded(main)
