"""How well each way of registering two cameras does on rigs whose truth is known.

    python benchmarks/pairing.py --table results/pairing.csv

A rig is an embedded face: a 160 x 160 thermal image, and a 480 x 420 RGB image of the same face that a
random homography has turned, scaled, shifted and skewed. `misalignment_px` is how far the thermal
image's corners lie, on average, from where cameras mounted without that error would see them; it is
what registration starts from. `noise` means, for

- homography: error of the calibration at the image corners, thermal pixels (of each coordinate);
- stereo: error of the face's depth, percent, the face 80 cm away; here `misalignment_px` is the
  parallax, so 8 px stand for cameras 1.6 cm apart;
- similarity, affine, tps: error of every landmark in both images, thermal pixels (of each coordinate),
  where one landmark in ten is anywhere in the image;
- ecc, mutual information: 0.3 degrees C in the thermal and 10 grey levels in the RGB image for each 1.

Errors are deviations of Gaussian noise. The residual is the true one: the mean distance of the 68
landmarks, mapped by the registration found, from their true places. The reported one is what the
registration said of itself. A failure is a true residual above 8 % of the inter-ocular distance, or no
map; a miss is a failure that was not refused. A rig's scene is flat: what parallax within
a face costs is not in these numbers.
"""

import argparse
import csv
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from tqdm.auto import tqdm

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
from mlcmkd.utils.errors import InputError

METHODS = ("homography", "stereo", "similarity", "affine", "tps", "ecc", "mutual information")
NOISES = {"stereo": (0, 2, 5, 10)}  # others have the next line's
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
_DRAWN = 320  # side at which faces are drawn; the thermal camera sees half as many pixels
_DEPTH, _FOCAL = 0.8, 400.0  # of the stereo rigs: metres, thermal pixels


class Rig(NamedTuple):
    """Two cameras before a face, without noise.

    Attributes:
        truth: RGB to thermal pixels.
        rgb_marks, thermal_marks: (68, 2) pixels.
    """

    truth: Homography
    rgb_marks: np.ndarray
    thermal_marks: np.ndarray


def make_rig(faces: SyntheticFaces, index: int, misalignment: float, seed: int = 0) -> Rig:
    """The rig before face number `index`; one seed turns it alike for every misalignment.

    Args:
        faces: drawn at 320 pixels a side.
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
    """What the rig's cameras show: (420, 480, 3) uint8, and (160, 160) float32 degrees C.

    Args:
        noise: 10 grey levels and 0.3 degrees C for each 1.
    """
    rng = np.random.default_rng([seed, index, 1])
    halved = np.array([[0.5, 0, -0.25], [0, 0.5, -0.25], [0, 0, 1]])  # drawn to thermal pixels
    back = np.linalg.inv(rig.truth.matrix) @ halved
    rgb = cv2.warpPerspective(faces.rgb[index], back, _RGB_SIZE, borderMode=cv2.BORDER_REPLICATE)
    rgb = np.clip(rgb + 10 * noise * rng.normal(size=rgb.shape), 0, 255).astype(np.uint8)
    thermal = cv2.resize(faces.thermal[index], (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    thermal = thermal + 0.3 * noise * rng.normal(size=thermal.shape)
    return rgb, thermal.astype(np.float32)


def _mounting_error(rng: np.random.Generator, misalignment: float) -> np.ndarray:
    """A homography that moves the corners of the thermal image by so many pixels, on average."""
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
    """The inter-ocular distance is known, landmarks of the RGB image are not."""
    return from_content(
        *photograph(rig, faces, index, noise, seed),
        method=method,
        thermal_landmarks=rig.thermal_marks,
        scheme="ibug68",
    )


def by_landmarks(rig: Rig, kind: str, noise: float, rng: np.random.Generator) -> Registration:
    """Landmarks with an error, one in ten anywhere in the thermal image."""
    scale = np.sqrt(abs(np.linalg.det(rig.truth.matrix[:2, :2])))  # thermal pixels an RGB pixel
    rgb = rig.rgb_marks + noise / scale * rng.normal(size=(68, 2))
    thermal = rig.thermal_marks + noise * rng.normal(size=(68, 2))
    bad = rng.choice(68, round(OUTLIERS * 68), replace=False)
    thermal[bad] = rng.uniform(0, _SIDE, (len(bad), 2))
    # Residuals are compared in percent of one and the same distance, so the eyes stay.
    eyes = list(IBUG68.outer_eyes)
    thermal[eyes] = rig.thermal_marks[eyes]
    return from_landmarks(rgb, thermal, (_SIDE, _SIDE), kind=kind, scheme="ibug68")


def by_homography(rig: Rig, noise: float, rng: np.random.Generator) -> Registration:
    """A calibration with an error at the four corners of the RGB image."""
    width, height = _RGB_SIZE
    corners = np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], float)
    there = rig.truth.forward(corners) + noise * rng.normal(size=(4, 2))
    matrix = cv2.getPerspectiveTransform(corners.astype(np.float32), there.astype(np.float32))
    marks = {"rgb_landmarks": rig.rgb_marks, "thermal_landmarks": rig.thermal_marks}
    return from_homography(matrix, (_SIDE, _SIDE), scheme="ibug68", **marks)


def by_stereo(rig: Rig, parallax: float, depth_error: float) -> tuple[Registration, Rig]:
    """A rig of two parallel cameras before the same face, and its registration at a wrong depth.

    Args:
        parallax: thermal pixels by which the cameras' distance shifts the face.
        depth_error: share of the depth.
    """
    size, scale = (_SIDE, _SIDE), _RGB_SIZE[1] / _SIDE
    thermal = np.array([[_FOCAL, 0, (_SIDE - 1) / 2], [0, _FOCAL, (_SIDE - 1) / 2], [0, 0, 1]])
    middle = [(length - 1) / 2 for length in _RGB_SIZE]
    rgb = np.array([[scale * _FOCAL, 0, middle[0]], [0, scale * _FOCAL, middle[1]], [0, 0, 1]])
    apart = np.array([parallax * _DEPTH / _FOCAL, 0, 0])
    cameras = Stereo(rgb, np.zeros(5), thermal, np.zeros(5), np.eye(3), apart)
    truth = from_stereo(cameras, _DEPTH, size).transform
    rig = Rig(truth, truth.inverse(rig.thermal_marks), rig.thermal_marks)
    marks = {"rgb_landmarks": rig.rgb_marks, "thermal_landmarks": rig.thermal_marks}
    depth = _DEPTH * (1 + depth_error)
    return from_stereo(cameras, depth, size, scheme="ibug68", **marks), rig


def cells(methods: Sequence[str], rigs: int, seed: int) -> Iterator[dict[str, object]]:
    """One row of the table for every method, noise and misalignment."""
    faces = make_faces(rigs, seed=seed, size=_DRAWN, faces_per_identity=1)
    plan = list(product(methods, range(len(NOISE)), MISALIGNMENTS))
    for method, level, misalignment in tqdm(plan, desc="pairing", unit="cell"):
        noise = NOISES.get(method, NOISE)[level]
        found = []
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
            found.append(_scored(rig, registration))
        yield {
            "method": method,
            "noise": noise,
            "noise_unit": UNITS.get(method, "px of each landmark"),
            "misalignment_px": misalignment,
            "seed": seed,
            **_summary(np.array(found)),
        }


def _scored(rig: Rig, found: Registration) -> tuple[float, float, float, bool]:
    """True residual in pixels and percent, reported one in pixels, and whether it was accepted."""
    length = inter_ocular(rig.thermal_marks, "ibug68")
    reported = np.nan if found.residual_px is None else found.residual_px
    if found.transform is None:
        return np.inf, np.inf, reported, found.ok
    true = np.linalg.norm(found.apply(rig.rgb_marks) - rig.thermal_marks, axis=1).mean()
    true = np.nan_to_num(true, nan=np.inf)
    return true, 100 * true / length, reported, found.ok


def _summary(found: np.ndarray) -> dict[str, object]:
    """Medians and shares over the rigs, found (rigs, 4), see `_scored`."""
    true, percent, reported, accepted = found.T
    bad = ~(percent <= FAILURE)
    reported = reported[np.isfinite(reported)]
    return {
        "rigs": len(found),
        "median_residual_px": round(float(np.median(true)), 3),
        "median_residual_percent_iod": round(float(np.median(percent)), 3),
        "median_reported_px": round(float(np.median(reported)), 3) if len(reported) else "",
        "failures_percent": round(100 * float(bad.mean()), 1),
        "refused_percent": round(100 * float((accepted == 0).mean()), 1),
        "missed_percent": round(100 * float((bad & (accepted == 1)).mean()), 1),
        "faces": len(found),
    }


def as_table(rows: list[dict[str, object]]) -> str:
    """Markdown: a line a method and noise, a column a misalignment; residual (failures, misses)."""
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
    parser.add_argument("--table", type=Path, required=True, help="CSV that is written")
    parser.add_argument("--rigs", type=int, default=40, help="faces a cell")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--methods", nargs="+", default=METHODS, choices=METHODS)
    given = parser.parse_args(arguments)
    if given.rigs < 1:
        raise InputError(f"--rigs must be 1 or more, not {given.rigs}")
    cv2.setNumThreads(1)
    rows = list(cells(given.methods, given.rigs, given.seed))
    given.table.parent.mkdir(parents=True, exist_ok=True)
    with given.table.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        table.writerows(rows)
    print(as_table(rows))
    print(
        f"\nMedian true residual in thermal pixels and in percent of the inter-ocular distance, "
        f"{given.rigs} faces a cell; in brackets failures (residual above {FAILURE:g} %) and "
        "failures that were not refused, percent of the rigs."
    )


if __name__ == "__main__":
    guarded(main)
