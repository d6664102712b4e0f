"""From quads of the base mesh to an exactly symmetric mesh of triangles, aligned between the eyes."""

from dataclasses import dataclass

import numpy as np

from head_bake.source import Source
from mlcmkd.synthetic.head.basis import Material

# The lining of an eye socket this far behind the centre of the eyeball, as a share of its radius, is
# never seen.
HIDDEN_SOCKET = 0.3
TEETH_WIDTH, TEETH_BACK = 0.85, 0.03  # of MakeHuman's width; head units
TOUCHING = 0.003  # height of the line between closed lips, head units


@dataclass(frozen=True)
class Mesh:
    """What all heads share.

    Attributes:
        kept: (V,) indices of the source's vertices that are used.
        triangles: (T, 3) into `kept`, counter-clockwise seen from outside.
        materials: (T,) int8.
        mirror: (V,) the vertex at the mirrored place.
        eye_vertices: (2, M) the eyeballs, the left of the image first, mirrored in the same order.
    """

    kept: np.ndarray
    triangles: np.ndarray
    materials: np.ndarray
    mirror: np.ndarray
    eye_vertices: np.ndarray


def build_mesh(source: Source) -> Mesh:
    """Triangles of the source's quads: the left half is split, the right half is its mirror image.

    The mirrored half has the mirrored materials too, since those were read from a picture.
    """
    middle = source.template[source.quads].mean(1)
    left = (middle[:, 0] < 0) & ~_hidden(source, middle)
    triangles, materials = _split(source.template, source.quads[left], source.materials[left])
    triangles = np.concatenate([triangles, source.mirror[triangles][:, ::-1]])
    materials = np.concatenate([materials, materials])
    kept = np.unique(triangles)
    renumbered = np.full(len(source.template), -1)
    renumbered[kept] = np.arange(len(kept))
    triangles, mirror = renumbered[triangles], renumbered[source.mirror[kept]]
    eyes = np.unique(triangles[materials == Material.EYE])
    left_eye = eyes[source.template[kept][eyes, 0] < 0]
    return Mesh(kept, triangles, materials, mirror, np.stack([left_eye, mirror[left_eye]]))


def _hidden(source: Source, middle: np.ndarray) -> np.ndarray:
    """(Q,) whether a quad of the eye sockets lies behind the eyeball."""
    eyes = source.template[np.unique(source.quads[source.materials == Material.EYE])]
    depth = eyes[:, 2]
    limit = (depth.max() + depth.min()) / 2 - HIDDEN_SOCKET * (depth.max() - depth.min()) / 2
    return (source.materials == Material.EYE_SOCKET) & (middle[:, 2] < limit)


def _split(
    points: np.ndarray, quads: np.ndarray, materials: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Two triangles of each quad, along its shorter diagonal."""
    corners = points[quads]
    first = np.linalg.norm(corners[:, 0] - corners[:, 2], axis=1)
    second = np.linalg.norm(corners[:, 1] - corners[:, 3], axis=1)
    turned = np.where((first <= second)[:, None], quads, np.roll(quads, -1, axis=1))
    triangles = turned[:, [[0, 1, 2], [0, 2, 3]]].reshape(-1, 3)
    return triangles, np.repeat(materials, 2)


def close_lips(heads: np.ndarray, mesh: Mesh, jaw_open: np.ndarray) -> np.ndarray:
    """Heads whose lips touch: MakeHuman's are a little apart, to a different degree in each head.

    Args:
        heads: (N, V, 3) aligned heads.
        mesh: their mesh.
        jaw_open: (V, 3) displacement of the expression jawOpen, in the same unit.
    """
    on_lips, in_mouth = (
        np.unique(mesh.triangles[mesh.materials == material])
        for material in (Material.LIPS, Material.MOUTH)
    )
    rim = np.intersect1d(on_lips, in_mouth)
    middle = rim[mesh.mirror[rim] == rim]
    lower, upper = middle[np.argsort(heads.mean(0)[middle, 1])]
    apart = heads[:, upper, 1] - heads[:, lower, 1]
    closing = (apart - TOUCHING) / (jaw_open[upper, 1] - jaw_open[lower, 1])
    return heads - closing[:, None, None] * jaw_open


def narrow_teeth(heads: np.ndarray, mesh: Mesh) -> np.ndarray:
    """Heads with narrower teeth, which do not reach through the skin at the corners of the mouth."""
    teeth = np.unique(mesh.triangles[mesh.materials == Material.TEETH])
    heads = heads.copy()
    heads[:, teeth] *= np.array([TEETH_WIDTH, 1, 1], np.float32)
    heads[:, teeth, 2] -= TEETH_BACK
    return heads


def align(heads: np.ndarray, mesh: Mesh) -> tuple[np.ndarray, np.ndarray]:
    """Heads with the origin between the eye centres and the distance of those as the unit.

    Args:
        heads: (N, V, 3) in any unit.

    Returns:
        (N, V, 3) float32, and (N,) how long the unit of each head was.
    """
    centres = heads[:, mesh.eye_vertices].mean(2)  # (N, 2, 3)
    unit = np.linalg.norm(centres[:, 1] - centres[:, 0], axis=1)
    return (heads - centres.mean(1)[:, None]) / unit[:, None, None], unit
