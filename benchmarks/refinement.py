"""Whether a second look helps: `python benchmarks/refinement.py [--knapik DATA] [--photos DATA]`.

The boxes of labelled faces are shifted and scaled at random, by up to a share of their side, and the
bundled models predict in one to three passes: each pass after the first crops around the landmarks of
the pass before. Sets: rendered faces, real frames of the Knapik sequences, 300W's photos and their
simulated thermal images. Errors are means over faces and three random boxes each.
"""

import argparse
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mlcmkd.cli import guarded
from mlcmkd.data.crops import tight_box
from mlcmkd.data.images import read_image
from mlcmkd.data.manifest import inside, points_of, read_rows
from mlcmkd.data.modality import Modality
from mlcmkd.data.pairs import synthetic_faces
from mlcmkd.deployment.predictor import Predictor
from mlcmkd.evaluation.metrics import face_errors, failure_rate, point_errors
from mlcmkd.schemes import map_indices
from mlcmkd.training.provenance import processor_name
from mlcmkd.utils.markdown import markdown_table

DISTURBANCES = (0.0, 0.1, 0.2)  # largest shift and change of size, shares of the box's side
DRAWS = 3
PASSES = (1, 2, 3)


class FaceSet(NamedTuple):
    """Images of one face each, their landmarks (N, K, 2), and how errors are normalised."""

    name: str
    modality: Modality
    images: list[np.ndarray]
    truth: np.ndarray
    scheme: str
    normaliser: str


def rendered(split: str, count: int) -> Iterator[FaceSet]:
    """Rendered faces of both modalities."""
    faces = synthetic_faces(split, count)
    for modality, images in (("thermal", faces.thermal), ("rgb", faces.rgb)):
        truth = faces.landmarks
        yield FaceSet("rendered faces", modality, list(images), truth, "ibug68", "inter-ocular")


def of_manifest(
    name: str, folder: Path, split: str, every: int, normaliser: str
) -> Iterator[FaceSet]:
    """Every n-th labelled image of a manifest's split, for each modality that it has."""
    rows = [row for row in read_rows(folder) if row.split == split and row.landmarks is not None]
    rows = rows[::every]
    truth = np.stack([points_of(row) for row in rows])
    scheme = {54: "sf_tl54", 68: "ibug68"}[truth.shape[1]]
    for modality in ("thermal", "rgb"):
        files = [getattr(row, f"{modality}_file_name") for row in rows]
        if all(files):
            images = [read_image(inside(folder, file)) for file in files]
            yield FaceSet(name, modality, images, truth, scheme, normaliser)


def disturbed(box: Sequence[float], most: float, rng: np.random.Generator) -> tuple:
    """A box that is shifted and scaled at random by up to a share of its side."""
    x0, y0, x1, y1 = box
    side = max(x1 - x0, y1 - y0)
    dx, dy = rng.uniform(-most, most, 2) * side
    factor = 1 + rng.uniform(-most, most)
    half = np.array([x1 - x0, y1 - y0]) / 2 * factor
    middle = np.array([(x0 + x1) / 2 + dx, (y0 + y1) / 2 + dy])
    return (*(middle - half).tolist(), *(middle + half).tolist())


def rows_of(faces: FaceSet) -> Iterator[dict[str, object]]:
    """A row for each size of the disturbance."""
    predictor = Predictor(modality=faces.modality)
    picked = list(map_indices(predictor.network.scheme, faces.scheme))
    units = [predictor.to_unit(image) for image in faces.images]
    for most in DISTURBANCES:
        rng = np.random.default_rng(0)
        row: dict[str, object] = {
            "images": f"{faces.name}, {faces.modality}",
            "faces": len(units),
            "box moved by up to (%)": round(100 * most),
        }
        errors: dict[int, list[np.ndarray]] = {passes: [] for passes in PASSES}
        for _ in range(DRAWS if most else 1):
            boxes = [disturbed(tight_box(points), most, rng) for points in faces.truth]
            crops = [
                predictor.face_crops(unit, box)[0] for unit, box in zip(units, boxes, strict=True)
            ]
            for passes in PASSES:
                found = predictor.predict_crops(replace(crop, passes=passes) for crop in crops)
                points = np.stack([face.landmarks for face in found])[:, picked]
                errors[passes].append(
                    face_errors(point_errors(points, faces.truth, faces.scheme, faces.normaliser))
                )
        for passes, values in errors.items():
            joined = np.concatenate(values)
            share = 100 * failure_rate(joined, 0.08)
            row[f"{passes} passes: NME (FR), %"] = f"{100 * joined.mean():.2f} ({share:.1f})"
        yield row


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--split", default="val", choices=["val", "test"])
    parser.add_argument("--faces", type=int, default=400, help="rendered faces")
    parser.add_argument("--knapik", type=Path, help="manifest of real thermal frames")
    parser.add_argument("--photos", type=Path, help="manifest of 300W")
    parser.add_argument(
        "--every", type=int, default=1, help="use every n-th image of the manifests"
    )
    options = parser.parse_args(arguments)
    print(f"{processor_name()}, {os.cpu_count()} cores; split {options.split}\n", flush=True)
    sets = list(rendered(options.split, options.faces))
    if options.knapik:
        sets += of_manifest("Knapik", options.knapik, options.split, options.every, "box")
    if options.photos:
        sets += of_manifest("300W", options.photos, options.split, options.every, "inter-ocular")
    print(markdown_table([row for faces in sets for row in rows_of(faces)]))


if __name__ == "__main__":
    guarded(main)
