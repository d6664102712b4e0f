"""Curvature of a mesh: hollows of a face keep heat, ridges lose it.

A ridge (nose, chin, rim of the ear) has much surface for the tissue that warms it, a hollow (orbit,
nasolabial fold) little, as the fins of a radiator.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mlcmkd.synthetic.head.basis import Material, load_head
from mlcmkd.synthetic.rasterise import vertex_normals

_LARGEST = 0.25  # deflection at which the curvature of a vertex saturates: creases and tips
_TYPICAL = 0.08  # deflection that counts as 1


@dataclass(frozen=True)
class Neighbours:
    """The vertices next to each vertex of a mesh.

    Attributes:
        table: (V, D) int32, neighbours; rows with fewer than D are filled with the vertex itself.
        counts: (V,) float32, number of neighbours.
    """

    table: np.ndarray
    counts: np.ndarray

    def mean(self, values: np.ndarray) -> np.ndarray:
        """Mean of the neighbours' values (V,) or (V, C)."""
        filled = self.table.shape[1] - self.counts
        total = values[self.table[:, 0]]
        for column in self.table.T[1:]:
            total += values[column]
        if values.ndim == 2:
            return (total - filled[:, None] * values) / self.counts[:, None]
        return (total - filled * values) / self.counts


def neighbours_of(triangles: np.ndarray, count: int) -> Neighbours:
    """Neighbours along the edges of `triangles` (T, 3) among `count` vertices."""
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    both = np.unique(np.concatenate([edges, edges[:, ::-1]]), axis=0)
    counts = np.bincount(both[:, 0], minlength=count)
    table = np.repeat(np.arange(count, dtype=np.int32)[:, None], counts.max(), axis=1)
    column = np.arange(len(both)) - np.repeat(np.cumsum(counts) - counts, counts)
    table[both[:, 0], column] = both[:, 1]
    return Neighbours(table, np.maximum(counts, 1).astype(np.float32))


def curvature(
    vertices: np.ndarray, triangles: np.ndarray, neighbours: Neighbours, smoothing: int = 0
) -> np.ndarray:
    """How hollow a surface is at each vertex.

    The deflection of a vertex is the distance of its neighbours' mean from its tangent plane, as a
    share of the mean length of its edges; 1 / (2 x radius x length) on a sphere. It saturates, so
    that single creases of the mesh do not stand out.

    Args:
        vertices: (V, 3) float32.
        triangles: (T, 3) int32, counter-clockwise seen from outside.
        neighbours: of the same mesh.
        smoothing: number of times that a vertex is averaged with its neighbours.

    Returns:
        (V,) float32; above 0 in hollows, below 0 on ridges, about -3 to 3.
    """
    vertices = np.ascontiguousarray(vertices, np.float32)
    normals = vertex_normals(vertices, triangles)
    to_mean = neighbours.mean(vertices) - vertices
    first = neighbours.table[:, :3]  # three edges tell the size of the mesh around a vertex
    lengths = np.sqrt(((vertices[first] - vertices[:, None]) ** 2).sum(axis=2)).mean(axis=1)
    deflection = np.einsum("vk,vk->v", to_mean, normals) / np.maximum(lengths, 1e-6)
    deflection = np.clip(deflection, -_LARGEST, _LARGEST)
    for _ in range(smoothing):
        deflection = (deflection + neighbours.mean(deflection)) / 2
    return (deflection / np.float32(_TYPICAL)).astype(np.float32)


@lru_cache(maxsize=1)
def _of_head() -> tuple[Neighbours, np.ndarray]:
    """Neighbours on the head, and the vertices inside eyes and mouth, where curvature tells nothing."""
    head = load_head()
    inner = (
        Material.EYE_SOCKET,
        Material.EYE,
        Material.MOUTH,
        Material.TONGUE,
        Material.TEETH,
    )
    hidden = np.zeros(len(head.mean), bool)
    hidden[head.triangles[np.isin(head.materials, inner)]] = True
    return neighbours_of(head.triangles, len(head.mean)), hidden


def head_curvature(vertices: np.ndarray, smoothing: int) -> np.ndarray:
    """Curvature (V,) float32 of a head with `vertices` (V, 3); 0 inside eyes and mouth."""
    neighbours, hidden = _of_head()
    found = curvature(vertices, load_head().triangles, neighbours, smoothing)
    found[hidden] = 0
    return found
