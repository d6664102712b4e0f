"""Whether further passes help: `python benchmarks/refinement.py [--knapik DATA] [--photos DATA]`.

The images of labelled faces are turned alternately to the right and to the left (`--rolls`), the faces'
boxes are shifted and scaled at random, by up to a share of their side (`--moves`), and the bundled
models predict in one to three passes: each pass after the first crops around the landmarks of the pass
before, turned by the roll of the head. "Upright" are three passes with crops that are not turned.
Sets: rendered faces, real frames of the Knapik sequences, 300W's photos and their simulated thermal
images. Errors are means over faces and three random boxes each.
"""

import argparse
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from mlcmkd.cli import guarded
from mlcmkd.data.crops import Crop, tight_box
from mlcmkd.data.images import read_image
from mlcmkd.data.manifest import inside, points_of, read_rows
from mlcmkd.data.modality import Modality
from mlcmkd.data.pairs import synthetic_faces
from mlcmkd.deployment.faces import FaceCrop, FaceLandmarks
from mlcmkd.deployment.predictor import Predictor
from mlcmkd.evaluation.metrics import face_errors, failure_rate, point_errors
from mlcmkd.schemes import map_indices
from mlcmkd.training.provenance import processor_name
from mlcmkd.utils.markdown import markdown_table

MOVES = (0.0, 0.1, 0.2)  # largest shift and change of size, shares of the box's side
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


def turned(image: np.ndarray, points: np.ndarray, degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """An image turned clockwise on a larger canvas, its border repeated, and its landmarks (K, 2)."""
    if degrees == 0:
        return image, points
    height, width = image.shape[:2]
    side = int(np.ceil(np.hypot(height, width)))
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shift = (side - 1) / 2 - turn @ ((width - 1) / 2, (height - 1) / 2)
    matrix = np.column_stack((turn, shift))
    canvas = cv2.warpAffine(image, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE)
    return canvas, points @ turn.T + shift


def upright_passes(predictor: Predictor, crops: list[FaceCrop], passes: int) -> list[FaceLandmarks]:
    """Passes that crop around the landmarks of the pass before, but never turn the crop."""
    faces = predictor.predict_crops(crops)
    for _ in range(passes - 1):
        crops = [
            replace(crop, crop=Crop.around(tight_box(face.landmarks)))
            for crop, face in zip(crops, faces, strict=True)
        ]
        faces = predictor.predict_crops(crops)
    return faces


def rows_of(
    faces: FaceSet, rolls: Sequence[float], moves: Sequence[float]
) -> Iterator[dict[str, object]]:
    """A row for each roll and each size of the box's disturbance."""
    predictor = Predictor(modality=faces.modality)
    units = [predictor.to_unit(image) for image in faces.images]
    for roll in rolls:
        signed = [roll if n % 2 else -roll for n in range(len(units))]
        rolled = [turned(*each) for each in zip(units, faces.truth, signed, strict=True)]
        for most in moves:
            yield {
                "images": f"{faces.name}, {faces.modality}",
                "faces": len(units),
                "roll": roll,
                "box moved by up to (%)": round(100 * most),
            } | errors_of(predictor, faces, rolled, most)


def errors_of(
    predictor: Predictor,
    faces: FaceSet,
    rolled: list[tuple[np.ndarray, np.ndarray]],
    most: float,
) -> dict[str, str]:
    """NME and failures for each number of passes, over random boxes."""
    picked = list(map_indices(predictor.network.scheme, faces.scheme))
    truth = np.stack([points for _, points in rolled])
    errors: dict[str, list[np.ndarray]] = {}
    rng = np.random.default_rng(0)
    for _ in range(DRAWS if most else 1):
        crops = [
            FaceCrop(unit, Crop.around(disturbed(tight_box(points), most, rng)))
            for unit, points in rolled
        ]
        ways = {
            f"{passes} passes": predictor.predict_crops(
                replace(each, passes=passes) for each in crops
            )
            for passes in PASSES
        }
        ways["upright"] = upright_passes(predictor, crops, PASSES[-1])
        for way, found in ways.items():
            points = np.stack([face.landmarks for face in found])[:, picked]
            distances = point_errors(points, truth, faces.scheme, faces.normaliser)
            errors.setdefault(way, []).append(face_errors(distances))
    row = {}
    for way, values in errors.items():
        joined = np.concatenate(values)
        share = 100 * failure_rate(joined, 0.08)
        row[f"{way}: NME (FR), %"] = f"{100 * joined.mean():.2f} ({share:.1f})"
    return row


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--split", default="val", choices=["val", "test"])
    parser.add_argument("--faces", type=int, default=400, help="rendered faces")
    parser.add_argument("--knapik", type=Path, help="manifest of real thermal frames")
    parser.add_argument("--photos", type=Path, help="manifest of 300W")
    parser.add_argument(
        "--every", type=int, default=1, help="use every n-th image of the manifests"
    )
    parser.add_argument("--rolls", type=float, nargs="+", default=[0], help="degrees")
    parser.add_argument("--moves", type=float, nargs="+", default=MOVES, help="shares of a side")
    options = parser.parse_args(arguments)
    print(f"{processor_name()}, {os.cpu_count()} cores; split {options.split}\n", flush=True)
    sets = list(rendered(options.split, options.faces))
    if options.knapik:
        sets += of_manifest("Knapik", options.knapik, options.split, options.every, "box")
    if options.photos:
        sets += of_manifest("300W", options.photos, options.split, options.every, "inter-ocular")
    rows = [row for each in sets for row in rows_of(each, options.rolls, options.moves)]
    print(markdown_table(rows))


if __name__ == "__main__":
    guarded(main)
