"""The atlas: a small frontal map of the face, warped to the canvas by a thin-plate spline.

Smooth properties of the skin (light, blood, stubble) are defined on it in head units, independent of
the pose, and warped so that they follow the landmarks.
"""

import cv2
import numpy as np

from mlcmkd.synthetic.drawn.shape import MEAN_FACE, Geometry

ATLAS_SCALE = 30  # atlas pixels a head unit
_ATLAS_LOW = np.array([-1.6, -1.7])
_ATLAS_HIGH = np.array([1.6, 2.1])
ATLAS_SHAPE = tuple(int(n) for n in np.rint((_ATLAS_HIGH - _ATLAS_LOW) * ATLAS_SCALE)[::-1])
ATLAS_Y, ATLAS_X = (
    grid.astype(np.float32)
    for grid in np.meshgrid(
        _ATLAS_LOW[1] + np.arange(ATLAS_SHAPE[0]) / ATLAS_SCALE,
        _ATLAS_LOW[0] + np.arange(ATLAS_SHAPE[1]) / ATLAS_SCALE,
        indexing="ij",
    )
)


def lobe(x: float, y: float, width: float, height: float, *, mirrored: bool = False) -> np.ndarray:
    """Gaussian bump of height 1 on the atlas, in head units; `mirrored` adds its mirror image."""
    bump = np.exp(-(((ATLAS_X - x) / width) ** 2) - ((ATLAS_Y - y) / height) ** 2)
    return bump + lobe(-x, y, width, height) if mirrored else bump


def atlas_polygon(points: list[tuple[float, float]], blur: float) -> np.ndarray:
    """Soft mask on the atlas of a polygon in head units; `blur` too."""
    mask = np.zeros(ATLAS_SHAPE, np.uint8)
    pixels = np.rint((np.array(points) - _ATLAS_LOW) * ATLAS_SCALE).astype(np.int32)
    cv2.fillPoly(mask, [pixels], 255, cv2.LINE_AA)
    soft = cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), blur * ATLAS_SCALE)
    return soft


# Control points of the warp. Lids and inner lips are left out: when they close, two atlas points would
# have the same canvas point. Every second jaw and brow point is enough.
_PINS = [0, 2, 4, 6, 8, 10, 12, 14, 16, 17, 19, 21, 22, 24, 26, 27, 29, 30, 31, 33, 35, 36, 39, 42,
         45, 48, 51, 54, 57]  # fmt: skip
_FOREHEAD_PINS = np.array(
    [(0.99, -0.35), (0.90, -0.7), (0.68, -1.0), (0, -1.22), (-0.68, -1.0), (-0.90, -0.7),
     (-0.99, -0.35)]
)  # fmt: skip
_ATLAS_PINS = np.concatenate([MEAN_FACE[_PINS, :2], _FOREHEAD_PINS])
_GRID = 25  # the spline is evaluated on this many points a side and enlarged: it is smooth


def _thin_plate(distance_squared: np.ndarray) -> np.ndarray:
    return distance_squared * np.log(distance_squared + 1e-9)


def atlas_maps(geometry: Geometry) -> tuple[np.ndarray, np.ndarray]:
    """Atlas position of each canvas pixel: x and y in atlas pixels, each (side, side)."""
    pins = np.concatenate([geometry.landmarks[_PINS], geometry.forehead]) / geometry.side - 0.5
    count = len(pins)
    system = np.zeros((count + 3, count + 3))
    difference = pins[:, None] - pins[None]
    system[:count, :count] = _thin_plate((difference**2).sum(-1))
    system[:count, :count] += 1e-4 * np.eye(
        count
    )  # regularisation where control points nearly coincide
    system[:count, count], system[:count, count + 1 :] = 1, pins
    system[count, :count], system[count + 1 :, :count] = 1, pins.T
    target = np.zeros((count + 3, 2))
    target[:count] = _ATLAS_PINS
    weights = np.linalg.solve(system, target)

    # cv2.resize reads a coarse grid as cells; its cell centres are the positions to evaluate at.
    axis = (np.arange(_GRID) + 0.5) / _GRID - 0.5 - 0.5 / geometry.side
    x, y = np.meshgrid(axis, axis)
    grid = np.stack([x.ravel(), y.ravel()], 1)
    squared = ((grid[:, None] - pins[None]) ** 2).sum(-1)
    features = np.concatenate([_thin_plate(squared), np.ones((len(grid), 1)), grid], 1)
    atlas = (features @ weights - _ATLAS_LOW) * ATLAS_SCALE
    size = (geometry.side, geometry.side)
    fine = cv2.resize(
        atlas.astype(np.float32).reshape(_GRID, _GRID, 2), size, interpolation=cv2.INTER_CUBIC
    )
    return np.ascontiguousarray(fine[..., 0]), np.ascontiguousarray(fine[..., 1])
