"""Where to start: many turns, scales and shifts are tried on small images.

Matrices here go from thermal pixels to RGB pixels, the way in which an image is resampled.
"""

from itertools import product

import cv2
import numpy as np

from data_prep.registration.edges import edges

DEGREES = (-10, -5, 0, 5, 10)
SCALES = (0.87, 0.93, 1.0, 1.07, 1.15)
_MARGIN = 0.25  # shifts that are tried, share of the image's shorter side
_RIM = 0.1  # of the thermal image, left out: what is there may be outside the RGB image


def smaller(image: np.ndarray, factor: float) -> tuple[np.ndarray, np.ndarray]:
    """An image about `factor` (1 or more) times smaller, and (3, 3) from its pixels to the new ones."""
    height, width = image.shape[:2]
    size = (max(round(width / factor), 1), max(round(height / factor), 1))
    x, y = size[0] / width, size[1] / height  # sides are whole numbers, so not quite 1 / factor
    # Pixel centres, not corners, are whole numbers.
    matrix = np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1]])
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA), matrix


def shift(x: float, y: float) -> np.ndarray:
    return np.array([[1.0, 0, x], [0, 1, y], [0, 0, 1]])


def resampled(image: np.ndarray, matrix: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The image seen through `matrix`, from pixels of the result to its own; borders repeated."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpPerspective(image, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)


def starts(thermal: np.ndarray, rgb: np.ndarray, matrix: np.ndarray, keep: int) -> list[np.ndarray]:
    """The `keep` best places to start from, by the agreement of edges.

    Args:
        thermal, rgb: (H, W) float32 grey, about 80 pixels on the shorter side.
        matrix: a first guess, thermal to RGB pixels, around which is searched.

    Returns:
        (3, 3) matrices, thermal to RGB pixels, best first.
    """
    height, width = thermal.shape
    margin, rim = round(_MARGIN * min(width, height)), round(_RIM * min(width, height))
    wanted = edges(thermal)[rim : height - rim, rim : width - rim]
    found = []
    for degrees, scale in product(DEGREES, SCALES):
        turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, scale)
        seen = matrix @ np.vstack([turn, [0, 0, 1]])
        canvas = (width + 2 * margin, height + 2 * margin)
        field = edges(resampled(rgb, seen @ shift(-margin, -margin), canvas))
        scores = cv2.matchTemplate(field, wanted, cv2.TM_CCORR_NORMED)
        for _ in range(2):  # the two best shifts, which are not neighbours
            _, score, _, (x, y) = cv2.minMaxLoc(scores)
            found.append((score, seen @ shift(x - rim - margin, y - rim - margin)))
            cv2.circle(scores, (x, y), max(2, margin // 3), -1, cv2.FILLED)
    found.sort(key=lambda pair: -pair[0])
    return [place for _, place in found[:keep]]
