"""Accuracy of the registration methods on simulated camera rigs with known ground truth.

    python benchmarks/pairing.py --table results/pairing.csv

A rig is a synthetic face that looks at the cameras: a 160 x 160 thermal image, and a 480 x 420 RGB
image of the same face warped by a random homography. `misalignment_px` is the mean distance of the
thermal image's corners from their positions without that mounting error; it is the initial error of a
registration. `noise` means, for

- homography: error of the calibration at the image corners, thermal pixels (each coordinate);
- stereo: error of the face's depth, percent, at a distance of 80 cm; here `misalignment_px` is the
  parallax, so 8 px correspond to cameras 1.6 cm apart;
- similarity, affine, tps: error of every landmark in both images, thermal pixels (each coordinate); one
  landmark in ten is an outlier anywhere in the image;
- ecc, mutual information: in units of 0.3 degrees C in the thermal and 10 grey levels in the RGB image.

Errors are standard deviations of Gaussian noise. The residual is the true one: the mean distance of the
68 mapped landmarks from their true positions. The reported residual is the one that the registration
estimates. A failure is a true residual above 8 % of the inter-ocular distance, or no map; a missed
failure is one that was not refused. The scene of a rig is flat, so parallax within a face is not
included.
"""

import argparse
import csv
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from data_prep.registration import (
    Homography,
    Registration,
    Stereo,
    from_content,
    from_homography,
    from_landmarks,
    from_stereo,
    inter_ocular,
)
from mlcmkd.cli import guarded
from mlcmkd.schemes import IBUG68
from mlcmkd.synthetic.faces import SyntheticFaces, make_faces
from mlcmkd.synthetic.realism import Realism
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.progress import tqdm

METHODS = ("homography", "stereo", "similarity", "affine", "tps", "ecc", "mutual information")
NOISES = {"stereo": (0, 2, 5, 10)}  # other methods use NOISE
NOISE = (0, 1, 2, 4)
MISALIGNMENTS = (4, 8, 16, 32)
FAILURE = 8.0  # percent of the inter-ocular distance
OUTLIERS = 0.1
COLUMNS = (
    "method", "noise", "noise_unit", "misalignment_px", "seed", "rigs", "median_residual_px",
    "median_residual_percent_iod", "median_reported_px", "failures_percent", "refused_percent",
    "missed_percent", "faces",
)  # fmt: skip
UNITS = {
    "homography": "px of the calibration",
    "stereo": "percent of the depth",
    "ecc": "x (0.3 degrees C, 10 grey levels)",
    "mutual information": "x (0.3 degrees C, 10 grey levels)",
}
_SIDE = 160
_RGB_SIZE = (480, 420)
_RENDERED = 320  # side of the rendered faces, pixels; the thermal image has half as many
_DEPTH, _FOCAL = 0.8, 400.0  # of the stereo rigs: metres, thermal pixels


class Rig(NamedTuple):
    """Two cameras in front of a face, without noise.

    Attributes:
        truth: the true map from RGB to thermal pixels.
        rgb_marks, thermal_marks: (68, 2) pixels.
    """

    truth: Homography
    rgb_marks: np.ndarray
    thermal_marks: np.ndarray


def make_rig(faces: SyntheticFaces, index: int, misalignment: float, seed: int = 0) -> Rig:
    """Make the rig of face number `index`; a seed gives the same direction for every misalignment.

    Args:
        faces: rendered at 320 x 320 pixels.
        misalignment: thermal pixels.
    """
    width, height = _RGB_SIZE
    scale = height / _SIDE
    middle = [(length - 1) / 2 - scale * (_SIDE - 1) / 2 for length in (width, height)]
    nominal = np.array([[scale, 0, middle[0]], [0, scale, middle[1]], [0, 0, 1]])
    rng = np.random.default_rng([seed, index, 0])
    truth = Homography(np.linalg.inv(nominal @ _mounting_error(rng, misalignment)))
    marks = (faces.landmarks[index].astype(np.float64) + 0.5) / 2 - 0.5
    return Rig(truth, truth.inverse(marks), marks)


def photograph(
    rig: Rig, faces: SyntheticFaces, index: int, noise: float, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Render the images of the rig: (420, 480, 3) uint8, and (160, 160) float32 degrees C.

    Args:
        noise: in units of 10 grey levels and 0.3 degrees C.
    """
    rng = np.random.default_rng([seed, index, 1])
    halved = np.array([[0.5, 0, -0.25], [0, 0.5, -0.25], [0, 0, 1]])  # rendered to thermal pixels
    back = np.linalg.inv(rig.truth.matrix) @ halved
    rgb = cv2.warpPerspective(faces.rgb[index], back, _RGB_SIZE, borderMode=cv2.BORDER_REPLICATE)
    rgb = np.clip(rgb + 10 * noise * rng.normal(size=rgb.shape), 0, 255).astype(np.uint8)
    thermal = cv2.resize(faces.thermal[index], (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    thermal = thermal + 0.3 * noise * rng.normal(size=thermal.shape)
    return rgb, thermal.astype(np.float32)


def _mounting_error(rng: np.random.Generator, misalignment: float) -> np.ndarray:
    """Return a homography that moves the thermal image's corners by `misalignment` px on average."""
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * (_SIDE - 1.0)
    arms = (corners - corners.mean(axis=0)) / np.linalg.norm(corners[0] - corners.mean(axis=0))
    across = arms[:, ::-1] * [-1, 1]
    shift, (scale, turn) = rng.normal(size=2), 0.6 * rng.normal(size=2)
    moves = shift + scale * arms + turn * across + 0.15 * rng.normal(size=(4, 2))
    moves *= misalignment / np.linalg.norm(moves, axis=1).mean()
    return cv2.getPerspectiveTransform(
        corners.astype(np.float32), (corners + moves).astype(np.float32)
    ).astype(np.float64)


def by_content(
    rig: Rig, faces: SyntheticFaces, index: int, method: str, noise: float, seed: int
) -> Registration:
    """Register by content; the inter-ocular distance is known, landmarks of the RGB image are not."""
    return from_content(
        *photograph(rig, faces, index, noise, seed),
        method=method,
        thermal_landmarks=rig.thermal_marks,
        scheme="ibug68",
    )


def by_landmarks(rig: Rig, kind: str, noise: float, rng: np.random.Generator) -> Registration:
    """Register by noisy landmarks; one in ten is an outlier anywhere in the thermal image."""
    scale = np.sqrt(abs(np.linalg.det(rig.truth.matrix[:2, :2])))  # thermal pixels per RGB pixel
    rgb = rig.rgb_marks + noise / scale * rng.normal(size=(68, 2))
    thermal = rig.thermal_marks + noise * rng.normal(size=(68, 2))
    bad = rng.choice(68, round(OUTLIERS * 68), replace=False)
    thermal[bad] = rng.uniform(0, _SIDE, (len(bad), 2))
    # The eye corners are exact, so that all residuals are relative to the same distance.
    eyes = list(IBUG68.outer_eyes)
    thermal[eyes] = rig.thermal_marks[eyes]
    return from_landmarks(rgb, thermal, (_SIDE, _SIDE), kind=kind, scheme="ibug68")


def by_homography(rig: Rig, noise: float, rng: np.random.Generator) -> Registration:
    """Register by a calibration with an error at the four corners of the RGB image."""
    width, height = _RGB_SIZE
    corners = np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], float)
    targets = rig.truth.forward(corners) + noise * rng.normal(size=(4, 2))
    matrix = cv2.getPerspectiveTransform(corners.astype(np.float32), targets.astype(np.float32))
    marks = {"rgb_landmarks": rig.rgb_marks, "thermal_landmarks": rig.thermal_marks}
    return from_homography(matrix, (_SIDE, _SIDE), scheme="ibug68", **marks)


def by_stereo(rig: Rig, parallax: float, depth_error: float) -> tuple[Registration, Rig]:
    """Make a rig of two parallel cameras in front of the same face, and register it at a wrong depth.

    Args:
        parallax: shift of the face between the cameras, thermal pixels.
        depth_error: relative error of the depth.
    """
    size, scale = (_SIDE, _SIDE), _RGB_SIZE[1] / _SIDE
    thermal = np.array([[_FOCAL, 0, (_SIDE - 1) / 2], [0, _FOCAL, (_SIDE - 1) / 2], [0, 0, 1]])
    middle = [(length - 1) / 2 for length in _RGB_SIZE]
    rgb = np.array([[scale * _FOCAL, 0, middle[0]], [0, scale * _FOCAL, middle[1]], [0, 0, 1]])
    translation = np.array([parallax * _DEPTH / _FOCAL, 0, 0])
    cameras = Stereo(rgb, np.zeros(5), thermal, np.zeros(5), np.eye(3), translation)
    truth = from_stereo(cameras, _DEPTH, size).transform
    rig = Rig(truth, truth.inverse(rig.thermal_marks), rig.thermal_marks)
    marks = {"rgb_landmarks": rig.rgb_marks, "thermal_landmarks": rig.thermal_marks}
    depth = _DEPTH * (1 + depth_error)
    return from_stereo(cameras, depth, size, scheme="ibug68", **marks), rig


def cells(methods: Sequence[str], rigs: int, seed: int) -> Iterator[dict[str, object]]:
    """Yield one row of the table for every method, noise and misalignment."""
    realism = Realism(yaw_deviation=8)
    faces = make_faces(rigs, seed=seed, size=_RENDERED, faces_per_identity=1, realism=realism)
    plan = list(product(methods, range(len(NOISE)), MISALIGNMENTS))
    for method, level, misalignment in tqdm(plan, desc="pairing", unit="cell"):
        noise = NOISES.get(method, NOISE)[level]
        scores = []
        for index in range(rigs):
            rig = make_rig(faces, index, misalignment, seed)
            rng = np.random.default_rng([seed, index, 2])
            if method == "stereo":
                nearer = -1 if index % 2 else 1
                registration, rig = by_stereo(rig, misalignment, nearer * noise / 100)
            elif method == "homography":
                registration = by_homography(rig, noise, rng)
            elif method in ("ecc", "mutual information"):
                registration = by_content(rig, faces, index, method, noise, seed)
            else:
                registration = by_landmarks(rig, method, noise, rng)
            scores.append(_score(rig, registration))
        yield {
            "method": method,
            "noise": noise,
            "noise_unit": UNITS.get(method, "px of each landmark"),
            "misalignment_px": misalignment,
            "seed": seed,
            **_summary(np.array(scores)),
        }


def _score(rig: Rig, registration: Registration) -> tuple[float, float, float, bool]:
    """Return the true residual in pixels and percent, the reported one in pixels, and acceptance."""
    length = inter_ocular(rig.thermal_marks, "ibug68")
    reported = np.nan if registration.residual_px is None else registration.residual_px
    if registration.transform is None:
        return np.inf, np.inf, reported, registration.ok
    true = np.linalg.norm(registration.apply(rig.rgb_marks) - rig.thermal_marks, axis=1).mean()
    true = np.nan_to_num(true, nan=np.inf)
    return true, 100 * true / length, reported, registration.ok


def _summary(scores: np.ndarray) -> dict[str, object]:
    """Compute medians and shares over the rigs, scores (rigs, 4), see `_score`."""
    true, percent, reported, accepted = scores.T
    bad = ~(percent <= FAILURE)
    reported = reported[np.isfinite(reported)]
    return {
        "rigs": len(scores),
        "median_residual_px": round(float(np.median(true)), 3),
        "median_residual_percent_iod": round(float(np.median(percent)), 3),
        "median_reported_px": round(float(np.median(reported)), 3) if len(reported) else "",
        "failures_percent": round(100 * float(bad.mean()), 1),
        "refused_percent": round(100 * float((accepted == 0).mean()), 1),
        "missed_percent": round(100 * float((bad & (accepted == 1)).mean()), 1),
        "faces": len(scores),
    }


def as_table(rows: list[dict[str, object]]) -> str:
    """Format as Markdown: one row per method and noise, one column per misalignment."""
    columns = list(dict.fromkeys(row["misalignment_px"] for row in rows))
    lines = [
        "| method | noise | " + " | ".join(f"{px:g} px" for px in columns) + " |",
        "|" + " --- |" * (2 + len(columns)),
    ]
    cell = {(row["method"], row["noise"], row["misalignment_px"]): row for row in rows}
    for method, noise in dict.fromkeys((row["method"], row["noise"]) for row in rows):
        texts = []
        for px in columns:
            row = cell.get((method, noise, px))
            texts.append(
                f"{row['median_residual_px']:.2f} px, {row['median_residual_percent_iod']:.1f} % "
                f"({row['failures_percent']:g}, {row['missed_percent']:g})"
                if row
                else ""
            )
        lines.append(f"| {method} | {noise:g} | {' | '.join(texts)} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", type=Path, required=True, help="CSV to write")
    parser.add_argument("--rigs", type=int, default=40, help="faces per cell")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--methods", nargs="+", default=METHODS, choices=METHODS)
    options = parser.parse_args(arguments)
    if options.rigs < 1:
        raise InputError(f"--rigs must be 1 or more, not {options.rigs}")
    cv2.setNumThreads(1)
    rows = list(cells(options.methods, options.rigs, options.seed))
    options.table.parent.mkdir(parents=True, exist_ok=True)
    with options.table.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        table.writerows(rows)
    print(as_table(rows))
    print(
        f"\nMedian true residual in thermal pixels and in percent of the inter-ocular distance, "
        f"{options.rigs} faces per cell; in brackets failures (residual above {FAILURE:g} %) and "
        "failures that were not refused, percent of the rigs."
    )


if __name__ == "__main__":
    guarded(main)
