"""How well standard deviations describe errors: `python benchmarks/uncertainty.py [--final]`.

Predicts the landmarks of rendered validation faces, of 300W validation photos with simulated thermal
images, and of the Knapik development sequences, and compares the error of every coordinate with the
standard deviation of its landmark: shares within one and two deviations (68.3 and 95.4 % of normal
errors), rank correlation with the distance over landmarks, and over faces that of the confidence with
the NME (box). Each set is predicted from the box of its labels, and from that box shifted and scaled at
random, which is nearer to the box of a user or a detector. Labels of other data sets place a landmark
at different spots; the shares are therefore also given without the median error of each landmark in its
set, in units of the face.

A second table groups the landmarks of rendered faces by what hides them. Their deviations and errors are
divided by those of the same landmarks where nothing hides them. Landmarks beyond the border of a cut
image are compared with the same landmarks of the same faces in the whole image.

`--final` adds the test sets, which no choice may depend on.
"""

import argparse
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mlcmkd.data.crops import tight_box
from mlcmkd.data.images import read_image
from mlcmkd.data.manifest import inside, points_of, read_rows
from mlcmkd.data.pairs import synthetic_faces
from mlcmkd.deployment.boxes import Box
from mlcmkd.deployment.predictor import Predictor
from mlcmkd.evaluation.calibration import (
    Coverage,
    measure_coverage,
    rank_correlation,
)
from mlcmkd.evaluation.metrics import face_errors, point_errors
from mlcmkd.schemes import map_indices
from mlcmkd.synthetic.faces import SyntheticFaces
from mlcmkd.synthetic.part import Occluder
from mlcmkd.training.provenance import processor_name
from mlcmkd.utils.markdown import markdown_table

SHIFT, SCALE = 0.1, 0.15  # of the box, shares of its longer side
CUTS = (0.15, 0.3)  # shares of the face's width that the border of the image hides


class Found(NamedTuple):
    """Predictions of a set.

    Attributes:
        deviation: (N, K) pixels.
        errors: (N, K, 2) pixels; NaN where there is no label.
        nme: (N,) errors divided by sqrt(w h) of the tight box of the labels.
        confidence: (N,) of the faces.
    """

    deviation: np.ndarray
    errors: np.ndarray
    nme: np.ndarray
    confidence: np.ndarray

    @property
    def distance(self) -> np.ndarray:
        """(N, K) length of the errors."""
        return np.linalg.norm(self.errors, axis=-1)


def predict(
    predictor: Predictor, images: Iterable, boxes: list[Box], truth: np.ndarray, scheme: str
) -> Found:
    """Predicts one face per image from its box."""
    faces = [each[0] for each in predictor.faces(list(images), boxes)]
    picked = list(map_indices(predictor.network.scheme, scheme))
    landmarks = np.stack([face.landmarks for face in faces])[:, picked]
    return Found(
        np.stack([face.deviation for face in faces])[:, picked],
        landmarks - truth,
        face_errors(point_errors(landmarks, truth, scheme, "box")),
        np.array([face.confidence for face in faces]),
    )


def shifted(box: Box, rng: np.random.Generator) -> Box:
    """A box that is shifted and scaled at random."""
    x0, y0, x1, y1 = box
    side, centre = max(x1 - x0, y1 - y0), np.array([x0 + x1, y0 + y1]) / 2
    centre = centre + side * rng.uniform(-SHIFT, SHIFT, 2)
    half = np.array([x1 - x0, y1 - y0]) / 2 * (1 + rng.uniform(-SCALE, SCALE))
    return (*(centre - half), *(centre + half))


def coverage_rows(
    predictor: Predictor, name: str, images: list, truth: np.ndarray, scheme: str
) -> list[dict[str, object]]:
    """The rows of a set: from the boxes of the labels, and from shifted ones."""
    rng = np.random.default_rng(0)
    exact = [tight_box(marks) for marks in truth]
    rows = []
    for label, boxes in (("labels", exact), ("shifted", [shifted(box, rng) for box in exact])):
        found = predict(predictor, images, boxes, truth, scheme)
        held = measure_coverage(found.deviation, found.errors)
        rows.append(
            {
                "faces": name,
                "number": len(truth),
                "box": label,
                "within 1 (%)": f"{100 * held.within_one:.1f}",
                "within 2 (%)": f"{100 * held.within_two:.1f}",
                "without offsets (%)": _both(_without_offsets(found, truth)),
                "rank correlation, landmarks": f"{held.point_rank:.2f}",
                "confidence and NME, faces": f"{rank_correlation(found.confidence, found.nme):.2f}",
                "NME (%)": f"{100 * found.nme.mean():.2f}",
                "without the least confident quarter": f"{100 * _without_quarter(found):.2f}",
                "median deviation (% of the face)": f"{100 * _relative(found, truth):.2f}",
            }
        )
    return rows


def hidden_rows(found: Found, hidden_by: np.ndarray) -> list[dict[str, object]]:
    """Deviations and errors of landmarks by what hides them, relative to the same ones in view."""
    rows = []
    for occluder in Occluder:
        chosen = hidden_by == occluder
        if chosen.any():
            ratios = [
                relative_to_visible(values, chosen, hidden_by == Occluder.NOTHING)
                for values in (found.deviation, found.distance)
            ]
            rows.append(_hidden_row(occluder.name.lower(), found, chosen, ratios))
    return rows


def relative_to_visible(values: np.ndarray, hidden: np.ndarray, visible: np.ndarray) -> float:
    """Mean of hidden landmarks, over the mean that the same landmarks have where they are in view.

    Each hidden landmark counts with the mean of its own index, so that a hidden eye is compared with
    eyes and not with the jaw. Landmarks that are never in view are left out.

    Args:
        values: (N, K).
        hidden, visible: (N, K) bool.
    """
    count = visible.sum(axis=0)
    mean = np.where(visible, values, 0).sum(axis=0) / np.maximum(count, 1)
    counted = hidden & (count > 0)
    return float(values[counted].sum() / np.broadcast_to(mean, values.shape)[counted].sum())


def border_rows(
    predictor: Predictor, faces: SyntheticFaces, whole: Found
) -> list[dict[str, object]]:
    """Landmarks beyond a cut at the left of the image, relative to the same ones in the whole image."""
    rows = []
    for share in CUTS:
        images, boxes, moved, outside = [], [], [], []
        for image, marks in zip(faces.thermal, faces.landmarks, strict=True):
            x0, y0, x1, y1 = tight_box(marks)
            cut = max(0, round(x0 + share * (x1 - x0)))
            images.append(image[:, cut:])
            moved.append(marks - (cut, 0))
            boxes.append((x0 - cut, y0, x1 - cut, y1))
            outside.append(marks[:, 0] < cut)
        cut_off = predict(predictor, images, boxes, np.stack(moved), faces.scheme)
        hidden = np.stack(outside)
        ratios = [
            getattr(cut_off, name)[hidden].mean() / getattr(whole, name)[hidden].mean()
            for name in ("deviation", "distance")
        ]
        rows.append(_hidden_row(f"border, {100 * share:.0f} % cut", cut_off, hidden, ratios))
    return rows


def _hidden_row(
    name: str, found: Found, chosen: np.ndarray, ratios: Sequence[float]
) -> dict[str, object]:
    ratio = np.abs(found.errors[chosen]) / found.deviation[chosen][:, None]
    return {
        "hidden by": name,
        "landmarks": f"{chosen.sum():,}",
        "deviation, times the reference": f"{ratios[0]:.2f}",
        "error, times the reference": f"{ratios[1]:.2f}",
        "within 1 (%)": f"{100 * (ratio <= 1).mean():.1f}",
        "within 2 (%)": f"{100 * (ratio <= 2).mean():.1f}",
    }


def _both(held: Coverage) -> str:
    return f"{100 * held.within_one:.1f}, {100 * held.within_two:.1f}"


def _without_offsets(found: Found, truth: np.ndarray) -> Coverage:
    """The coverage, with the median error of each landmark removed, in shares of the face's size."""
    size = _size(truth)[:, None]
    relative = found.errors / size[..., None]
    return measure_coverage(
        found.deviation / size, relative - np.nanmedian(relative, axis=0, keepdims=True)
    )


def _without_quarter(found: Found) -> float:
    return float(found.nme[found.confidence >= np.quantile(found.confidence, 0.25)].mean())


def _relative(found: Found, truth: np.ndarray) -> float:
    return float(np.median(found.deviation / _size(truth)[:, None]))


def _size(truth: np.ndarray) -> np.ndarray:
    """sqrt(w h) of the tight box of each face's labels, (N,)."""
    return np.sqrt(np.prod(np.nanmax(truth, axis=1) - np.nanmin(truth, axis=1), axis=-1))


def manifest_faces(folder: Path, split: str, every: int) -> tuple[list, np.ndarray, str]:
    """Every n-th thermal image of a split, its landmarks, and their scheme."""
    rows = [row for row in read_rows(folder) if row.split == split and row.landmarks is not None]
    rows = rows[::every]
    images = [read_image(inside(folder, row.thermal_file_name)) for row in rows]
    return images, np.stack([points_of(row) for row in rows]), rows[0].scheme


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", help="thermal weights; by default the bundled model")
    parser.add_argument("--faces", type=int, default=400, help="number of rendered faces")
    parser.add_argument("--photos", type=Path, help="manifest of 300W with simulated images")
    parser.add_argument("--knapik", type=Path, help="manifest of the Knapik frames")
    parser.add_argument("--every", type=int, default=1, help="use every n-th image of a manifest")
    parser.add_argument("--final", action="store_true", help="also the test splits")
    arguments = parser.parse_args()
    print(f"{processor_name()}, {os.cpu_count()} cores\n")
    predictor = Predictor(arguments.weights)
    rows, rendered = [], {}
    for split in ("val", "test") if arguments.final else ("val",):
        faces = rendered[split] = synthetic_faces(split, arguments.faces)
        given = list(faces.thermal), faces.landmarks, faces.scheme
        rows += coverage_rows(predictor, f"rendered, {split}", *given)
        for folder, called in ((arguments.photos, "300W simulated"), (arguments.knapik, "Knapik")):
            if folder is not None:
                given = manifest_faces(folder, split, arguments.every)
                rows += coverage_rows(predictor, f"{called}, {split}", *given)
    print(markdown_table(rows) + "\n", flush=True)
    faces = rendered["val"]
    boxes = [tight_box(marks) for marks in faces.landmarks]
    whole = predict(predictor, faces.thermal, boxes, faces.landmarks, faces.scheme)
    hidden = hidden_rows(whole, faces.hidden_by) + border_rows(predictor, faces, whole)
    print(markdown_table(hidden))


if __name__ == "__main__":
    main()
