"""The figure of the guide of temperatures.

    python scripts/temperatures_figure.py docs/figures/temperatures.png

Two rendered faces of the validation split, predicted by the bundled model in the boxes of their labels:
one seen from the front, one that wears glasses and is turned.
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from mlcmkd.data.crops import tight_box
from mlcmkd.data.images import encode_image
from mlcmkd.deployment.drawing import draw
from mlcmkd.deployment.predictor import Predictor
from mlcmkd.deployment.temperatures import measure
from mlcmkd.synthetic.faces import make_faces
from mlcmkd.synthetic.splits import FIRST_IDENTITY

SIZE = 240
COUNT = 40  # faces among which the two are chosen


def picture() -> np.ndarray:
    """The two faces with their drawings, side by side, (H, W, 3) uint8."""
    faces = make_faces(COUNT, size=SIZE, first_identity=FIRST_IDENTITY["val"], rgb=False)
    yaw, worn = np.abs(faces.attributes["yaw"]), faces.attributes["glasses"]
    bare = ~worn & ~faces.attributes["hand"] & (faces.attributes["mask_style"] == "none")
    frontal = np.argmin(np.where(bare, yaw, np.inf))
    turned = np.argmin(np.where(worn, np.abs(yaw - 25), np.inf))
    predictor, drawn = Predictor(), []
    for index in (frontal, turned):
        image = faces.thermal[index]
        face = predictor(image, tight_box(faces.landmarks[index]))
        drawn.append(draw(replace(face, temperatures=measure(face, image))))
    return np.hstack(drawn)


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(encode_image(picture())[0])
