"""From the maps of a face detector to boxes: peaks of the centre map, and non-maximum suppression."""

from typing import NamedTuple

import cv2
import numpy as np

from mlcmkd.data.face_grid import STRIDE, UNIT_SIDE
from mlcmkd.deployment.boxes import Box, iou

MOST_FACES = 50
# Of two boxes with a larger intersection over union, the one with the lower score is dropped.
OVERLAP = 0.4


class FoundFace(NamedTuple):
    """A face that a detector found.

    Attributes:
        box: x0, y0, x1, y1 in pixels, from brows to chin and from cheek to cheek.
        score: 0 to 1.
    """

    box: Box
    score: float


def find_faces(centres: np.ndarray, boxes: np.ndarray, threshold: float) -> list[FoundFace]:
    """Faces of one frame, the highest score first.

    Args:
        centres: (h, w) probability of a face's centre in each cell, 0 to 1.
        boxes: (4, h, w) offset and logarithmic size, see `mlcmkd.models.face_detector.FaceMaps`.
        threshold: lowest score, 0 to 1.

    Returns:
        at most `MOST_FACES` faces, with boxes in pixels of the network's input.
    """
    peaks = (centres >= cv2.dilate(centres, np.ones((3, 3), np.uint8))) & (centres >= threshold)
    rows, columns = np.nonzero(peaks)
    order = np.argsort(-centres[rows, columns], kind="stable")[:MOST_FACES]
    rows, columns = rows[order], columns[order]
    offset, size = boxes[:2, rows, columns], boxes[2:, rows, columns]
    centre = (np.stack((columns, rows)) + offset + 0.5) * STRIDE - 0.5
    half = np.exp(np.clip(size, -8, 3)) * UNIT_SIDE / 2
    corners = np.concatenate((centre - half, centre + half)).T.astype(float)
    kept: list[FoundFace] = []
    for box, score in zip(corners, centres[rows, columns], strict=True):
        if all(iou(tuple(box), other.box) <= OVERLAP for other in kept):
            kept.append(FoundFace(tuple(box.tolist()), float(score)))
    return kept
