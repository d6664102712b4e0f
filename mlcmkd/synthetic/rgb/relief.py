"""Fine relief of skin as slopes that tilt its normals: pores and wrinkles."""

from functools import lru_cache

import cv2
import numpy as np
from numba import njit

from mlcmkd.synthetic.texture import lookup

_TEXELS = 100  # of the wrinkle map, per head unit
_LEFT, _TOP, _WIDTH, _HEIGHT = -1.2, 1.5, 240, 350  # it shows the face from the front
_WRINKLED = 0.33  # age at which wrinkles begin
# Lines on the mean head from the front, x right and y up, those of one half: (depth, width, points).
_LINES = (
    # across the forehead
    (0.4, 0.025, ((-0.6, 0.64), (-0.3, 0.62), (0, 0.58), (0.3, 0.62), (0.6, 0.64))),
    (0.5, 0.025, ((-0.65, 0.79), (-0.3, 0.78), (0, 0.75), (0.3, 0.78), (0.65, 0.79))),
    (0.4, 0.025, ((-0.55, 0.94), (-0.3, 0.94), (0, 0.92), (0.3, 0.94), (0.55, 0.94))),
    # between the brows, beside nose and mouth, below the mouth, below the eye
    (0.5, 0.02, ((0.07, 0.4), (0.06, 0.28), (0.09, 0.15))),
    (1.0, 0.035, ((0.27, -0.62), (0.38, -0.76), (0.48, -0.97), (0.53, -1.14))),
    (0.5, 0.03, ((0.44, -1.18), (0.47, -1.32), (0.43, -1.45))),
    (0.7, 0.03, ((0.31, -0.15), (0.4, -0.24), (0.53, -0.27), (0.66, -0.23))),
    # outwards from the outer corner of the eye
    (0.5, 0.015, ((0.78, 0.02), (0.88, 0.08), (0.97, 0.15))),
    (0.5, 0.015, ((0.79, -0.03), (0.9, -0.02), (1.0, 0))),
    (0.5, 0.015, ((0.77, -0.08), (0.88, -0.13), (0.97, -0.19))),
)


@lru_cache(maxsize=1)
def _wrinkle_slopes() -> np.ndarray:
    """(H, W, 2) float32, slopes of the wrinkles of an old face towards right and up."""
    height = np.zeros((_HEIGHT, _WIDTH), np.float32)
    for depth, width, points in _LINES:
        for side in (-1, 1):
            line = np.array(points) * [side, 1]
            pixels = (line - [_LEFT, _TOP]) * [_TEXELS, -_TEXELS]
            drawn = np.zeros_like(height)
            corners = np.rint(pixels * 16).astype(np.int32)
            cv2.polylines(drawn, [corners], False, 1.0, 1, cv2.LINE_AA, shift=4)
            drawn = cv2.GaussianBlur(drawn, (0, 0), width * _TEXELS)
            height = np.maximum(height, depth * drawn / drawn.max())
    right = cv2.Sobel(-height, cv2.CV_32F, 1, 0)
    up = -cv2.Sobel(-height, cv2.CV_32F, 0, 1)
    slopes = np.stack((right, up), axis=2)
    return slopes / np.abs(slopes).max()


def skin_normals(
    normals: np.ndarray, places: np.ndarray, noise: np.ndarray, to_camera: np.ndarray, age: float
) -> np.ndarray:
    """Normals (n, 3) float32 with pores and wrinkles.

    Args:
        normals: (n, 3) of the smooth surface, camera axes.
        places: (n, 3) on the mean head.
        noise: (n, 4) of `skin.skin_noise`; its first two columns are slopes.
        to_camera: (3, 3) rotation from head to camera axes.
        age: 0 young to 1 old.
    """
    wrinkles, depth = np.zeros((len(places), 2), np.float32), 0.0
    if age > _WRINKLED:
        columns, rows = (places[:, 0] - _LEFT) * _TEXELS, (_TOP - places[:, 1]) * _TEXELS
        wrinkles = lookup(_wrinkle_slopes(), columns, rows, wrap=False)
        depth = 0.06 + 0.75 * (age - _WRINKLED)
    roughness = np.float32(0.03 + 0.035 * age)
    return _tilt(normals, places, noise, roughness, wrinkles, np.float32(depth), to_camera)


@njit(cache=True)
def _tilt(normals, places, noise, roughness, wrinkles, depth, to_camera):
    """Unit normals (n, 3) of a surface with pores, and with wrinkles (n, 2) that end at the sides of the
    head; the slopes of both are towards the head's right and up."""
    one, zero = np.float32(1), np.float32(0)
    tilted = np.empty_like(normals)
    for m in range(len(normals)):
        fade = min(max(places[m, 2] * np.float32(2) + one, zero), one) * depth
        across = roughness * noise[m, 0] + fade * wrinkles[m, 0]
        up = roughness * noise[m, 1] + fade * wrinkles[m, 1]
        x = normals[m, 0] - across * to_camera[0, 0] - up * to_camera[0, 1]
        y = normals[m, 1] - across * to_camera[1, 0] - up * to_camera[1, 1]
        z = normals[m, 2] - across * to_camera[2, 0] - up * to_camera[2, 1]
        length = np.sqrt(x * x + y * y + z * z)
        tilted[m, 0], tilted[m, 1], tilted[m, 2] = x / length, y / length, z / length
    return tilted
