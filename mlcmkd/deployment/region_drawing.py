"""Draws the regions of a face with their mean temperatures, with OpenCV."""

import cv2
import numpy as np

from mlcmkd.deployment.face_regions import face_size
from mlcmkd.deployment.faces import FaceLandmarks
from mlcmkd.deployment.temperatures import RegionTemperature
from mlcmkd.deployment.text_drawing import BORDER, INK, text_width, write_text

# Height of a label, and its offset below the region's centre, as shares of the face's size. The regions
# of the eyes are small, so their labels are next to them.
_HEIGHT = 0.045
_SMALLEST_TEXT = 10  # px
_BELOW = {"inner canthus": 0.09, "periorbital": -0.12}
LABELLED = 200  # px: labels on smaller faces would cover each other


def draw_regions(canvas: np.ndarray, face: FaceLandmarks, factor: int) -> None:
    """Draws outlines and mean temperatures of the regions that have a temperature.

    Faces smaller than `LABELLED` on the canvas get outlines only.

    Args:
        canvas: (H, W, 3) uint8 RGB, changed in place.
        face: a face with temperatures; otherwise nothing is drawn.
        factor: pixels of the canvas per pixel of the face's image.
    """
    if face.temperatures is None:
        return
    known = [region for region in face.temperatures.regions if not region.missing]
    for region in known:
        for outline in (region.polygon, region.hole):
            corners = np.rint(_on_canvas(outline, factor) * 16).astype(np.int32)
            for colour, thickness in ((BORDER, 3), (INK, 1)) if len(corners) else ():
                cv2.polylines(canvas, [corners], True, colour, thickness, cv2.LINE_AA, shift=4)
    size = face_size(face.landmarks) * factor
    if size >= LABELLED:
        for region in known:
            _label(canvas, region, factor, size)
        if known:
            write_text(canvas, "degrees C", (5, canvas.shape[0] - 7), _SMALLEST_TEXT)


def _label(canvas: np.ndarray, region: RegionTemperature, factor: int, size: float) -> None:
    x, y = _on_canvas(np.array([region.x, region.y]), factor)
    y += _BELOW.get(region.region, 0.0) * size
    height = max(round(_HEIGHT * size), _SMALLEST_TEXT)
    text = f"{region.mean:.1f}"
    corner = x - text_width(text, height) / 2, y + height / 2
    write_text(canvas, text, corner, height)


def _on_canvas(points: np.ndarray, factor: int) -> np.ndarray:
    """Pixels of the enlarged image: the centre of pixel 0 is at (factor - 1) / 2."""
    return points * factor + (factor - 1) / 2
