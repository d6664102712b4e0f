"""Landmarks drawn into an image file, by OpenCV: for `predict`, where a figure would be too slow."""

from pathlib import Path

import cv2
import numpy as np

from mlcmkd.errors import InputError
from mlcmkd.predict import Found
from mlcmkd.schemes import get_scheme

LINE = (255, 176, 0)  # amber: seen on skin, on grey and by colour-blind eyes
POINT = (0, 114, 255)
SMALLEST = 480  # px; small thermal frames are enlarged so that points do not cover the face


def draw(found: Found) -> np.ndarray:
    """The image with its landmarks, (H, W, 3) uint8 RGB, enlarged to at least 480 px."""
    image = np.rint(found.image * 255).astype(np.uint8)
    if image.ndim == 2:
        image = np.repeat(image[..., None], 3, axis=2)
    times = max(1, int(np.ceil(SMALLEST / max(image.shape[:2]))))
    image = cv2.resize(image, None, fx=times, fy=times, interpolation=cv2.INTER_LINEAR)
    # The centre of pixel 0 lies at (times - 1) / 2 in the enlarged image. OpenCV draws at 1/16 px.
    points = np.rint((found.landmarks * times + (times - 1) / 2) * 16).astype(np.int32)
    for edge in get_scheme(found.scheme).edges:
        line = [points[list(edge)].reshape(-1, 1, 2)]
        cv2.polylines(image, line, False, LINE, 1, cv2.LINE_AA, shift=4)
    for point in points:
        cv2.circle(image, point.tolist(), 32, POINT, -1, cv2.LINE_AA, shift=4)
    return image


def save_drawing(found: Found, path: Path) -> Path:
    """Writes `draw(found)` as a PNG and returns its path."""
    if not cv2.imwrite(str(path), cv2.cvtColor(draw(found), cv2.COLOR_RGB2BGR)):
        raise InputError(f"{path}: cannot be written")
    return path
