"""Why simulated thermal images are hard for a model: parts of the simulation removed one by one.

    python benchmarks/simulated_difficulty.py data/300w
    python benchmarks/simulated_difficulty.py data/300w --weights WEIGHTS --draws 3

The photos of a split are simulated several times, each time with one group of the simulation's
parameters at a neutral value, and scored with the bundled thermal model, which was trained on rendered
faces only, or with other weights. Every variant starts from the same random states (`--draws` for each
photo), so differences are paired by photo. The first row is the bundled RGB model on the photos
themselves: what pose, shape and annotation cost. NME is inter-ocular.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from data_prep.simulation.settings import SimulationSettings
from data_prep.simulation.simulate import simulate_for_photo
from mlcmkd.cli import guarded
from mlcmkd.data.dataset import MARGIN, Pairs, stored_px
from mlcmkd.data.manifest import PairRow, read_rows
from mlcmkd.data.manifest_pairs import load_manifest, read_rgb
from mlcmkd.data.thermal.radiometry import FACE_CELSIUS
from mlcmkd.deployment.weights import bundled_weights
from mlcmkd.evaluation.evaluate import evaluate_model
from mlcmkd.evaluation.metrics import bootstrap_interval
from mlcmkd.models import Landmarker
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.markdown import markdown_table
from mlcmkd.utils.progress import tqdm

_FACE = (
    "nose", "nose_weak", "midface", "cheeks", "forehead", "chin", "beard", "eye_socket", "eye_corner",
    "eyeball", "eyelid", "brow", "lips", "mouth_line", "mouth_inside", "nostril", "crease", "limb",
    "ear", "neck", "jaw_shadow",
)  # fmt: skip


def _middles(*names: str) -> dict[str, tuple[float, float]]:
    """Ranges that contain only their middle value."""
    defaults = SimulationSettings()
    middle = {name: float(np.mean(getattr(defaults, name))) for name in names}
    return {name: (value, value) for name, value in middle.items()}


GROUPS: dict[str, dict[str, Any]] = {
    "gain control and 8 bits": {"gain_control": 0, "eight_bit_share": 0},
    "blur, noise, sharpening": {
        "blur_px": (0.3, 0.3), "netd": (0.02, 0.02), "stripes": (0, 0), "sharpen_share": 0,
    },
    "low resolution of the sensor": {"sensor_px": (400, 400)},
    "texture and edges of the photo": {"texture": (0, 0), "edges": (0, 0)},
    "background": {
        "hot_background": 0, "background_field": (0, 0), "background_photo": (0, 0), "warm_object": 0,
    },
    "glasses, hands, beards": {"glasses_share": 0, "hand_share": 0, "beard_share": 0},
    "signs and sizes of differences in the face": _middles("contrast", "face_field", *_FACE),
}  # fmt: skip
EVERYTHING = {name: value for group in GROUPS.values() for name, value in group.items()}


def variants() -> dict[str, SimulationSettings]:
    """The simulation as it is, without each group, and without all."""
    return {
        "simulated thermal images": SimulationSettings(),
        **{f"without {name}": SimulationSettings(**group) for name, group in GROUPS.items()},
        "without all of these": SimulationSettings(**EVERYTHING),
    }


def simulated(
    photos: list[np.ndarray],
    rows: list[PairRow],
    pairs: Pairs,
    settings: SimulationSettings,
    draw: int,
) -> Pairs:
    """The same faces with thermal images of these settings."""
    size = stored_px(pairs.input_px)
    images = np.empty((len(rows), 1, size, size), np.uint16)
    for n, (photo, row, crop) in enumerate(zip(photos, rows, pairs.crops, strict=True)):
        marks = np.array(row.landmarks)
        celsius = simulate_for_photo(photo, marks, row.id, 0, number=draw, settings=settings)
        unit = crop.cut(FACE_CELSIUS.to_unit(celsius), size, MARGIN)
        images[n, 0] = np.rint(unit * 65535).astype(np.uint16)
    return replace(pairs, thermal=torch.from_numpy(images), radiometry=FACE_CELSIUS)


def line(
    name: str, errors: np.ndarray, frontal: np.ndarray, reference: np.ndarray | None
) -> dict[str, str]:
    """A row of the table; the difference from `reference` has a bootstrap interval over photos."""
    found = {
        "images": name,
        "NME (%)": f"{errors.mean():.2f}",
        "near-frontal": f"{errors[frontal].mean():.2f}",
        "median": f"{np.median(errors):.2f}",
        "difference": "",
    }
    if reference is not None:
        low, high = bootstrap_interval(errors - reference)
        found["difference"] = f"{(errors - reference).mean():.2f} [{low:.2f}, {high:.2f}]"
    return found


def parse() -> argparse.Namespace:
    """The options of the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path, help="manifest of 300W, 68 points")
    parser.add_argument("--split", default="val")
    parser.add_argument(
        "--weights", type=Path, help="of a thermal model; the bundled one by default"
    )
    parser.add_argument("--draws", type=int, default=3, help="simulated images for each photo")
    return parser.parse_args()


def main() -> None:
    options = parse()
    model = Landmarker.load(options.weights or bundled_weights("thermal"))
    teacher = Landmarker.load(bundled_weights("rgb"))
    if model.spec.modality != "thermal":
        raise InputError(f"{options.weights}: takes RGB input; give the weights of a thermal model")
    rows = [row for row in read_rows(options.photos) if row.split == options.split]
    pairs = load_manifest(options.photos, options.split, model.spec.input_px)
    photos = [read_rgb(options.photos, row) for row in rows]
    on_photos = evaluate_model(teacher, pairs, "rgb")
    frontal = on_photos.frontal
    lines = [line("photos, RGB model", 100 * on_photos.per_face, frontal, None)]
    reference = None
    for name, settings in tqdm(variants().items(), desc="variants"):
        draws = [
            100
            * evaluate_model(
                model, simulated(photos, rows, pairs, settings, draw), "thermal"
            ).per_face
            for draw in range(1, options.draws + 1)
        ]
        errors = np.mean(draws, axis=0)
        lines.append(line(name, errors, frontal, reference))
        reference = errors if reference is None else reference
    print(markdown_table(lines))


if __name__ == "__main__":
    guarded(main)
