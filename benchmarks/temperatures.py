"""Temperatures of rendered faces against the truth: `python benchmarks/temperatures.py`.

The faces have other identities than the training; the box is that of the labels. Two tables:
hidden landmarks (what share of those that something hides, and of those in view, has no temperature, for
several thresholds of `mlcmkd.deployment.visibility`), and regions (error of the mean temperature
against the true surface temperature at the true landmarks, without the offset of the image).
"""

import argparse
from pathlib import Path

import numpy as np

from mlcmkd.data.crops import tight_box
from mlcmkd.deployment import visibility
from mlcmkd.deployment.face_regions import REGIONS, face_size
from mlcmkd.deployment.faces import FaceLandmarks
from mlcmkd.deployment.predictor import Predictor
from mlcmkd.deployment.temperatures import region_temperatures
from mlcmkd.synthetic.faces import SyntheticFaces, make_faces
from mlcmkd.synthetic.part import Occluder
from mlcmkd.synthetic.splits import FIRST_IDENTITY
from mlcmkd.utils.markdown import markdown_table

THRESHOLDS = (0.02, 0.03, 0.04, 0.05, 0.06, 0.08)


def hidden_table(faces: SyntheticFaces, found: list[FaceLandmarks]) -> list[dict[str, object]]:
    """For each threshold the share of landmarks without a temperature, by what hides them, percent."""
    share = np.stack([face.deviation / face_size(face.landmarks) for face in found])
    turned = np.stack([visibility.turned_points(face) for face in found])
    rows = []
    for threshold in THRESHOLDS:
        none = (share > threshold) | turned
        row: dict[str, object] = {"threshold": f"{threshold:.2f}"}
        for occluder in Occluder:
            name = "in view" if occluder == Occluder.NOTHING else occluder.name.lower()
            row[name] = f"{100 * none[faces.hidden_by == occluder].mean():.1f}"
        rows.append(row)
    return rows


def region_table(faces: SyntheticFaces, found: list[FaceLandmarks]) -> list[dict[str, object]]:
    """Error of each region's mean, degrees C: of faces that wear nothing there and are found."""
    errors: dict[tuple[str, str], list[float]] = {}
    missing: dict[tuple[str, str], list[bool]] = {}
    names = [region.points for region in REGIONS]
    for n, face in enumerate(found):
        labels = FaceLandmarks(faces.landmarks[n].astype(np.float64), face.scheme, face.image)
        seen = region_temperatures(face, faces.thermal[n])
        true = region_temperatures(labels, faces.temperature[n])
        offset = np.median(faces.thermal[n] - faces.temperature[n])
        for here, there, points in zip(seen, true, names, strict=True):
            if there.missing or (faces.hidden_by[n][list(points)] != Occluder.NOTHING).any():
                continue
            place = here.region, here.side
            missing.setdefault(place, []).append(bool(here.missing))
            if not here.missing:
                errors.setdefault(place, []).append(here.mean - there.mean - offset)
    return [
        {
            "region": f"{region}, {side}" if side else region,
            "faces": len(missing[region, side]),
            "without a temperature (%)": f"{100 * np.mean(missing[region, side]):.1f}",
            "error, median": f"{np.median(values):.2f}",
            "error, 5 to 95 %": "{:.2f} to {:.2f}".format(*np.percentile(values, (5, 95))),
        }
        for (region, side), values in errors.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=int, default=800)
    parser.add_argument("--size", type=int, default=160, help="side of the images, pixels")
    parser.add_argument("--weights", type=Path, help="without it the bundled thermal model")
    args = parser.parse_args()
    faces = make_faces(
        args.faces, size=args.size, first_identity=FIRST_IDENTITY["val"], maps=True, rgb=False
    )
    boxes = [tight_box(points) for points in faces.landmarks]
    found = [each for (each,) in Predictor(args.weights).faces(faces.thermal, boxes)]
    print(f"{args.faces} rendered validation faces of {args.size} px")
    print("\nLandmarks without a temperature, percent of those that are in view or hidden by:\n")
    print(markdown_table(hidden_table(faces, found)))
    print("\nRegions in view, degrees C:\n")
    print(markdown_table(region_table(faces, found)))


if __name__ == "__main__":
    main()
