"""Ambient occlusion: how much of the light from all around reaches each vertex."""

import numpy as np

from mlcmkd.synthetic.rasterise import FAR, rasterise, vertex_normals

SIZE = 400  # side of the depth maps, pixels
DIRECTIONS = 256
TOLERANCE = 0.03  # head units: a vertex this little behind the nearest surface is seen


def ambient_occlusion(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Cosine-weighted visibility of the sky from each vertex, by a depth map from each direction.

    Args:
        points: (V, 3) float32.
        triangles: (T, 3) int32, counter-clockwise seen from outside.

    Returns:
        (V,) float32 from 0 (hidden all around) to 1 (nothing is in the way).
    """
    normals = vertex_normals(points, triangles)
    seen, possible = np.zeros(len(points)), np.full(len(points), 1e-9)
    for direction in _fibonacci_sphere(DIRECTIONS):
        facing = np.maximum(normals @ direction, 0)
        possible += facing
        seen += facing * _visible(points, triangles, direction)
    return (seen / possible).astype(np.float32)


def _visible(points: np.ndarray, triangles: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """(V,) whether each vertex is seen from far away in that direction."""
    helper = np.array([0, 1, 0]) if abs(direction[1]) < 0.9 else np.array([1, 0, 0])
    right = np.cross(helper, direction)
    right /= np.linalg.norm(right)
    turned = points @ np.stack([right, -np.cross(direction, right), direction], 1)
    low, high = turned[:, :2].min(0), turned[:, :2].max(0)
    scale = (SIZE - 1) / (high - low).max()
    pixels = np.column_stack([(turned[:, :2] - low) * scale, turned[:, 2]]).astype(np.float32)
    depth = np.full((SIZE, SIZE), FAR, np.float32)
    triangle = np.full((SIZE, SIZE), -1, np.int32)
    rasterise(pixels, triangles, triangle, np.zeros((SIZE, SIZE, 2), np.float32), depth)
    columns, rows = np.rint(pixels[:, :2]).astype(int).T
    return pixels[:, 2] > depth[rows, columns] - TOLERANCE


def _fibonacci_sphere(count: int) -> np.ndarray:
    """(count, 3) unit directions, evenly spread."""
    index = np.arange(count) + 0.5
    height, turn = 1 - 2 * index / count, np.pi * (1 + 5**0.5) * index
    radius = np.sqrt(1 - height**2)
    return np.stack([radius * np.cos(turn), height, radius * np.sin(turn)], 1)
