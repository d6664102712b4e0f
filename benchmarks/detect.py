"""How well faces are located: `python benchmarks/detect.py [--real data/knapik] [--split val]`.

Rendered frames of people that no training has seen: average precision at IoU 0.5 by the number of
people, recall, false alarms on frames without people. Images of a real camera, from a manifest with
landmarks of one face each: for each way to locate the face, the share of the frames in which a box
overlaps the face's with IoU > 0.5, and the resulting NME; the box of the labels is the reference. NME is
a median, because a face that was missed has no meaningful error; the failure rate (FR) at 8 % includes
missed faces. Parts of the frames without the face show how often a detector finds one where none is.

OpenCV is not compared: version 5 contains no face detector any more, and its networks need a download.
Choices were made with `--split val`.
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from mlcmkd.cli import guarded
from mlcmkd.data.crops import tight_box
from mlcmkd.data.frames import Frames
from mlcmkd.data.images import read_image
from mlcmkd.data.manifest import inside, points_of, read_rows
from mlcmkd.data.modality import Modality
from mlcmkd.data.thermal.radiometry import FACE_CELSIUS
from mlcmkd.deployment.boxes import iou
from mlcmkd.deployment.face_detector import THRESHOLD, detect_faces, open_detector
from mlcmkd.deployment.face_maps import FoundFace
from mlcmkd.deployment.faces import FaceLandmarks
from mlcmkd.deployment.predictor import Predictor
from mlcmkd.deployment.warm_region import detect_warm_region
from mlcmkd.deployment.weights import bundled_detector
from mlcmkd.evaluation.detection import match_faces, true_faces
from mlcmkd.evaluation.metrics import face_errors, failure_rate, point_errors
from mlcmkd.schemes import map_indices
from mlcmkd.synthetic.frames.frames import make_frames
from mlcmkd.synthetic.splits import FIRST_IDENTITY
from mlcmkd.training.provenance import processor_name
from mlcmkd.utils.markdown import markdown_table
from mlcmkd.utils.progress import tqdm

SIZE = (240, 320)  # of the rendered frames
LOWEST = 0.05  # score of the faces that the average precision counts
FRACTIONS = (0.4, 0.5, 0.6)  # sides of the faceless parts of a real frame, shares of its height
NO_FACE = 1.0  # error of a missed face


def detections(network, images: Sequence[np.ndarray], to_unit) -> list[list[FoundFace]]:
    """The faces that a network finds in images."""
    return [detect_faces(network, to_unit(image), LOWEST) for image in images]


def warm_regions(images: Sequence[np.ndarray], to_unit) -> list[list[FoundFace]]:
    """The one region that the warm-region detector finds in each image, with score 1."""
    regions = [detect_warm_region(to_unit(image)) for image in images]
    return [[] if region is None else [FoundFace(region, 1.0)] for region in regions]


def rendered_rows(options: argparse.Namespace, network, *, rgb: bool) -> list[dict]:
    """A row for each number of people, and each way to find them."""
    rows = []

    def to_unit(frame: np.ndarray) -> np.ndarray:
        """The input of a network; `predict` would refuse frames that are far colder than faces."""
        return frame.astype(np.float32) / 255 if rgb else FACE_CELSIUS.to_unit(frame)

    for heads in (0, 1, 2, 4, 6):
        count = options.faceless if heads == 0 else options.frames
        frames = make_frames(
            count,
            seed=1,
            size=SIZE,
            first=FIRST_IDENTITY[options.split] + 10_000 * heads,
            heads=heads,
            rgb=rgb,
            progress=True,
        )
        images = frames.rgb if rgb else frames.thermal
        truth = true_faces(Frames.of(frames, options.modality))
        ways = {"face detector": detections(network, images, to_unit)}
        if not rgb:
            ways["warm region"] = warm_regions(images, to_unit)
        for way, found in ways.items():
            matches = match_faces(found, truth)
            rows.append(
                {
                    "people": heads,
                    "frames": len(frames),
                    "faces": matches.faces,
                    "located by": way,
                    "AP at 0.5 (%)": _percent(matches.average_precision),
                    "recall (%)": _percent(matches.recall(THRESHOLD)),
                    "false alarms per 100 frames": f"{100 * matches.false_alarms(THRESHOLD):.1f}",
                }
            )
    return rows


def _percent(share: float) -> str:
    return "" if np.isnan(share) else f"{100 * share:.1f}"


def real_frames(
    folder: Path, split: str, every: int, modality: Modality = "thermal"
) -> tuple[list[np.ndarray], np.ndarray]:
    """Every n-th image of a manifest's split, and the landmarks (N, K, 2) of its face."""
    rows = [row for row in read_rows(folder) if row.split == split and row.landmarks is not None]
    images, points = [], []
    for row in tqdm(rows[::every], desc="real frames", unit="frame"):
        images.append(read_image(inside(folder, getattr(row, f"{modality}_file_name"))))
        points.append(points_of(row))
    return images, np.stack(points)


def real_rows(
    weights: str | None, images: list[np.ndarray], truth: np.ndarray, detector, modality: Modality
) -> list:
    """A row for each way to locate the face of a real image."""
    boxes = [tight_box(landmarks) for landmarks in truth]
    rows = []
    ways = {"the labels": detector, "face detector": detector, "warm region": "warm",
            "three passes from the whole image": "looks"}  # fmt: skip
    if modality == "rgb":
        del ways["warm region"]
    for way, located_by in ways.items():
        predictor = Predictor(weights, detector=located_by, modality=modality)
        found = predictor.faces(images, boxes if way == "the labels" else None)
        best = [_nearest(faces, box) for faces, box in zip(found, boxes, strict=True)]
        errors = _errors(predictor, best, truth)
        # The last pass crops around landmarks, so its box is that of the landmarks of the pass before.
        hit = [
            face is not None and iou(tight_box(face.landmarks), box) > 0.5
            for face, box in zip(best, boxes, strict=True)
        ]
        others = sum(max(0, len(faces) - 1) for faces in found)
        known = [n for n, face in enumerate(best) if face is not None]
        confidence = [best[n].confidence for n in known]
        rank = spearmanr(confidence, errors[known]).statistic
        rows.append(
            {
                "frames": len(images),
                "located by": way,
                "IoU > 0.5 (%)": f"{100 * np.mean(hit):.1f}",
                "NME, median (%)": f"{100 * np.median(errors):.2f}",
                "FR at 8 % (%)": f"{100 * failure_rate(errors, 0.08):.1f}",
                "further faces": others,
                "confidence, rank correlation": f"{rank:.2f}",
            }
        )
    return rows


def _nearest(faces: list[FaceLandmarks], box) -> FaceLandmarks | None:
    """The face whose landmarks overlap the labelled box most; None without any face."""
    return max(faces, key=lambda face: iou(tight_box(face.landmarks), box), default=None)


def _errors(
    predictor: Predictor, faces: list[FaceLandmarks | None], truth: np.ndarray
) -> np.ndarray:
    """NME (N,) by the box; a missed face has `NO_FACE`."""
    scheme = {54: "sf_tl54", 68: "ibug68"}[truth.shape[1]]
    picked = list(map_indices(predictor.network.scheme, scheme))
    errors = np.full(len(faces), NO_FACE)
    for n, face in enumerate(faces):
        if face is not None:
            points = face.landmarks[None, picked]
            errors[n] = face_errors(point_errors(points, truth[n : n + 1], scheme, "box"))[0]
    return errors


def faceless_parts(images: list[np.ndarray], truth: np.ndarray) -> list[np.ndarray]:
    """Squares of the frames that the head does not reach: left and right, in three sizes."""
    parts = []
    for image, points in zip(images, truth, strict=True):
        height, width = image.shape[:2]
        x0, _, x1, _ = tight_box(points)
        room = 0.45 * (x1 - x0)  # ears, hair and the turned head beyond the landmarks
        for share in FRACTIONS:
            side = round(share * height)
            for left in (0, width - side):
                if left + side < x0 - room or left > x1 + room:
                    parts += [image[:side, left : left + side], image[-side:, left : left + side]]
    return [part for part in parts if part.min() < part.max()]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--modality", default="thermal", choices=["thermal", "rgb"])
    parser.add_argument("--detector", type=Path, help="by default the bundled one")
    parser.add_argument("--weights", help="landmark weights, by default the bundled model")
    parser.add_argument("--split", default="test", choices=["val", "test"])
    parser.add_argument("--frames", type=int, default=300, help="rendered frames for each row")
    parser.add_argument("--faceless", type=int, default=1000, help="rendered frames without people")
    parser.add_argument("--real", type=Path, help="manifest of real images, one face each")
    parser.add_argument("--every", type=int, default=1, help="use every n-th real image")
    options = parser.parse_args(arguments)
    path = options.detector or bundled_detector(options.modality)
    network = open_detector(path)
    predictor = Predictor(options.weights, detector=path, modality=options.modality)
    print(f"{processor_name()}, {os.cpu_count()} cores; split {options.split}\n", flush=True)
    if options.frames:
        rows = rendered_rows(options, network, rgb=options.modality == "rgb")
        print(markdown_table(rows), flush=True)
    if options.real:
        modality = options.modality
        images, truth = real_frames(options.real, options.split, options.every, modality)
        print()
        print(markdown_table(real_rows(options.weights, images, truth, path, modality)), flush=True)
    if options.real and options.modality == "thermal":
        parts = faceless_parts(images, truth)
        alarms = sum(bool(detect_faces(network, predictor.to_unit(part))) for part in parts)
        warm = sum(detect_warm_region(predictor.to_unit(part)) is not None for part in parts)
        print(
            f"\nfaceless parts of the frames: {len(parts)}; with a false alarm {alarms} "
            f"({100 * alarms / max(len(parts), 1):.1f} %), warm region {warm}"
        )


if __name__ == "__main__":
    guarded(main)
