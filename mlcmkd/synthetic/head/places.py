"""Where facial landmarks are on the mean head: the definitions that the asset stores as mesh positions.

Head units. Names are those of mlcmkd.schemes; only the left of the image and the midline are written
down, the right is the mirror image. The numbers are ours, adjusted until the mean head agreed with the
mean of 300W's near-frontal training labels (scripts/landmark_offsets.py). The hairline is our choice.

A position on the mesh is a triangle and the barycentric weights of its corners, so it follows every
identity and expression.
"""

from dataclasses import dataclass

import numpy as np

from mlcmkd.synthetic.head.basis import HeadBasis, Material
from mlcmkd.synthetic.head.rays import first_hit, last_hit

# Points that are found by a ray from the front at (x, y).
FRONT = {
    "left brow outer end": (-0.96, 0.17),
    "left brow outer quarter": (-0.81, 0.30),
    "left brow middle": (-0.605, 0.34),
    "left brow inner quarter": (-0.395, 0.31),
    "left brow inner end": (-0.197, 0.24),
    "left brow lower outer quarter": (-0.78, 0.21),
    "left brow lower middle": (-0.60, 0.24),
    "left brow lower inner quarter": (-0.39, 0.20),
    "left brow lower inner end": (-0.20, 0.13),
    "nose bridge 1": (0, 0.01),
    "nose bridge 2": (0, -0.19),
    "nose bridge 3": (0, -0.385),
    "nose tip": (0, -0.58),
    "left nose wing": (-0.23, -0.70),
    "left nostril": (-0.12, -0.735),
    "nose base": (0, -0.765),
    "left mouth corner": (-0.40, -1.105),
    "left forehead 1": (-0.78, 0.62),
    "left forehead 2": (-0.45, 0.95),
    "forehead middle": (0, 1.05),
}
# Points on the rims of the lids, as parts of the eye's width from the outer (0) to the inner corner (1).
LIDS = {
    "left eye outer corner": ("upper", 0.0),
    "left upper lid outer": ("upper", 0.32),
    "left upper lid middle": ("upper", 0.5),
    "left upper lid inner": ("upper", 0.68),
    "left eye inner corner": ("upper", 1.0),
    "left lower lid inner": ("lower", 0.68),
    "left lower lid middle": ("lower", 0.5),
    "left lower lid outer": ("lower", 0.32),
}
# Points on the lines between lips and skin (outer), and between lips and mouth (inner), at some x.
LIPS = {
    "left upper lip 1": ("outer", "upper", -0.25),
    "left upper lip 2": ("outer", "upper", -0.095),
    "upper lip middle": ("outer", "upper", 0.0),
    "left lower lip 1": ("outer", "lower", -0.25),
    "left lower lip 2": ("outer", "lower", -0.12),
    "lower lip middle": ("outer", "lower", 0.0),
    "left mouth corner inside": ("inner", "upper", -1.0),  # the end of the line
    "left upper lip inside": ("inner", "upper", -0.13),
    "upper lip middle inside": ("inner", "upper", 0.0),
    "left lower lip inside": ("inner", "lower", -0.13),
    "lower lip middle inside": ("inner", "lower", 0.0),
}

# The jaw line moves over the mesh when the head turns: strips run from the edge of the jaw, or the front
# of the ear, towards the cheek, and of each the sample that is outermost in the image counts. Both ends
# of the strips are interpolated between these five points, ear to chin; a sample is where a ray from
# JAW_CENTRE through such a point leaves the skin.
JAW_STRIPS, JAW_SAMPLES = 17, 11
JAW_CENTRE = (0, -0.8, -0.5)
JAW_EDGE = (
    (-1.10, -0.10, -0.85),
    (-1.08, -0.65, -0.85),
    (-0.98, -1.12, -0.82),
    (-0.62, -1.57, -0.37),
    (0.00, -1.735, 0.11),
)
JAW_CHEEK = (
    (-0.70, -0.30, 0.22),
    (-0.64, -0.76, 0.22),
    (-0.58, -1.04, 0.20),
    (-0.30, -1.42, 0.28),
    (0.00, -1.50, 0.25),
)


@dataclass(frozen=True)
class Places:
    """Landmarks as positions on the mesh.

    Attributes:
        names: names of the fixed points, midline first, then the left and the right ones.
        triangles: (P,) int32, index of the triangle of each point.
        weights: (P, 3) float32, barycentric weights of its corners.
        jaw_triangles: (2, S, C) int32, samples of the jaw's strips: left and right, from ear to chin,
            from the edge to the cheek.
        jaw_weights: (2, S, C, 3) float32.
    """

    names: tuple[str, ...]
    triangles: np.ndarray
    weights: np.ndarray
    jaw_triangles: np.ndarray
    jaw_weights: np.ndarray


def define_places(head: HeadBasis) -> Places:
    """All places of this module on the mean head."""
    skin = np.flatnonzero(np.isin(head.materials, [Material.SKIN, Material.LIPS]))
    eye = np.flatnonzero(head.materials == Material.EYE)
    found = {name: _from_front(head, skin, *place) for name, place in FRONT.items()}
    rims = _rim(head, Material.EYE_SOCKET)
    found |= {name: _on_lid(head, rims, *place) for name, place in LIDS.items()}
    lines = {"outer": _rim(head, Material.LIPS), "inner": _rim(head, Material.MOUTH)}
    for name, (line, side, x) in LIPS.items():
        found[name] = _on_line(head, _side(head, lines[line], side), x)
    centre = head.eyes(head.mean)[0][0]
    found["left pupil"] = _from_front(head, eye, centre[0], centre[1])
    for name in [name for name in found if name.startswith("left ")]:
        found[name.replace("left ", "right ", 1)] = _mirrored(head, *found[name])
    jaw = [[_radial(head, skin, point) for point in strip] for strip in _jaw_points()]
    both = [jaw, [[_mirrored(head, *sample) for sample in strip] for strip in jaw]]
    return Places(
        names=tuple(found),
        triangles=np.array([triangle for triangle, _ in found.values()], np.int32),
        weights=np.array([weights for _, weights in found.values()], np.float32),
        jaw_triangles=np.array(
            [[[t for t, _ in strip] for strip in side] for side in both], np.int32
        ),
        jaw_weights=np.array(
            [[[w for _, w in strip] for strip in side] for side in both], np.float32
        ),
    )


def lid_vertices(head: HeadBasis) -> np.ndarray:
    """(2, 2, L) the vertices of `HeadBasis.lid_vertices`: those next to iBUG's points of the lids."""
    rims = _rim(head, Material.EYE_SOCKET)
    lids = []
    for side in ("upper", "lower"):
        edges = [_on_lid(head, rims, side, share) for share in (0.32, 0.5, 0.68)]
        lids.append([head.triangles[triangle][np.argmax(weights)] for triangle, weights in edges])
    left = np.array(lids)
    return np.stack([left, head.mirror[left]])


def _jaw_points() -> np.ndarray:
    """(S, C, 3) points near the jaw through which rays are sent, on the left of the image."""
    from scipy.interpolate import PchipInterpolator  # smooth, and never beyond its points

    given = np.linspace(0, JAW_STRIPS - 1, len(JAW_EDGE))
    strips = np.arange(JAW_STRIPS)
    edge = PchipInterpolator(given, np.array(JAW_EDGE))(strips)
    cheek = PchipInterpolator(given, np.array(JAW_CHEEK))(strips)
    share = np.linspace(0, 1, JAW_SAMPLES)[None, :, None]
    return edge[:, None] + (cheek - edge)[:, None] * share


def _from_front(head: HeadBasis, among: np.ndarray, x: float, y: float):
    """The frontmost position with these x and y."""
    corners = head.mean[head.triangles[among]]
    triangle, weights = first_hit(corners, np.array([x, y, 9.0]), np.array([0, 0, -1.0]))
    return int(among[triangle]), weights


def _radial(head: HeadBasis, among: np.ndarray, point: np.ndarray):
    """Where the ray from the jaw's centre through a point leaves the skin."""
    corners = head.mean[head.triangles[among]]
    triangle, weights = last_hit(corners, np.array(JAW_CENTRE), point - JAW_CENTRE)
    return int(among[triangle]), weights


def _rim(head: HeadBasis, inside: Material) -> np.ndarray:
    """(E, 3) edges between a material and skin or lips: triangle outside, its two corners' positions.

    Lips count as inside of their own rim and as outside of the mouth's. Only the left half is given.
    """
    outer = {Material.SKIN, Material.LIPS} - {inside}
    within = set()
    for a, b, c in head.triangles[head.materials == inside]:
        within |= {frozenset((a, b)), frozenset((b, c)), frozenset((c, a))}
    edges = []
    for t in np.flatnonzero(np.isin(head.materials, list(outer))):
        corners = head.triangles[t]
        for first in range(3):
            second = (first + 1) % 3
            if frozenset((corners[first], corners[second])) in within:
                edges.append((t, first, second))
    edges = np.array(edges)
    x = head.mean[head.triangles[edges[:, 0]], 0].mean(1)
    return edges[x < 0]


def _ends(head: HeadBasis, edges: np.ndarray) -> np.ndarray:
    """(E, 2, 3) positions of both ends of each edge."""
    corners = head.triangles[edges[:, 0]]
    rows = np.arange(len(edges))
    return head.mean[np.stack([corners[rows, edges[:, 1]], corners[rows, edges[:, 2]]], 1)]


def _side(head: HeadBasis, edges: np.ndarray, side: str) -> np.ndarray:
    """The upper or the lower of the two lines of edges that run from a rim's left end to its right."""
    corners = head.triangles[edges[:, 0]]
    rows = np.arange(len(edges))
    ends = np.stack([corners[rows, edges[:, 1]], corners[rows, edges[:, 2]]], 1)
    x = head.mean[ends, 0]
    start, stop = ends.flat[x.argmin()], ends.flat[x.argmax()]
    lines = []
    for first in np.flatnonzero((ends == start).any(1)):
        line, here = [first], ends[first].sum() - start
        while here != stop:
            onwards = [edge for edge in np.flatnonzero((ends == here).any(1)) if edge not in line]
            if not onwards:
                break
            line.append(onwards[0])
            here = ends[onwards[0]].sum() - here
        lines.append(edges[line])
    lines.sort(key=lambda line: _ends(head, line)[..., 1].mean())
    return lines[-1 if side == "upper" else 0]


def _on_line(head: HeadBasis, edges: np.ndarray, x: float):
    """The position on a line of edges at x, or at its nearest end."""
    ends = _ends(head, edges)
    low, high = ends[:, :, 0].min(1), ends[:, :, 0].max(1)
    x = np.clip(x, low.min(), high.max())
    edge = int(np.maximum(low - x, x - high).argmin())
    start, stop = ends[edge, :, 0]
    share = 0.5 if start == stop else np.clip((x - start) / (stop - start), 0, 1)
    weights = np.zeros(3)
    weights[edges[edge, 1]], weights[edges[edge, 2]] = 1 - share, share
    return int(edges[edge, 0]), weights


def _on_lid(head: HeadBasis, rims: np.ndarray, side: str, share: float):
    """The position on a lid at a part of the eye's width, from the outer to the inner corner."""
    x = _ends(head, rims)[:, :, 0]
    return _on_line(head, _side(head, rims, side), x.min() + share * (x.max() - x.min()))


def _mirrored(head: HeadBasis, triangle: int, weights: np.ndarray):
    """The same position on the other half; its triangle has the corners in reverse."""
    half = len(head.triangles) // 2
    return (triangle + half) % (2 * half), np.asarray(weights)[::-1]
