"""Glasses that sit on a person's nose and ears."""

from functools import lru_cache

import numpy as np

from mlcmkd.synthetic.head.basis import load_head
from mlcmkd.synthetic.part import Part, Worn
from mlcmkd.synthetic.sizes import GlassesSize
from mlcmkd.synthetic.styling import Styling
from mlcmkd.synthetic.worn.anchors import anchor
from mlcmkd.synthetic.worn.mesh import Mesh, grid, merge, tube
from mlcmkd.synthetic.worn.sheet import Sheet

_OUTLINE = 32  # points of the outline of a lens
_GAP = 0.03  # between glasses and skin, head units


def glasses_parts(vertices: np.ndarray, sheet: Sheet, styling: Styling) -> list[Part]:
    """Lenses and frame, or nothing.

    Args:
        vertices: (V, 3) the person's head.
        sheet: the person's skin.
        styling: its `glasses` and `glasses_size` are used.

    Returns:
        A part of material LENS, whose places are (across, up, side): -1 to 1 across the lens outwards
        and upwards, and -1 or 1 for the lens at the left or right of the image; and a part of material
        FRAME, whose places are its vertices.
    """
    if styling.glasses == "none":
        return []
    size = styling.glasses_size
    eyes, _ = load_head().eyes(vertices)
    spots, fan = _lens_spots()
    lenses = [_lens_at(spots, size, eye, side) for eye, side in zip(eyes, (-1, 1), strict=True)]
    front = anchor(vertices, "sellion")[2] + _GAP
    for lens in lenses:
        lens[:, 2] += front
    behind = -np.concatenate([sheet.height(lens) for lens in lenses]).min() + _GAP
    if behind > 0:  # brows or cheeks reach farther forwards than the nose
        for lens in lenses:
            lens[:, 2] += 1.3 * behind
    frame = [_rim(lens, eye, size) for lens, eye in zip(lenses, eyes, strict=True)]
    frame.append(_bridge(lenses, sheet, size))
    for lens, side in zip(lenses, (-1, 1), strict=True):
        frame.append(_temple(lens, vertices, sheet, size, side))
    glass = merge([Mesh(lens, fan) for lens in lenses])
    places = np.concatenate(
        [np.column_stack((spots, np.full(len(spots), side))) for side in (-1, 1)]
    )
    return [
        glass.part(Worn.LENS, places=places.astype(np.float32)),
        merge(frame).part(Worn.FRAME),
    ]


@lru_cache(maxsize=1)
def _lens_spots() -> tuple[np.ndarray, np.ndarray]:
    """Points of a round lens of radius 1 (N, 2), outline first, and its triangles."""
    turn = np.linspace(0, 2 * np.pi, _OUTLINE, endpoint=False)
    circle = np.stack((np.cos(turn), np.sin(turn)), axis=1)
    spots = np.concatenate((circle, circle * 0.5, [[0, 0]]))
    ring = grid(np.zeros((2, _OUTLINE, 3)), closed=True).triangles
    first = _OUTLINE + np.arange(_OUTLINE)
    inner = np.stack((first, np.roll(first, -1), np.full(_OUTLINE, 2 * _OUTLINE)), axis=1)
    return spots.astype(np.float32), np.concatenate((ring, inner)).astype(np.int32)


def _lens_at(spots: np.ndarray, size: GlassesSize, eye: np.ndarray, side: int) -> np.ndarray:
    """Spots of the round lens moved to the form and place of a lens; z relative to the nose."""
    radius = np.hypot(spots[:, 0], spots[:, 1])
    power = size.corner
    # A superellipse: |x|^power + |y|^power = radius^power.
    stretch = radius / np.maximum(
        (np.abs(spots[:, 0]) ** power + np.abs(spots[:, 1]) ** power) ** (1 / power), 1e-6
    )
    across, up = spots[:, 0] * stretch, spots[:, 1] * stretch
    up = up + size.slope * across
    narrower = 1 - 0.12 * np.clip(-up, 0, 1)  # the lower half is a little narrower
    # Lenses are at least far enough from the middle to leave room for the nose.
    centre = max(abs(eye[0]), size.width + 0.06)
    x = centre + across * size.width * narrower
    return np.stack(
        (side * x, eye[1] - size.drop + up * size.height, -size.wrap * (x / 0.9) ** 2), axis=1
    ).astype(np.float32)


def _rim(lens: np.ndarray, eye: np.ndarray, size: GlassesSize) -> Mesh:
    """The rim around a lens: three rings, the middle one in front."""
    outline, centre = lens[:_OUTLINE], lens[-1]
    outwards = outline - centre
    outwards /= np.linalg.norm(outwards[:, :2], axis=1, keepdims=True)
    thick = max(size.rim, 0.01)
    forward = np.array([0, 0, 0.02], np.float32)
    rings = np.stack((outline + thick * outwards, outline + 0.5 * thick * outwards + forward,
                      outline - 0.15 * thick * outwards + 0.3 * forward))  # fmt: skip
    return grid(rings, closed=True)


def _bridge(lenses: list[np.ndarray], sheet: Sheet, size: GlassesSize) -> Mesh:
    """The piece between the lenses, over the nose."""
    inner = [lens[_OUTLINE // 2 - 3] for lens in lenses]  # the inner end, a little above the middle
    shares = np.linspace(0, 1, 7, dtype=np.float32)[:, None]
    path = inner[0] * (1 - shares) + inner[1] * shares
    path[:, 1:] += (4 * shares * (1 - shares)) * np.array([0.03, 0.02], np.float32)
    return tube(sheet.push_out(path, _GAP), 0.012 + 0.4 * size.rim, 6)


def _temple(
    lens: np.ndarray, vertices: np.ndarray, sheet: Sheet, size: GlassesSize, side: int
) -> Mesh:
    """The side arm from a lens to the ear: an upright strip."""
    begin = lens[2]  # the outer end, a little above the middle
    ear = anchor(vertices, "ear top", side) + np.array([0.06 * side, 0.02, -0.1], np.float32)
    shares = np.array([0, 0.04, 0.3, 0.6, 0.85, 1], np.float32)[:, None]
    path = begin * (1 - shares) + ear * shares
    path[1:-1, 0] = side * np.maximum(np.abs(path[1:-1, 0]), np.abs(begin[0]) + 0.05)
    path = sheet.push_out(path, _GAP)
    half = np.array([0.55, 0.6, 0.5, 0.45, 0.45, 0.4], np.float32) * size.temple
    up, out = np.zeros_like(path), np.zeros_like(path)
    up[:, 1], out[:, 0] = half, 0.015 * side
    return grid(np.stack((path + up, path + up + out, path - up + out, path - up)))
