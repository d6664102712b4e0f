"""Accuracy of the warm-region detector: `python benchmarks/detect.py [--knapik data/knapik]`.

Synthetic test faces are placed in larger scenes with warm and cold objects (240 x 320; the height
of the face image is 0.35 to 1 of the scene's; 0 to 3 objects of -4 to +25 degrees relative to the
room). Real frames come from a manifest of 8-bit thermal images with landmarks. For each way to
locate the face, the table has the share of boxes that overlap the tight box of the landmarks with
IoU > 0.5 (for "looks" the box of the last pass), and the resulting NME, beside that of the labelled
box. NME is a median, because a face that was missed has no meaningful error; FR at 8 % includes
missed faces. Choices of the detector were made with `--split val`.
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
from mlcmkd.data.manifest import inside, points_of, read_rows
from mlcmkd.data.pairs import synthetic_faces
from mlcmkd.deployment.boxes import iou
from mlcmkd.deployment.predictor import Predictor
from mlcmkd.deployment.warm_region import detect_warm_region
from mlcmkd.evaluation.metrics import face_errors, failure_rate, point_errors
from mlcmkd.schemes import map_indices
from mlcmkd.training.provenance import processor_name

HEIGHT, WIDTH = 240, 320  # of the scene, pixels


def scene(
    celsius: np.ndarray, landmarks: np.ndarray, ambient: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Places a face in a scene: (240, 320) float32 degrees C, and its landmarks there."""
    down = np.linspace(-1, 1, HEIGHT, dtype=np.float32)[:, None]
    across = np.linspace(-1, 1, WIDTH, dtype=np.float32)
    room = ambient + rng.uniform(-1, 1) * down + rng.uniform(-1, 1) * across
    for _ in range(rng.integers(0, 4)):
        heat = float(ambient + rng.uniform(-4, 25))
        x, y = int(rng.integers(0, WIDTH)), int(rng.integers(0, HEIGHT))
        half_width, half_height = (int(side) for side in rng.integers(4, 30, 2))
        if rng.random() < 0.5:
            cv2.ellipse(room, (x, y), (half_width, half_height), 0, 0, 360, heat, -1)
        else:
            corners = (x - half_width, y - half_height), (x + half_width, y + half_height)
            cv2.rectangle(room, *corners, heat, -1)
    room = cv2.GaussianBlur(room, (0, 0), 1.5)
    side = int(rng.uniform(0.35, 1.0) * HEIGHT)
    patch = cv2.resize(celsius, (side, side), interpolation=cv2.INTER_LINEAR)
    x = int(rng.integers(0, WIDTH - side + 1))
    y = int(rng.integers(0, HEIGHT - side + 1))
    # Clothes continue to the lower border; the other borders fade into the room.
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


def synthetic_scenes(split: str, count: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields scenes with synthetic faces of a split, and their landmarks."""
    faces = synthetic_faces(split, count)
    rng = np.random.default_rng(0)
    ambient = faces.attributes["ambient_celsius"]
    for n in range(count):
        yield scene(faces.thermal[n], faces.landmarks[n], float(ambient[n]), rng)


def real_frames(folder: Path, split: str, every: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields every n-th frame of a manifest's split, and its landmarks."""
    rows = [row for row in read_rows(folder) if row.split == split and row.landmarks is not None]
    for row in rows[::every]:
        yield read_image(inside(folder, row.thermal_file_name)), points_of(row)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", help="by default the bundled model")
    parser.add_argument("--split", default="test", choices=["val", "test"])
    parser.add_argument("--faces", type=int, default=400, help="number of synthetic faces")
    parser.add_argument("--knapik", type=Path, help="manifest of real frames")
    parser.add_argument("--every", type=int, default=1, help="use every n-th real frame")
    arguments = parser.parse_args()
    print(f"{processor_name()}, {os.cpu_count()} cores; split {arguments.split}\n")
    print(
        "| images | faces | face located by | IoU > 0.5 (%) | NME median (%) | normaliser "
        "| FR at 8 % (%) |"
    )
    print("|" + " --- |" * 7)
    scenes = list(synthetic_scenes(arguments.split, arguments.faces))
    sets = [("synthetic scenes", scenes, "inter-ocular")]
    if arguments.knapik:
        frames = list(real_frames(arguments.knapik, arguments.split, arguments.every))
        sets.append(("real frames", frames, "box"))
    for name, images, normaliser in sets:
        report(arguments.weights, name, images, normaliser)


def report(weights: str | None, name: str, images: list, normaliser: str) -> None:
    """Prints one row for each way to locate the faces of a set."""
    truth = np.stack([landmarks for _, landmarks in images])
    boxes = [tight_box(landmarks) for landmarks in truth]
    scheme = {54: "sf_tl54", 68: "ibug68"}[truth.shape[1]]
    warm, whole_image = Predictor(weights), Predictor(weights, detector="looks")
    units = [warm.to_unit(image) for image, _ in images]
    regions = [detect_warm_region(unit) for unit in units]
    region_hits = [
        region is not None and iou(region, box) > 0.5
        for region, box in zip(regions, boxes, strict=True)
    ]
    labelled = [warm.face_crops(unit, box) for unit, box in zip(units, boxes, strict=True)]
    refined = [warm.face_crops(unit) for unit in units]
    once = [[replace(crop, passes=1, candidates=()) for crop in crops] for crops in refined]
    methods = {
        "labels": labelled,
        "warm region, one pass": once,
        "warm region, three passes (default)": refined,
        "looks (three passes from the whole image)": [whole_image.face_crops(u) for u in units],
    }
    picked = list(map_indices(warm.network.scheme, scheme))
    for method, crops in methods.items():
        faces = warm.predict_crops(crop for of_image in crops for crop in of_image)
        landmarks = np.stack([face.landmarks for face in faces])[:, picked]
        errors = face_errors(point_errors(landmarks, truth, scheme, normaliser))
        last = [iou(face.box, box) > 0.5 for face, box in zip(faces, boxes, strict=True)]
        hits = last if method.startswith("looks") else region_hits
        share = "" if method == "labels" else f"{100 * np.mean(hits):.1f}"
        print(
            f"| {name} | {len(images)} | {method} | {share} | {100 * np.median(errors):.2f} "
            f"| {normaliser} | {100 * failure_rate(errors, 0.08):.1f} |",
            flush=True,
        )
        if method == "labels":
            confidence = np.array([face.confidence for face in faces])
            confidence_text = _confidence(confidence, errors)
    print(confidence_text)


def _confidence(confidence: np.ndarray, errors: np.ndarray) -> str:
    """How well the confidence ranks the faces by their error."""
    rank = spearmanr(confidence, errors).statistic
    kept = errors[confidence >= np.quantile(confidence, 0.25)]
    return (
        f"confidence and NME: rank correlation {rank:.2f}; mean NME {100 * errors.mean():.2f} %, "
        f"without the quarter of lowest confidence {100 * kept.mean():.2f} %"
    )


if __name__ == "__main__":
    main()
