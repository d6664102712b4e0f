"""How well one warm blob is a face box: `python benchmarks/detect.py [--knapik data/knapik]`.

Embedded test faces are pasted into larger rooms with warm and cold things (240 x 320, the face's image
0.35 to 1 of its height, 0 to 3 things of -4 to +25 degrees against the room); real frames are those of
a manifest of 8-bit thermal images with landmarks. For each way to place the face: how often its box
meets the tight box of the landmarks (IoU > 0.5; for "looks" the last square it read), and the NME that
results, beside the box of the labels itself. Medians, because a lost face has no meaningful mean; FR at
8 % counts the lost ones. `--split val` is what anything here was chosen on.
"""

import argparse
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from scipy.stats import spearmanr

from mlcmkd.data.crops import tight_box
from mlcmkd.data.images import read_image
from mlcmkd.data.manifest import inside, read_rows
from mlcmkd.data.pairs import synthetic_faces
from mlcmkd.deployment.detector import warm_region
from mlcmkd.deployment.predictor import Predictor
from mlcmkd.deployment.smoothing import overlap
from mlcmkd.evaluation.metrics import face_errors, failure_rate, point_errors
from mlcmkd.schemes import map_indices
from mlcmkd.training.provenance import processor_name

HEIGHT, WIDTH = 240, 320  # of the scene, pixels


def scene(
    celsius: np.ndarray, landmarks: np.ndarray, ambient: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """One face in a room: (240, 320) float32 degrees C, and its landmarks there."""
    down = np.linspace(-1, 1, HEIGHT, dtype=np.float32)[:, None]
    across = np.linspace(-1, 1, WIDTH, dtype=np.float32)
    room = ambient + rng.uniform(-1, 1) * down + rng.uniform(-1, 1) * across
    for _ in range(rng.integers(0, 4)):
        heat = float(ambient + rng.uniform(-4, 25))
        x, y = int(rng.integers(0, WIDTH)), int(rng.integers(0, HEIGHT))
        half, tall = (int(side) for side in rng.integers(4, 30, 2))
        if rng.random() < 0.5:
            cv2.ellipse(room, (x, y), (half, tall), 0, 0, 360, heat, -1)
        else:
            cv2.rectangle(room, (x - half, y - tall), (x + half, y + tall), heat, -1)
    room = cv2.GaussianBlur(room, (0, 0), 1.5)
    side = int(rng.uniform(0.35, 1.0) * HEIGHT)
    patch = cv2.resize(celsius, (side, side), interpolation=cv2.INTER_LINEAR)
    x = int(rng.integers(0, WIDTH - side + 1))
    y = int(rng.integers(0, HEIGHT - side + 1))
    # The clothes go on to the lower edge; the other edges fade into the room.
    patch = cv2.copyMakeBorder(patch, 0, HEIGHT - y - side, 0, 0, cv2.BORDER_REPLICATE)
    fade = (np.arange(max(2, side // 16), dtype=np.float32) + 1) / (max(2, side // 16) + 1)
    weight = np.ones(patch.shape, dtype=np.float32)
    weight[:, : len(fade)] *= fade
    weight[:, -len(fade) :] *= fade[::-1]
    weight[: len(fade)] *= fade[:, None]
    part = room[y:, x : x + side]
    part += weight * (patch - part)
    room += rng.normal(0, 0.06, room.shape).astype(np.float32)
    return room, (landmarks + 0.5) * (side / len(celsius)) - 0.5 + (x, y)


def drawn(split: str, count: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Faces of a split in rooms."""
    faces = synthetic_faces(split, count)
    rng = np.random.default_rng(0)
    ambient = faces.attributes["ambient_celsius"]
    for n in range(count):
        yield scene(faces.thermal[n], faces.landmarks[n], float(ambient[n]), rng)


def real(folder: Path, split: str, every: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Every so many frames of a manifest's split."""
    rows = [row for row in read_rows(folder) if row.split == split and row.landmarks is not None]
    for row in rows[::every]:
        yield read_image(inside(folder, row.thermal_file_name)), np.array(row.landmarks)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", help="by default the model in the box")
    parser.add_argument("--split", default="test", choices=["val", "test"])
    parser.add_argument("--faces", type=int, default=400, help="of the embedded ones")
    parser.add_argument("--knapik", type=Path, help="manifest of real frames")
    parser.add_argument("--every", type=int, default=1, help="of the real frames")
    arguments = parser.parse_args()
    print(f"{processor_name()}, {os.cpu_count()} cores; split {arguments.split}\n")
    print("| images | faces | box | IoU > 0.5 (%) | NME median (%) | normaliser | FR at 8 % (%) |")
    print("|" + " --- |" * 7)
    sets = [("drawn rooms", list(drawn(arguments.split, arguments.faces)), "inter-ocular")]
    if arguments.knapik:
        frames = list(real(arguments.knapik, arguments.split, arguments.every))
        sets.append(("real frames", frames, "box"))
    for name, images, normaliser in sets:
        report(arguments.weights, name, images, normaliser)


def report(weights: str | None, name: str, images: list, normaliser: str) -> None:
    """One row for each way to place the faces of a set."""
    truth = np.stack([landmarks for _, landmarks in images])
    boxes = [tight_box(landmarks) for landmarks in truth]
    scheme = {54: "sf_tl54", 68: "ibug68"}[truth.shape[1]]
    warm, looks = Predictor(weights), Predictor(weights, detector="looks")
    units = [warm.to_unit(image) for image, _ in images]
    blobs = [warm_region(unit) for unit in units]
    met = [
        blob is not None and overlap(blob, box) > 0.5
        for blob, box in zip(blobs, boxes, strict=True)
    ]
    given = [warm.squares(unit, box) for unit, box in zip(units, boxes, strict=True)]
    sought = [warm.squares(unit) for unit in units]
    once = [[replace(s, looks=1, rivals=()) for s in each] for each in sought]
    inwards = [looks.squares(unit) for unit in units]
    picked = list(map_indices(warm.network.scheme, scheme))
    ways = {
        "labels'": given,
        "warm blob, one look": once,
        "warm (default)": sought,
        "looks": inwards,
    }
    for way, squares in ways.items():
        found = warm.answer(square for each in squares for square in each)
        places = np.stack([face.landmarks for face in found])[:, picked]
        errors = face_errors(point_errors(places, truth, scheme, normaliser))
        last = [overlap(face.box, box) > 0.5 for face, box in zip(found, boxes, strict=True)]
        hits = {"labels'": None, "looks": last}.get(way, met)
        told = "" if hits is None else f"{100 * np.mean(hits):.1f}"
        print(
            f"| {name} | {len(images)} | {way} | {told} | {100 * np.median(errors):.2f} | {normaliser} "
            f"| {100 * failure_rate(errors, 0.08):.1f} |",
            flush=True,
        )
        if way == "labels'":
            confidence = np.array([face.confidence for face in found])
            lines = _confidence(confidence, errors)
    print(lines)


def _confidence(confidence: np.ndarray, errors: np.ndarray) -> str:
    """Does the confidence order the faces by their error?"""
    rank = spearmanr(confidence, errors).statistic
    kept = errors[confidence >= np.quantile(confidence, 0.25)]
    return (
        f"confidence against NME: rank correlation {rank:.2f}; mean NME {100 * errors.mean():.2f} %, "
        f"without the quarter of least confidence {100 * kept.mean():.2f} %"
    )


if __name__ == "__main__":
    main()
