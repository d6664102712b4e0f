"""Initial search of a registration: many rotations, scales and shifts are tried on small images.

Matrices map thermal pixels to RGB pixels, the direction in which an image is resampled.
"""

from itertools import product

import cv2
import numpy as np

from data_prep.registration.edges import edges

DEGREES = (-10, -5, 0, 5, 10)
SCALES = (0.87, 0.93, 1.0, 1.07, 1.15)
_MARGIN = 0.25  # largest shift to try, share of the image's shorter side
_RIM = 0.1  # border of the thermal image to leave out; it may be outside the RGB image


def downscaled(image: np.ndarray, factor: float) -> tuple[np.ndarray, np.ndarray]:
    """Reduce an image by about `factor` (1 or more); also return the (3, 3) map to the new pixels."""
    height, width = image.shape[:2]
    size = (max(round(width / factor), 1), max(round(height / factor), 1))
    x, y = size[0] / width, size[1] / height  # not exactly 1 / factor, because sizes are integers
    # Pixel centres, not corners, are at integers.
    matrix = np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1]])
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA), matrix


def shift(x: float, y: float) -> np.ndarray:
    """Return a translation as a (3, 3) matrix."""
    return np.array([[1.0, 0, x], [0, 1, y], [0, 0, 1]])


def resampled(image: np.ndarray, matrix: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resample an image; `matrix` maps pixels of the result to its own. Borders are repeated."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpPerspective(image, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)


def initial_matrices(
    thermal: np.ndarray, rgb: np.ndarray, matrix: np.ndarray, keep: int
) -> list[np.ndarray]:
    """Return the `keep` best initial maps by the agreement of edges.

    Args:
        thermal, rgb: (H, W) float32 grey, about 80 pixels on the shorter side.
        matrix: centre of the search, thermal to RGB pixels.

    Returns:
        (3, 3) matrices, thermal to RGB pixels, best first.
    """
    height, width = thermal.shape
    margin, rim = round(_MARGIN * min(width, height)), round(_RIM * min(width, height))
    target = edges(thermal)[rim : height - rim, rim : width - rim]
    candidates = []
    for degrees, scale in product(DEGREES, SCALES):
        rotation = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, scale)
        turned = matrix @ np.vstack([rotation, [0, 0, 1]])
        canvas = (width + 2 * margin, height + 2 * margin)
        field = edges(resampled(rgb, turned @ shift(-margin, -margin), canvas))
        scores = cv2.matchTemplate(field, target, cv2.TM_CCORR_NORMED)
        for _ in range(2):  # the two best shifts that are not neighbours
            _, score, _, (x, y) = cv2.minMaxLoc(scores)
            candidates.append((score, turned @ shift(x - rim - margin, y - rim - margin)))
            cv2.circle(scores, (x, y), max(2, margin // 3), -1, cv2.FILLED)
    candidates.sort(key=lambda pair: -pair[0])
    return [candidate for _, candidate in candidates[:keep]]
