"""Temperatures of rendered faces against the truth: `python benchmarks/temperatures.py`.

The faces have other identities than the training; the box is that of the labels. Tables:

- hidden landmarks: what share of those that something hides, and of those in view, has no temperature,
  for several values of `HIDDEN` in `mlcmkd.deployment.visibility`;
- faces that are turned: what share of the landmarks that the head itself hides, and of those in view, is
  on a side that counts as turned away, for several values of `TURNED`;
- covered eyes: what share of the eyes behind glasses, and of bare ones, counts as covered, for several
  values of `COVERED` in `mlcmkd.deployment.temperatures`;
- regions: error of the mean temperature against the true surface temperature at the true landmarks,
  without the offset of the image.
"""

import argparse
from pathlib import Path
from unittest.mock import patch

import numpy as np

from mlcmkd.data.crops import tight_box
from mlcmkd.deployment import temperatures, visibility
from mlcmkd.deployment.face_regions import REGIONS, face_size
from mlcmkd.deployment.faces import FaceLandmarks
from mlcmkd.deployment.predictor import Predictor
from mlcmkd.deployment.temperatures import region_temperatures
from mlcmkd.synthetic.faces import SyntheticFaces, make_faces
from mlcmkd.synthetic.part import Occluder
from mlcmkd.synthetic.splits import FIRST_IDENTITY
from mlcmkd.utils.markdown import markdown_table

THRESHOLDS = (0.02, 0.03, 0.04, 0.05, 0.06, 0.08)
WIDTHS = (0.4, 0.5, 0.6, 0.7, 0.8)
YAWS = (0, 20, 30, 40, 50, 90)  # degrees
DEFICITS = (1.5, 2.0, 2.5, 3.0, 4.0)


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


def turned_table(faces: SyntheticFaces, found: list[FaceLandmarks]) -> list[dict[str, object]]:
    """For each threshold of `TURNED` the landmarks on a far side, and the faces that have one."""
    yaw = np.abs(faces.attributes["yaw"])
    rows = []
    for threshold in WIDTHS:
        with patch.object(visibility, "TURNED", threshold):
            turned = np.stack([visibility.turned_points(face) for face in found])
        row: dict[str, object] = {"threshold": f"{threshold:.1f}"}
        for occluder, name in ((Occluder.NOTHING, "in view"), (Occluder.HEAD, "behind the head")):
            row[name] = f"{100 * turned[faces.hidden_by == occluder].mean():.1f}"
        for low, high in zip(YAWS, YAWS[1:], strict=False):
            within = (yaw >= low) & (yaw < high)
            share = turned[within].any(axis=1).mean()
            row[f"faces, yaw {low} to {high}"] = f"{100 * share:.1f}"
        rows.append(row)
    return rows


def covered_table(faces: SyntheticFaces, found: list[FaceLandmarks]) -> list[dict[str, object]]:
    """For each threshold of `COVERED` the share of eyes behind glasses and of bare ones, percent."""
    glasses, bare = [], []  # by how much each eye is colder than bare skin
    with patch.object(temperatures, "COVERED", np.inf):
        for n, face in enumerate(found):
            regions = region_temperatures(face, faces.thermal[n])
            for side, deficit in temperatures.eye_deficits(regions).items():
                hidden_by = faces.hidden_by[n][visibility.eye_points(faces.scheme, {side})]
                if (hidden_by == Occluder.GLASSES).all():
                    glasses.append(deficit)
                elif (hidden_by == Occluder.NOTHING).all():
                    bare.append(deficit)
    return [
        {
            "threshold, degrees C": threshold,
            f"eyes behind glasses ({len(glasses)})": f"{100 * np.mean(glasses > threshold):.1f}",
            f"bare eyes ({len(bare)})": f"{100 * np.mean(bare > threshold):.1f}",
        }
        for threshold in map(np.float64, DEFICITS)
    ]


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
    print("\nLandmarks on a side that is turned away, and faces that have one, percent:\n")
    print(markdown_table(turned_table(faces, found)))
    print("\nCovered eyes, percent:\n")
    print(markdown_table(covered_table(faces, found)))
    print("\nRegions in view, degrees C:\n")
    print(markdown_table(region_table(faces, found)))


if __name__ == "__main__":
    main()
