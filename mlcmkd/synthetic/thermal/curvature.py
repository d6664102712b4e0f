"""Curvature of a mesh: hollows of a face keep heat, ridges lose it.

A ridge (nose, chin, rim of the ear) has much surface for the tissue that warms it, a hollow (orbit,
nasolabial fold) little, as the fins of a radiator.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.sparse import csr_matrix

from mlcmkd.synthetic.head.basis import Material, load_head
from mlcmkd.synthetic.rasterise import vertex_normals

_LARGEST = 0.25  # deflection at which the curvature of a vertex saturates: creases and tips
_TYPICAL = 0.08  # deflection that counts as 1


@dataclass(frozen=True)
class MeshNeighbours:
    """What curvature needs of a mesh besides the vertices of a person.

    Attributes:
        triangles: (T, 3) int32, counter-clockwise seen from outside.
        average: (V, V) sparse float32; multiplied by values it gives the mean over the neighbours.
        lengths: (V,) float32, mean length of the edges of a vertex before the mesh is deformed.
    """

    triangles: np.ndarray
    average: csr_matrix
    lengths: np.ndarray


def mesh_neighbours(vertices: np.ndarray, triangles: np.ndarray) -> MeshNeighbours:
    """The neighbours in a mesh of vertices (V, 3) and triangles (T, 3)."""
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    both = np.unique(np.concatenate([edges, edges[:, ::-1]]), axis=0)
    count = len(vertices)
    degree = np.maximum(np.bincount(both[:, 0], minlength=count), 1)
    shares = (1 / degree[both[:, 0]]).astype(np.float32)
    lengths = np.linalg.norm(vertices[both[:, 0]] - vertices[both[:, 1]], axis=1)
    total = np.bincount(both[:, 0], lengths, minlength=count)
    return MeshNeighbours(
        triangles=np.ascontiguousarray(triangles, np.int32),
        average=csr_matrix((shares, (both[:, 0], both[:, 1])), shape=(count, count)),
        lengths=np.maximum(total / degree, 1e-6).astype(np.float32),
    )


def curvature(vertices: np.ndarray, mesh: MeshNeighbours, smoothing: int = 0) -> np.ndarray:
    """How hollow a surface is at each vertex.

    The deflection of a vertex is the distance of its neighbours' mean from its tangent plane, as a
    share of the length of its edges; on a sphere length / (2 x radius). It saturates, so that single
    creases of the mesh do not dominate.

    Args:
        vertices: (V, 3) float32, in any rotated frame.
        mesh: its neighbours and triangles.
        smoothing: number of times that a vertex is averaged with its neighbours.

    Returns:
        (V,) float32; above 0 in hollows, below 0 on ridges, about -3 to 3.
    """
    vertices = np.ascontiguousarray(vertices, np.float32)
    normals = vertex_normals(vertices, mesh.triangles)
    towards = mesh.average @ vertices - vertices
    deflection = np.einsum("ij,ij->i", normals, towards) / mesh.lengths
    deflection = np.clip(deflection, -_LARGEST, _LARGEST)
    for _ in range(smoothing):
        deflection = (deflection + mesh.average @ deflection) / 2
    return deflection / np.float32(_TYPICAL)


@lru_cache(maxsize=1)
def _of_head() -> tuple[MeshNeighbours, np.ndarray]:
    """The head's mesh, and the vertices inside eyes and mouth, where curvature has no meaning."""
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
    return mesh_neighbours(head.mean, head.triangles), hidden


def head_curvature(vertices: np.ndarray, smoothing: int) -> np.ndarray:
    """Curvature (V,) float32 of a head with `vertices` (V, 3); 0 inside eyes and mouth."""
    mesh, hidden = _of_head()
    found = curvature(vertices, mesh, smoothing)
    found[hidden] = 0
    return found
