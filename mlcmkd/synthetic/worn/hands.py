"""A hand in front of the face, with a phone or a cup: tubes for fingers, laid on the skin."""

from dataclasses import dataclass

import numpy as np

from mlcmkd.synthetic.part import Part, Worn
from mlcmkd.synthetic.styling import Styling
from mlcmkd.synthetic.worn.anchors import anchor
from mlcmkd.synthetic.worn.mesh import Mesh, grid, merge, tube, unit
from mlcmkd.synthetic.worn.sheet import Sheet

# Fingers from the index to the little finger: place of the knuckle and length, head units. A hand is
# about 19 cm long and 8.5 cm wide.
_KNUCKLES = ((0.46, 1.38), (0.16, 1.45), (-0.15, 1.38), (-0.43, 1.24))
_LENGTHS = (1.1, 1.25, 1.15, 0.9)
# Radii from the wrist to the tip.
_FINGER_RADII = np.array([0.2, 0.26, 0.25, 0.19, 0.16, 0.15, 0.135, 0.12, 0.08, 0.02], np.float32)
_THUMB_RADII = np.array([0.22, 0.26, 0.2, 0.18, 0.15, 0.1, 0.02], np.float32)


@dataclass(frozen=True)
class _Grip:
    """How a hand is held: directions of a hand at the right of the image, and bent fingers.

    Attributes:
        reach: name of the anchor that the hand goes to.
        offset: from the anchor to the wrist.
        fingers: direction from the wrist to the knuckles.
        palm: direction that the palm faces.
        bend: degrees at each of the three joints of the four fingers.
        thumb: direction of the thumb in the hand: towards the index side, fingers, palm.
    """

    reach: str
    offset: tuple[float, float, float]
    fingers: tuple[float, float, float]
    palm: tuple[float, float, float]
    bend: tuple[float, float, float, float]
    thumb: tuple[float, float, float] = (0.7, 0.6, 0.35)


_GRIPS = {
    "chin": _Grip("chin below", (0.35, -1.1, 0.5), (-0.2, 1, 0.05), (-0.5, 0, -0.9),
                  (75, 80, 85, 85), (0.4, 0.6, 0.6)),
    "mouth": _Grip("mouth corner", (1.5, -0.95, 0.45), (-0.95, 0.5, 0.05), (-0.3, 0, -1),
                   (6, 5, 6, 10)),
    "temple": _Grip("temple", (0.75, -1.95, 0.6), (-0.3, 1, -0.3), (-0.8, 0, -0.6),
                    (8, 12, 75, 85)),
    "cheek": _Grip("jaw", (0.35, -1.2, 0.45), (0.0, 1, -0.25), (-1, 0.1, -0.35), (15, 12, 12, 15)),
    "phone": _Grip("ear bottom", (0.75, -1.15, 0.1), (0.1, 0.95, -0.05), (-0.9, 0.1, 0.1),
                   (38, 38, 38, 38), (0.85, 0.6, 0.3)),
    "cup": _Grip("mouth corner", (0.9, -0.9, 0.95), (-0.55, 0.55, 0.35), (-0.75, 0, -0.65),
                 (38, 38, 38, 38), (0.3, 0.8, 0.6)),
}  # fmt: skip


def hand_parts(vertices: np.ndarray, sheet: Sheet, styling: Styling) -> list[Part]:
    """A hand (material HAND), its sleeve (CLOTH) and what it holds (HELD), or nothing.

    Args:
        vertices: (V, 3) the person's head.
        sheet: the person's skin; fingers lie on it.
        styling: its `held` and `held_side` are used.

    Returns:
        Parts whose places are their vertices.
    """
    if styling.held == "none":
        return []
    side, grip = styling.held_side, _GRIPS[styling.held]
    mirror = np.array([side, 1, 1], np.float32)
    wrist = anchor(vertices, grip.reach, side) + mirror * np.array(grip.offset, np.float32)
    along = unit(np.array(grip.fingers, np.float32))
    palm = np.array(grip.palm, np.float32)
    palm = unit(palm - (palm @ along) * along)
    across = np.cross(along, palm)  # towards the thumb
    axes = np.stack((across, along, palm)) * mirror
    skin = merge(_fingers(wrist, axes, grip, sheet))
    elbow = wrist + mirror * np.array([0.9, -2.6, 0.3], np.float32)
    shares = np.linspace(0, 1, 6, dtype=np.float32)[:, None]
    arm = (wrist + 0.25 * axes[1]) * (1 - shares) + elbow * shares  # begins inside the palm
    forearm = tube(arm, np.array([0.26, 0.28, 0.29, 0.33, 0.37, 0.4]), 10)
    parts = [merge([skin, forearm]).part(Worn.HAND)]
    if styling.collar != "none":
        sleeve = tube(arm[2:], np.array([0.4, 0.44, 0.5, 0.5]), 10)
        parts.append(sleeve.part(Worn.CLOTH))
    thing = _thing(styling.held, vertices, side)
    if thing is not None:
        parts.append(thing.part(Worn.HELD))
    return parts


def _fingers(wrist: np.ndarray, axes: np.ndarray, grip: _Grip, sheet: Sheet) -> list[Mesh]:
    """One tube for each finger from the wrist to the tip, and one for the thumb."""
    tubes = []
    for (x, y), length, bend in zip(_KNUCKLES, _LENGTHS, grip.bend, strict=True):
        path = [(0.55 * x, 0, 0), (0.7 * x, 0.45, 0), (0.9 * x, 0.95, -0.03), (x, y, 0)]
        at, angle = np.array([x, y, 0.0]), 0.0
        for share in (0.25, 0.25, 0.22, 0.14, 0.08, 0.06):  # of the finger's length
            if share > 0.1:  # joints; the last two steps round the tip
                angle += 0.75 * np.deg2rad(bend)
            at = at + share * length * np.array([0.02 * np.sign(x), np.cos(angle), np.sin(angle)])
            path.append(tuple(at))
        tubes.append(_laid(np.array(path), _FINGER_RADII, wrist, axes, sheet))
    reach = np.array([0, 0.3, 0.65, 0.9, 1.1, 1.2, 1.25])[:, None]
    thumb = np.array([0.3, 0.15, 0.05]) + reach * unit(np.array(grip.thumb))
    tubes.append(_laid(thumb, _THUMB_RADII, wrist, axes, sheet))
    return tubes


def _laid(
    path: np.ndarray, radii: np.ndarray, wrist: np.ndarray, axes: np.ndarray, sheet: Sheet
) -> Mesh:
    """A tube along a path in the hand's own axes, outside the skin."""
    points = (wrist + path @ axes).astype(np.float32)
    return tube(sheet.push_out(points, radii + 0.02), radii, 8)


def _thing(held: str, vertices: np.ndarray, side: int) -> Mesh | None:
    """The phone or cup in the hand."""
    mirror = np.array([side, 1, 1], np.float32)
    if held == "phone":
        from_ear = np.array([0.3, 0.1, 0.05], np.float32)
        from_mouth = np.array([0.85, -0.25, -0.2], np.float32)
        top = anchor(vertices, "ear top", side) + mirror * from_ear
        low = anchor(vertices, "mouth corner", side) + mirror * from_mouth
        return _slab(top, low, mirror)
    if held == "cup":
        mouth = (anchor(vertices, "mouth corner", 1) + anchor(vertices, "mouth corner", -1)) / 2
        rim = mouth + np.array([0, 0.12, 0.62], np.float32)
        foot = rim + np.array([0, -1.0, 0.75], np.float32)
        radii = np.array([0.52, 0.51, 0.49, 0.46, 0.43, 0.02], np.float32)
        return tube(np.linspace(rim, foot, len(radii)), radii, 16)
    return None


def _slab(top: np.ndarray, low: np.ndarray, mirror: np.ndarray) -> Mesh:
    """A phone between two points: a flat box."""
    along = unit(low - top)
    flat = unit(np.cross(along, np.array([1, 0, 0], np.float32) * mirror[0]))
    thick = np.cross(along, flat) * 0.06
    corners = [-flat * 0.55 + thick, flat * 0.55 + thick, flat * 0.55 - thick, -flat * 0.55 - thick]
    rows = [[point + corner for corner in corners] for point in (top, low)]
    middle = [[np.mean(row, axis=0)] * 4 for row in rows]
    return grid(np.array([middle[0], rows[0], rows[1], middle[1]], np.float32), closed=True)
