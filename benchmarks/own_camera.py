"""What a few labelled frames of one's own camera give: `python benchmarks/own_camera.py KNAPIK`.

Deviations that are calibrated on rendered faces are too small on a real camera. `mlcmkd calibrate` fits
their two numbers again. Here it gets `OWN` labelled frames of half of the Knapik development sequences
and is measured on the other half, `DRAWS` times with other halves. `--final` calibrates with frames of
the development sequences and measures on the test sequences, on which no choice may depend.
"""

import argparse
import os
from pathlib import Path

import numpy as np
from uncertainty import Found, manifest_faces, predict

from mlcmkd.data.crops import CROP_SCALE, tight_box
from mlcmkd.data.manifest import read_rows
from mlcmkd.deployment.predictor import Predictor
from mlcmkd.evaluation.calibration import fit_deviation, measure_coverage
from mlcmkd.training.provenance import processor_name
from mlcmkd.utils.markdown import markdown_table

OWN, DRAWS = 50, 10  # labelled frames, and how often they are drawn


def relative(predictor: Predictor, folder: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Deviations (N, K) and errors (N, K, 2) of a split from the boxes of its labels, over the crop."""
    images, truth, scheme = manifest_faces(folder, split, 1)
    boxes = [tight_box(marks) for marks in truth]
    found: Found = predict(predictor, images, boxes, truth, scheme)
    side = np.array([max(x1 - x0, y1 - y0) for x0, y0, x1, y1 in boxes]) * CROP_SCALE
    return found.deviation / side[:, None], found.errors / side[:, None, None]


def sequences_of(folder: Path, split: str) -> np.ndarray:
    """The sequence of each face of a split, from ids such as "1_Man_Normal/Imag_00000"."""
    rows = [row for row in read_rows(folder) if row.split == split and row.landmarks is not None]
    return np.array([row.id.rpartition("/")[0] for row in rows])


def shares(
    deviation: np.ndarray, errors: np.ndarray, own: tuple[np.ndarray, np.ndarray]
) -> list[float]:
    """Percent of the errors within 1 and 2 deviations, before and after a calibration with `own` faces.

    Args:
        deviation, errors: of the measured faces.
        own: the same of the faces of the calibration. The calibration is a power law, and two power
            laws in sequence are one, so it makes no difference that the deviations are already
            calibrated.
    """
    scale, power = fit_deviation(*own)
    both = [measure_coverage(each, errors) for each in (deviation, scale * deviation**power)]
    return [100 * share for held in both for share in (held.within_one, held.within_two)]


def row(name: str, draws: list[list[float]]) -> dict[str, object]:
    """Mean and standard deviation over the draws."""
    mean, sd = np.mean(draws, axis=0), np.std(draws, axis=0)
    texts = [f"{value:.1f} ± {deviation:.1f}" for value, deviation in zip(mean, sd, strict=True)]
    return {
        "measured on": name,
        "within 1 (%), as bundled": texts[0],
        "within 2 (%), as bundled": texts[1],
        f"within 1 (%), {OWN} frames": texts[2],
        f"within 2 (%), {OWN} frames": texts[3],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("knapik", type=Path, help="manifest of the Knapik frames")
    parser.add_argument("--weights", help="thermal weights; by default the bundled model")
    parser.add_argument("--final", action="store_true", help="also the test sequences")
    arguments = parser.parse_args()
    print(f"{processor_name()}, {os.cpu_count()} cores\n")
    predictor, rng = Predictor(arguments.weights), np.random.default_rng(0)
    deviation, errors = relative(predictor, arguments.knapik, "val")
    sequences = sequences_of(arguments.knapik, "val")
    draws = []
    for _ in range(DRAWS):
        names = rng.permutation(np.unique(sequences))
        half = np.isin(sequences, names[: len(names) // 2])
        own = rng.choice(np.nonzero(half)[0], OWN, replace=False)
        draws.append(shares(deviation[~half], errors[~half], (deviation[own], errors[own])))
    rows = [row("development, the other sequences", draws)]
    if arguments.final:
        test, draws = relative(predictor, arguments.knapik, "test"), []
        for _ in range(DRAWS):
            own = rng.choice(len(deviation), OWN, replace=False)
            draws.append(shares(*test, (deviation[own], errors[own])))
        rows.append(row("test", draws))
    print(markdown_table(rows))


if __name__ == "__main__":
    main()
