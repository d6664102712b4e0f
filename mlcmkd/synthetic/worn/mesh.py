"""Building blocks of what a person wears: tubes, ribbons, grids, and cutting a mesh along a line."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mlcmkd.synthetic.part import Part, renumber


@dataclass(frozen=True)
class Mesh:
    """Vertices (N, 3) float32 in head coordinates and triangles (T, 3) int32."""

    vertices: np.ndarray
    triangles: np.ndarray

    def part(
        self,
        material: int,
        follows: np.ndarray | None = None,
        places: np.ndarray | None = None,
    ) -> Part:
        """A body of one material.

        Args:
            material: a `Worn` value.
            follows: (N,) see `Part.follows`; None for a body that turns with the head.
            places: (N, 3) see `Part.places`; None for the vertices.
        """
        if follows is None:
            follows = np.ones(len(self.vertices), np.float32)
        return Part(
            vertices=self.vertices,
            triangles=self.triangles,
            materials=np.full(len(self.triangles), material, np.int8),
            places=self.vertices if places is None else places,
            follows=follows,
        )


def merge(meshes: list[Mesh]) -> Mesh:
    """One mesh of several."""
    return Mesh(
        np.concatenate([mesh.vertices for mesh in meshes]).astype(np.float32),
        renumber([mesh.triangles for mesh in meshes], [len(mesh.vertices) for mesh in meshes]),
    )


@lru_cache(maxsize=64)
def grid_triangles(rows: int, columns: int, closed: bool = False) -> np.ndarray:
    """Triangles (T, 3) int32 of a grid of vertices in row-major order; `closed` joins its sides."""
    row, column = np.mgrid[: rows - 1, : columns if closed else columns - 1]
    beside = (column + 1) % columns
    a, b = row * columns + column, row * columns + beside
    lower = np.stack((a, a + columns, b), axis=-1)
    upper = np.stack((b, a + columns, b + columns), axis=-1)
    return np.concatenate((lower.reshape(-1, 3), upper.reshape(-1, 3))).astype(np.int32)


def grid(points: np.ndarray, closed: bool = False) -> Mesh:
    """A surface through a grid of points (R, C, 3); `closed` joins its last column with its first."""
    rows, columns = points.shape[:2]
    return Mesh(points.reshape(-1, 3).astype(np.float32), grid_triangles(rows, columns, closed))


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors (..., 3) of length 1."""
    return vectors / (np.sqrt((vectors * vectors).sum(-1, keepdims=True)) + np.float32(1e-9))


def tube(path: np.ndarray, radii: np.ndarray | float, sides: int = 8) -> Mesh:
    """A round tube along a path.

    Args:
        path: (K, 3) points of the axis, K at least 2.
        radii: (K,) or one radius, head units; rounded ends need small radii there.
        sides: number of sides of its cross-section, a polygon.
    """
    path = np.asarray(path, np.float32)
    along = unit(np.gradient(path, axis=0))
    # Any direction that is not parallel to the path on the whole.
    helper = np.eye(3, dtype=np.float32)[np.abs(along.mean(0)).argmin()]
    side = unit(np.cross(along, helper))
    other = np.cross(along, side)
    angles = np.linspace(0, 2 * np.pi, sides, endpoint=False, dtype=np.float32)
    circle = side[:, None] * np.cos(angles)[:, None] + other[:, None] * np.sin(angles)[:, None]
    radii = np.broadcast_to(np.asarray(radii, np.float32), len(path))
    return grid(path[:, None] + circle * radii[:, None, None], closed=True)


def ribbons(lines: np.ndarray, outward: np.ndarray, widths: np.ndarray) -> Mesh:
    """Flat strips along many lines.

    Args:
        lines: (N, K, 3) points of each line.
        outward: (N, K, 3) direction that the strips face.
        widths: (N, K) head units.

    Returns:
        A mesh of N * K * 2 vertices: for each point of each line its two sides.
    """
    count, steps = lines.shape[:2]
    along = np.empty_like(lines)
    along[:, 1:-1] = lines[:, 2:] - lines[:, :-2]
    along[:, 0], along[:, -1] = lines[:, 1] - lines[:, 0], lines[:, -1] - lines[:, -2]
    across = unit(np.cross(along, outward)) * (widths / 2)[..., None]
    vertices = np.stack((lines - across, lines + across), axis=2)
    return Mesh(vertices.reshape(-1, 3).astype(np.float32), _ribbon_triangles(count, steps))


@lru_cache(maxsize=256)
def _ribbon_triangles(count: int, steps: int) -> np.ndarray:
    """Triangles of `count` separate grids of `steps` x 2 vertices."""
    starts = np.arange(count, dtype=np.int32)[:, None, None] * (steps * 2)
    return (grid_triangles(steps, 2) + starts).reshape(-1, 3).astype(np.int32)


def clip(mesh: Mesh, values: np.ndarray, *more: np.ndarray) -> tuple[Mesh, list[np.ndarray]]:
    """The part of a mesh where a value of its vertices is positive, cut along the line of zero.

    Args:
        mesh: the mesh.
        values: (N,) the value at each vertex, interpolated linearly in between.
        *more: further values (N, ...) of the vertices that the result needs as well.

    Returns:
        The mesh with new vertices on the line, and `more` at its vertices.
    """
    inside = values > 0
    at_corners = inside[mesh.triangles].view(np.int8)
    number = at_corners[:, 0] + at_corners[:, 1] + at_corners[:, 2]
    whole, one, two = (mesh.triangles[number == k] for k in (3, 1, 2))
    # Turn each cut triangle so that the corner that is alone comes first.
    one = _turned(one, inside[one].argmax(axis=1))
    two = _turned(two, (~inside[two]).argmax(axis=1))
    edges = np.concatenate((one[:, [0, 1]], one[:, [0, 2]], two[:, [0, 1]], two[:, [0, 2]]))
    first, second = values[edges[:, 0]], values[edges[:, 1]]
    share = (first / (first - second)).astype(np.float32)
    new = len(values) + np.arange(len(edges), dtype=np.int32)
    ab, ac, cd, ce = np.split(new, np.cumsum([len(one), len(one), len(two)]))
    triangles = np.concatenate(
        (
            whole,
            np.stack((one[:, 0], ab, ac), axis=1),
            np.stack((cd, two[:, 1], two[:, 2]), axis=1),
            np.stack((cd, two[:, 2], ce), axis=1),
        )
    ).astype(np.int32)

    def extended(array: np.ndarray) -> np.ndarray:
        weight = share.reshape(-1, *[1] * (array.ndim - 1))
        between = array[edges[:, 0]] * (1 - weight) + array[edges[:, 1]] * weight
        return np.concatenate((array, between)).astype(np.float32)

    is_used = np.zeros(len(values) + len(edges), bool)
    is_used[triangles] = True
    used = np.flatnonzero(is_used)
    renumber = np.cumsum(is_used, dtype=np.int32) - 1
    kept = Mesh(extended(mesh.vertices)[used], renumber[triangles])
    return kept, [extended(array)[used] for array in more]


def _turned(triangles: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Triangles with their corners in the same cyclic order, beginning with the one given."""
    order = (first[:, None] + np.arange(3)) % 3
    return np.take_along_axis(triangles, order, axis=1)
