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
from mlcmkd.synthetic.head.positions import (
    across,
    from_front,
    leaving,
    mirrored,
    on_line,
    rim,
    upper_and_lower,
)

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
# Where the opening of an eye is measured, and lashes grow: parts of its width.
LID_SHARES = tuple(np.linspace(0.1, 0.9, 9).tolist())
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
    (-0.46, -1.05, 0.30),
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
    found = {name: from_front(head, skin, *place) for name, place in FRONT.items()}
    lids = upper_and_lower(head, rim(head, Material.EYE_SOCKET))
    for name, (side, share) in LIDS.items():
        found[name] = across(head, lids[side], share)
    lines = {
        "outer": upper_and_lower(head, rim(head, Material.LIPS)),
        "inner": upper_and_lower(head, rim(head, Material.MOUTH)),
    }
    for name, (line, side, x) in LIPS.items():
        found[name] = on_line(head, lines[line][side], x)
    centre = head.eyes(head.mean)[0][0]
    found["left pupil"] = from_front(head, eye, centre[0], centre[1])
    for name in [name for name in found if name.startswith("left ")]:
        found[name.replace("left ", "right ", 1)] = mirrored(head, *found[name])
    left = [[leaving(head, skin, JAW_CENTRE, place) for place in strip] for strip in _jaw_points()]
    right = [[mirrored(head, *sample) for sample in strip] for strip in left]
    return Places(
        names=tuple(found),
        triangles=np.array([triangle for triangle, _ in found.values()], np.int32),
        weights=np.array([weights for _, weights in found.values()], np.float32),
        jaw_triangles=np.array(
            [[[t for t, _ in strip] for strip in side] for side in (left, right)], np.int32
        ),
        jaw_weights=np.array(
            [[[w for _, w in strip] for strip in side] for side in (left, right)], np.float32
        ),
    )


def lid_vertices(head: HeadBasis) -> np.ndarray:
    """(2, 2, L) the vertices of `HeadBasis.lid_vertices`: at parts of the lids."""
    lids = upper_and_lower(head, rim(head, Material.EYE_SOCKET))
    places = [
        [across(head, lids[side], share) for share in LID_SHARES] for side in ("upper", "lower")
    ]
    left = np.array([[head.triangles[t][np.argmax(w)] for t, w in lid] for lid in places])
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
