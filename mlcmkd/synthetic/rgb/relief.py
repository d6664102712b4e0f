"""Fine relief of skin as slopes that tilt its normals: pores and wrinkles."""

from functools import lru_cache

import cv2
import numpy as np

from mlcmkd.synthetic.rgb.skin import TEXELS, SkinLook, unrolled
from mlcmkd.synthetic.rgb.tiles import bumps, lookup
from mlcmkd.synthetic.scene import Scene

_TEXELS = 100  # of the wrinkle map, per head unit
_LEFT, _TOP, _WIDTH, _HEIGHT = -1.2, 1.5, 240, 350  # it shows the face from the front
# Lines on the mean head from the front, x right and y up, those of one half: (depth, width, points).
_LINES = (
    (0.5, 0.025, ((-0.6, 0.62), (-0.3, 0.6), (0, 0.57), (0.3, 0.6), (0.6, 0.62))),
    (0.6, 0.025, ((-0.65, 0.77), (-0.3, 0.76), (0, 0.73), (0.3, 0.76), (0.65, 0.77))),
    (0.5, 0.025, ((-0.55, 0.92), (-0.3, 0.92), (0, 0.9), (0.3, 0.92), (0.55, 0.92))),
    (0.5, 0.02, ((0.07, 0.4), (0.06, 0.28), (0.09, 0.17))),
    (1.0, 0.035, ((0.27, -0.62), (0.38, -0.76), (0.48, -0.95), (0.52, -1.12))),
    (0.5, 0.03, ((0.43, -1.15), (0.46, -1.28), (0.42, -1.4))),
    (0.7, 0.03, ((0.29, -0.12), (0.38, -0.2), (0.5, -0.23), (0.62, -0.2))),
    (0.5, 0.015, ((0.74, 0.04), (0.84, 0.1), (0.92, 0.17))),
    (0.5, 0.015, ((0.75, -0.01), (0.86, 0), (0.95, 0.02))),
    (0.5, 0.015, ((0.73, -0.06), (0.84, -0.11), (0.92, -0.17))),
)


@lru_cache(maxsize=1)
def wrinkle_slopes() -> np.ndarray:
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


def skin_normals(scene: Scene, skin: SkinLook) -> np.ndarray:
    """Normals (M, 3) float32 of the solid surface with pores and wrinkles of skin."""
    places = scene.solid.places
    across, along = unrolled(places)
    rough = lookup(
        bumps(), across * TEXELS + skin.texture[1], along * TEXELS + skin.texture[0], wrap=True
    )
    slopes = rough * (0.035 + 0.04 * skin.age)
    wrinkles = lookup(
        wrinkle_slopes(), (places[:, 0] - _LEFT) * _TEXELS, (_TOP - places[:, 1]) * _TEXELS,
        wrap=False,
    )  # fmt: skip
    front = np.clip(places[:, 2] * 2 + 1.2, 0, 1)
    slopes += wrinkles * (front * (0.05 + 0.75 * max(0, skin.age - 0.3)))[:, None]
    normals = scene.solid.normals - slopes @ scene.rotation[:, :2].T
    return normals / np.linalg.norm(normals, axis=1, keepdims=True)
