"""Faces that the border of the image cuts: `python benchmarks/border.py`.

Rendered validation faces are turned alternately to the right and to the left (`--rolls`), and the right
`--cut` of each face's box is cut off. The bundled thermal model predicts in three passes, as it does
after a detector. "Within 1" and "within 2" are the shares of all errors of x and of y that are at most
one or two of the predicted standard deviations; "beyond" are the landmarks that were cut off, "in view"
the others. NME is divided by the distance of the outer eye corners.
"""

import argparse
import os
from collections.abc import Sequence

import numpy as np
from refinement import turned

from mlcmkd.cli import guarded
from mlcmkd.data.crops import Crop, tight_box
from mlcmkd.data.pairs import synthetic_faces
from mlcmkd.deployment.faces import FaceCrop
from mlcmkd.deployment.predictor import Predictor
from mlcmkd.evaluation.metrics import face_errors, point_errors
from mlcmkd.synthetic.faces import SyntheticFaces
from mlcmkd.training.provenance import processor_name
from mlcmkd.utils.markdown import markdown_table

PASSES = 3


def row_of(
    predictor: Predictor, faces: SyntheticFaces, roll: float, cut: float
) -> dict[str, object]:
    """Coverage and errors for one roll."""
    crops, truth, ends = [], [], []
    for n, (image, landmarks) in enumerate(zip(faces.thermal, faces.landmarks, strict=True)):
        unit, points = turned(predictor.to_unit(image), landmarks, roll if n % 2 else -roll)
        x0, y0, x1, y1 = tight_box(points)
        end = int(x1 - cut * (x1 - x0))
        box = Crop.around((x0, y0, min(x1, end), y1))
        crops.append(FaceCrop(np.ascontiguousarray(unit[:, :end]), box, passes=PASSES))
        truth.append(points)
        ends.append(end)
    found = predictor.predict_crops(crops)
    landmarks = np.stack([face.landmarks for face in found])
    deviation = np.stack([face.deviation for face in found])
    errors, beyond = np.abs(landmarks - truth), np.stack(truth)[..., 0] > np.array(ends)[:, None]
    row: dict[str, object] = {"roll, degrees": roll}
    for where, chosen in (("beyond", beyond), ("in view", ~beyond)):
        for times in (1, 2):
            inside = errors[chosen] <= times * deviation[chosen][:, None]
            row[f"{where}: within {times} (%)"] = f"{100 * inside.mean():.1f}"
    distances = point_errors(landmarks, np.stack(truth), faces.scheme, "inter-ocular")
    row["NME (%)"] = f"{100 * face_errors(distances).mean():.2f}"
    row["roll of the crop, mean"] = f"{np.mean([abs(face.roll) for face in found]):.0f}"
    return row


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faces", type=int, default=200, help="rendered faces")
    parser.add_argument("--rolls", type=float, nargs="+", default=[0, 15, 30], help="degrees")
    parser.add_argument("--cut", type=float, default=0.3, help="share of the box's width")
    options = parser.parse_args(arguments)
    predictor, faces = Predictor(), synthetic_faces("val", options.faces)
    rows = [row_of(predictor, faces, roll, options.cut) for roll in options.rolls]
    print(f"{processor_name()}, {os.cpu_count()} cores\n\n{markdown_table(rows)}")


if __name__ == "__main__":
    guarded(main)
