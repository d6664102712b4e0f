"""Figures of whole frames with the faces that were found in them."""

import numpy as np
from matplotlib.figure import Figure

from mlcmkd.deployment.drawing import draw
from mlcmkd.deployment.faces import FaceLandmarks
from mlcmkd.plots.style import THERMAL, WIDTH, styled


@styled
def faces_in_frame(image: np.ndarray, faces: list[FaceLandmarks]) -> Figure:
    """A frame, and the same frame with the box and the landmarks of each face.

    Args:
        image: stored values, (H, W) or (H, W, 3), as `mlcmkd.data.images.read_image` returns them.
        faces: as predicted in this image; may be empty.
    """
    height = 0.5 * WIDTH * image.shape[0] / image.shape[1]
    figure = Figure(figsize=(WIDTH, height + 0.4))
    left, right = figure.subplots(1, 2)
    left.imshow(image, cmap=THERMAL)
    left.set_title("frame")
    right.imshow(draw(faces, image, boxes=True))
    count = len(faces)
    right.set_title(f"{count or 'no'} face{'s' * (count != 1)} found")
    for axes in (left, right):
        axes.set_axis_off()
    return figure
