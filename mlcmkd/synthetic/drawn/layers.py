"""Masks of skin, hair, eyes, lips, beard, glasses and clothes, which both modalities share.

They are made once per pair, so the RGB and the thermal image are pixel-aligned.
"""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from mlcmkd.synthetic.drawn.atlas import atlas_maps, atlas_polygon
from mlcmkd.synthetic.drawn.drawing import Patch, fill, ribbon, spline, window_of
from mlcmkd.synthetic.drawn.shape import Geometry, on_border
from mlcmkd.synthetic.drawn.styling import Styling


@dataclass(frozen=True)
class Eye:
    """One eye's masks, all on the same window; the iris is cut off by the lids."""

    opening: Patch
    iris: Patch
    pupil: Patch
    sparkle: Patch
    lashes: Patch
    crease: Patch


@dataclass(frozen=True)
class Layers:
    """Masks of one face, back to front; `None` for what the styling does not have."""

    geometry: Geometry
    styling: Styling
    maps: tuple[np.ndarray, np.ndarray]
    back_hair: Patch | None
    clothes: Patch
    neck: Patch
    ears: tuple[Patch, Patch]
    ears_over_hair: bool
    skull: Patch
    face: Patch
    chin_shadow: Patch
    hair: Patch | None
    beard: np.ndarray | None
    brows: tuple[Patch, Patch]
    eyes: tuple[Eye, Eye]
    lips: Patch
    upper_lip: Patch
    lip_shine: Patch
    mouth: Patch
    mouth_line: Patch
    teeth: Patch | None
    nostrils: tuple[Patch, Patch]
    nose_lines: tuple[Patch, ...]
    lenses: tuple[Patch, Patch] | None
    frame: tuple[Patch, ...]

    def to_canvas(self, atlas: np.ndarray) -> np.ndarray:
        """An atlas map (rows, columns[, 3]), warped to the canvas."""
        return cv2.remap(
            atlas, *self.maps, interpolation=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )

    def inside_face(self, patch: Patch) -> np.ndarray:
        """The face's mask in the window of `patch`, 0 to 1."""
        return self._face_canvas[patch.window]

    @cached_property
    def _face_canvas(self) -> np.ndarray:
        canvas = np.zeros((self.geometry.side, self.geometry.side), np.float32)
        canvas[self.face.window] = self.face.mask
        return canvas


def draw_layers(geometry: Geometry, styling: Styling) -> Layers:
    """All masks of one face; nothing here is random."""
    side, unit, marks = geometry.side, geometry.unit, geometry.landmarks
    face_outline = np.concatenate([spline(marks[:17]), spline(geometry.forehead)])
    face = fill(side, face_outline)
    skull = fill(side, geometry.skull_outline())
    maps = atlas_maps(geometry)
    upper = np.concatenate([spline(marks[48:55]), spline(marks[60:65])[::-1]])
    inner = np.concatenate([spline(marks[60:65]), spline(marks[[64, 65, 66, 67, 60]])])
    outer = np.concatenate([spline(marks[48:55]), spline(marks[[*range(54, 60), 48]])])
    lips = fill(side, outer)
    mouth = fill(side, inner, window=lips.window)
    lenses, frame = _glasses(geometry, styling)
    return Layers(
        geometry=geometry,
        styling=styling,
        maps=maps,
        back_hair=_back_hair(geometry, styling),
        clothes=_clothes(geometry, styling),
        neck=_neck(geometry),
        ears=tuple(fill(side, geometry.ear_outline(sign)) for sign in (-1, 1)),
        ears_over_hair=styling.hair not in ("long", "beanie", "curly"),
        skull=skull,
        face=face,
        chin_shadow=fill(side, face_outline + np.array([0, 0.16 * unit]), blur=0.09 * unit),
        hair=_hair(geometry, styling),
        beard=_beard(styling),
        brows=tuple(_brow(geometry, styling, first) for first in (17, 22)),
        eyes=(_eye(geometry, 36), _eye(geometry, 42)),
        lips=lips,
        upper_lip=fill(side, upper, window=lips.window),
        lip_shine=fill(side, _lip_shine(marks), blur=0.03 * unit),
        mouth=mouth,
        mouth_line=fill(
            side, ribbon(spline(marks[60:65]), 0.018 * unit * _taper(25)), blur=0.008 * unit
        ),
        teeth=_teeth(geometry, mouth),
        nostrils=tuple(_nostril(geometry, sign) for sign in (-1, 1)),
        nose_lines=_nose_lines(geometry),
        lenses=lenses,
        frame=frame,
    )


def _taper(count: int, ends: float = 0.25) -> np.ndarray:
    """Relative width along a stroke that thins out towards both ends."""
    return ends + (1 - ends) * np.sin(np.pi * np.linspace(0, 1, count)) ** 0.5


def _ring(centre: np.ndarray, radii, count: int = 20) -> np.ndarray:
    angle = np.arange(count) * (2 * np.pi / count)
    return centre + np.stack([np.cos(angle), np.sin(angle)], 1) * radii


def _eye(geometry: Geometry, first: int) -> Eye:
    """Masks of the eye whose six landmarks begin at `first`."""
    side, unit = geometry.side, geometry.unit
    marks = geometry.landmarks[first : first + 6]
    upper, lower = spline(marks[:4]), spline(marks[[3, 4, 5, 0]])
    middle = marks.mean(0)
    down = geometry.project([0, 1.0, 0]) - geometry.project([0, 0, 0])
    # The window is that of the crease, the highest of the eye's parts.
    fold = ribbon(upper - 0.075 * down, 0.012 * unit * _taper(len(upper)))
    window = window_of(side, np.concatenate([fold, upper, lower]), grow=0.05 * unit + 2)
    crease = fill(side, fold, blur=0.010 * unit, window=window)
    opening = fill(side, np.concatenate([upper, lower]), window=window)
    # An iris keeps its size when lids close; the eyeball carries it along with the head's turn.
    radius = 0.088 * unit
    socket = (marks[0] + marks[3]) / 2 - 0.02 * down
    right = geometry.project([1.0, 0, 0]) - geometry.project([0, 0, 0])
    gaze = geometry.gaze[0] * right + geometry.gaze[1] * down
    centre = socket * 0.7 + middle * 0.3 + gaze
    return Eye(
        opening=opening,
        iris=fill(side, _ring(centre, radius), window=window).times(opening),
        pupil=fill(side, _ring(centre, 0.42 * radius), window=window).times(opening),
        sparkle=fill(
            side, _ring(centre + radius * np.array([-0.35, -0.4]), 0.22 * radius), window=window
        ).times(opening),
        lashes=fill(
            side,
            ribbon(upper, unit * 0.022 * _taper(len(upper), 0.4)),
            blur=0.004 * unit,
            window=window,
        ),
        crease=crease,
    )


def _brow(geometry: Geometry, styling: Styling, first: int) -> Patch:
    """A brow: a tapered stroke whose middle line runs through its five landmarks."""
    curve = spline(geometry.landmarks[first : first + 5])
    along = np.linspace(0, 1, len(curve))
    if first == 17:  # on the viewer's left, the inner end comes last
        along = along[::-1]
    profile = np.clip(np.minimum(0.75 + 3 * along, 1.15 - 0.85 * along**2), 0, None)
    # Thickness runs down the face, not across the stroke: seen from the side a brow bends sharply,
    # and a stroke would cross itself there.
    down = geometry.project([0, 1.0, 0]) - geometry.project([0, 0, 0])
    offset = styling.brow_width * profile[:, None] * down
    outline = np.concatenate([curve + offset, (curve - offset)[::-1]])
    return fill(geometry.side, outline, blur=0.014 * geometry.unit)


def _lip_shine(marks: np.ndarray) -> np.ndarray:
    """Where the lower lip catches light."""
    low, high = marks[[58, 57, 56]], marks[[67, 66, 65]]
    return spline(np.concatenate([0.7 * high + 0.3 * low, (0.45 * high + 0.55 * low)[::-1]]),
                  closed=True)  # fmt: skip


def _teeth(geometry: Geometry, mouth: Patch) -> Patch | None:
    """Upper teeth behind an open mouth; they stay with the skull, not with the jaw."""
    marks = geometry.landmarks
    gap = np.linalg.norm(marks[66] - marks[62]) / geometry.unit
    if gap < 0.03:
        return None
    edge = marks[62] + (marks[66] - marks[62]) * min(0.8, 0.13 / gap)
    along = marks[64] - marks[60]
    up = 2 * (marks[62] - marks[66])
    band = np.stack([edge - along, edge - along + up, edge + along + up, edge + along])
    return fill(geometry.side, band, window=mouth.window).times(mouth)


def _nostril(geometry: Geometry, sign: int) -> Patch:
    head = geometry.head
    outer, inner = head[31 if sign < 0 else 35], head[32 if sign < 0 else 34]
    middle = 0.3 * outer + 0.7 * inner + [0, -0.035, 0.0]
    ring = _ring(np.zeros(2), [0.062, 0.030], 16)
    points = np.column_stack([ring, np.zeros(16)]) + middle
    points[:, 1] += sign * 0.25 * (points[:, 0] - middle[0])
    return fill(geometry.side, geometry.project(points), blur=0.012 * geometry.unit)


def _nose_lines(geometry: Geometry) -> tuple[Patch, ...]:
    """Soft lines that give the nose its outline: its base, its wings, its bridge when turned."""
    side, unit, head = geometry.side, geometry.unit, geometry.head
    base = ribbon(spline(geometry.landmarks[31:36]), 0.016 * unit * _taper(25))
    lines = [fill(side, base, blur=0.014 * unit)]
    for sign, corner in ((-1, head[31]), (1, head[35])):
        wing = corner + np.array(
            [(-sign * 0.03, 0.02, 0.03), (sign * 0.03, -0.02, 0), (sign * 0.035, -0.09, 0.02),
             (-sign * 0.0, -0.15, 0.05)]
        )  # fmt: skip
        curve = spline(geometry.project(wing))
        lines.append(fill(side, ribbon(curve, 0.014 * unit * _taper(19)), blur=0.012 * unit))
    bridge = spline(geometry.landmarks[27:31])
    # The outline of the bridge shows on the side that turns away, a little beside the ridge.
    away = np.sign(geometry.turn) * (geometry.project([1, 0, 0]) - geometry.project([0, 0, 0]))
    bridge = bridge + away * 0.035 * np.linspace(0.6, 1.2, len(bridge))[:, None]
    strength = min(1.0, 2.2 * abs(geometry.turn))
    lines.append(
        fill(side, ribbon(bridge, 0.02 * unit * _taper(19)), blur=0.022 * unit).times(strength)
    )
    return tuple(lines)


def _neck(geometry: Geometry) -> Patch:
    """The neck: its top turns with the head, its foot stays over the shoulders."""
    width = 0.57 * geometry.half_width
    top = geometry.project([(-width, 0.9, -0.75), (width, 0.9, -0.75)])
    foot = _torso(geometry, [(-width - 0.08, 2.35), (width + 0.08, 2.35)])
    low = _torso(geometry, [(-width - 0.3, 3.4), (width + 0.3, 3.4)])
    left = spline(np.stack([top[0], 0.5 * (top[0] + foot[0]) + [0.03 * geometry.unit, 0],
                            foot[0], low[0]]))  # fmt: skip
    right = spline(np.stack([top[1], 0.5 * (top[1] + foot[1]) - [0.03 * geometry.unit, 0],
                             foot[1], low[1]]))  # fmt: skip
    return fill(geometry.side, np.concatenate([left, right[::-1]]))


def _torso(geometry: Geometry, points) -> np.ndarray:
    """Torso coordinates (head units, upright) to canvas; the torso hardly turns with the head."""
    pivot = np.array([0.0, 1.5])
    anchor = geometry.project([0, 1.5, -0.75])
    lean = 0.3 * geometry.rotation[0, 1]
    turn = np.array([[1, lean], [-lean, 1]])
    return anchor + geometry.unit * (np.asarray(points) - pivot) @ turn.T


def _clothes(geometry: Geometry, styling: Styling) -> Patch:
    width, height = styling.shoulder
    neck = 0.57 * geometry.half_width + 0.06
    collar = 2.1 - 0.45 * styling.collar
    dip = collar + 0.55 * (1 - styling.collar)
    half = [(neck, collar), (neck + 0.35, height - 0.22), (width, height + 0.1),
            (width + 0.45, height + 0.9), (width + 0.5, 4.5)]  # fmt: skip
    right = spline(_torso(geometry, half))
    left = spline(_torso(geometry, [(-x, y) for x, y in half]))
    neckline = spline(_torso(geometry, [(-neck, collar), (0, dip), (neck, collar)]))
    return fill(geometry.side, np.concatenate([right, left[::-1], neckline]))


def _hair(geometry: Geometry, styling: Styling) -> Patch | None:
    """Hair (or a beanie) over the skull, down to the hairline."""
    if styling.hair == "bald":
        return None
    side, w, top = geometry.side, geometry.half_width, styling.hairline
    outline = geometry.skull_outline(styling.hair_volume, styling.hair_bumps)
    side_burn = {"long": 1.2, "buzz": 0.05, "beanie": -0.3, "curly": 0.3}.get(styling.hair, 0.15)
    # Height and sideways place of the hairline from the left sideburn to the right one.
    x = np.array([-0.97, -0.94, -0.86, -0.62, -0.25, 0.25, 0.62, 0.86, 0.94, 0.97])
    y = np.array([side_burn, -0.2, top + 0.30, top + 0.06, top, top, top + 0.06, top + 0.30,
                  -0.2, side_burn])  # fmt: skip
    if styling.hair == "long":
        x *= np.array([0.98, 0.96, 1, 1, 1, 1, 1, 1, 0.96, 0.98])
        y[[1, 8]] = 0.3
    if styling.hair in ("parted", "long"):  # hair falls from the parting to both sides
        y[2:8] += 0.16 * np.abs(x[2:8] / 0.86 - styling.parting) - 0.14
    elif styling.hair == "beanie":
        x[[0, 1, 8, 9]] *= 1.04
        y[:] = [-0.15, -0.3, top + 0.1, top + 0.03, top, top, top + 0.03, top + 0.1, -0.3, -0.15]
    elif styling.hair == "fringe":
        y[2:8] += 0.05 * styling.strands[:6]
    elif styling.hair == "buzz":
        y[[2, 7]] -= 0.12
    depth = 0.15 - 0.85 * np.abs(x / 0.97) ** 2.2
    hairline = np.column_stack([x * w, y, depth])
    for end in (0, 1, 2, 7, 8, 9):
        if x[end] * geometry.turn > 0:  # hidden unless it slides forward to the head's outline
            hairline[end] = on_border(np.array([x[end] * w, y[end], -0.70]), 0.94, geometry.turn)
    line = geometry.project(hairline)

    # Below the hairline everything is open: past the ears and around the chin. On the side that
    # turns away, the hair behind the ear is hidden, so the opening rises there.
    def below(sign: int) -> list[tuple[float, float, float]]:
        away = max(0.0, sign * geometry.turn)
        outer = (sign * 1.9, side_burn + 0.1 - 1.8 * away, -1.2)
        behind_ear = (sign * w, side_burn + 0.05, -0.95)
        return [outer] if away else [behind_ear, outer]

    low = geometry.project([*below(1), (1.9, 3.2, 0), (-1.9, 3.2, 0), *below(-1)[::-1]])
    opening = np.concatenate([spline(line), low])
    mask = fill(side, outline)
    inside = fill(side, opening, window=mask.window, blur=0.02 * geometry.unit)
    return mask.times(1 - inside.mask)


def _back_hair(geometry: Geometry, styling: Styling) -> Patch | None:
    """Long or full hair that hangs behind the face."""
    if styling.hair == "long":
        wide = 1.0 + styling.hair_volume
        half = [(0.3, -1.3), (0.95, -0.7), (wide + 0.05, 0.2), (wide + 0.1, 1.0),
                (wide + 0.12, 1.7), (wide, 2.4), (wide - 0.2, 2.9)]  # fmt: skip
        right = geometry.project([(x, y, -0.8) for x, y in half])
        left = geometry.project([(-x, y, -0.8) for x, y in half])
        return fill(geometry.side, np.concatenate([spline(right), spline(left[::-1])]))
    if styling.hair == "curly":
        return fill(geometry.side, geometry.skull_outline(styling.hair_volume, styling.hair_bumps))
    return None


def _beard_areas() -> dict[str, np.ndarray]:
    """Where each style of beard grows, on the atlas; lips are painted over it later."""
    jaw = [(-1.02, 0.1), (-1.02, 0.9), (-0.7, 1.5), (-0.3, 1.85), (0.3, 1.85), (0.7, 1.5),
           (1.02, 0.9), (1.02, 0.1), (0.94, 0.1), (0.87, 0.68), (0.55, 0.86), (0.3, 0.80),
           (0.10, 0.78), (-0.10, 0.78), (-0.3, 0.80), (-0.55, 0.86), (-0.87, 0.68),
           (-0.94, 0.1)]  # fmt: skip
    moustache = [(-0.46, 1.04), (-0.36, 0.86), (-0.1, 0.77), (0.1, 0.77), (0.36, 0.86),
                 (0.46, 1.04), (0.2, 0.96), (-0.2, 0.96)]  # fmt: skip
    chin = [(-0.44, 1.02), (-0.30, 1.26), (0.30, 1.26), (0.44, 1.02), (0.40, 1.6), (0.2, 1.8),
            (-0.2, 1.8), (-0.40, 1.6)]  # fmt: skip
    above, below = atlas_polygon(moustache, 0.035), atlas_polygon(chin, 0.045)
    whole = atlas_polygon(jaw, 0.05)
    return {
        "stubble": 0.34 * whole,
        "moustache": above,
        "goatee": np.maximum(above, below),
        "full": whole,
    }


_BEARDS = _beard_areas()


def _beard(styling: Styling) -> np.ndarray | None:
    """How densely a beard covers the skin, on the atlas."""
    if styling.beard == "none":
        return None
    return np.clip(_BEARDS[styling.beard] * (1 + 0.12 * styling.beard_patches), 0, 1)


def _glasses(
    geometry: Geometry, styling: Styling
) -> tuple[tuple[Patch, Patch] | None, tuple[Patch, ...]]:
    """Lenses and the parts of the frame."""
    if styling.glasses == "none":
        return None, ()
    side, unit, head = geometry.side, geometry.unit, geometry.head
    half_width, half_height, squareness = styling.lens
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    cos, sin = np.cos(angle), np.sin(angle)
    rim = np.stack(
        [half_width * np.sign(cos) * np.abs(cos) ** (2 / squareness),
         half_height * np.sign(sin) * np.abs(sin) ** (2 / squareness)], 1
    )  # fmt: skip
    thick = styling.frame
    grow = 1 + thick / np.array([half_width, half_height])
    lenses, frame, outer_ends, inner_ends = [], [], [], []
    for sign, first in ((-1, 36), (1, 42)):
        eye = head[first : first + 6].mean(0)
        middle = np.array([sign * max(abs(eye[0]), half_width + 0.09), eye[1] + 0.04])

        def on_face(flat: np.ndarray, middle: np.ndarray = middle) -> np.ndarray:
            # Lenses lie on a plane in front of the eyes that curves back towards the temples.
            points = middle + flat
            depth = 0.34 - 0.30 * np.abs(points[:, :1]) ** 1.5
            return geometry.project(np.column_stack([points, depth]))

        inside, outside = on_face(rim / grow), on_face(rim * grow)
        lens = fill(side, outside)
        lenses.append(fill(side, inside, window=lens.window))
        frame.append(fill(side, outside, inside, window=lens.window))
        outer_ends.append(middle + np.array([sign * half_width, -0.5 * half_height]))
        inner_ends.append(middle - np.array([sign * half_width, 0.25 * half_height]))
    (lx, ly), (rx, ry) = inner_ends
    bridge = geometry.project([(lx, ly, 0.32), (0, (ly + ry) / 2 - 0.03, 0.38), (rx, ry, 0.32)])
    frame.append(fill(side, ribbon(spline(bridge), thick * unit)))
    for sign, (x, y) in zip((-1, 1), outer_ends, strict=True):
        if sign * geometry.turn > 0.12:  # the head hides the arm on the side that turns away
            continue
        arm = [(x, y, 0.34 - 0.30 * abs(x) ** 1.5),
               (sign * 1.02 * geometry.half_width, 0.02, -0.72)]  # fmt: skip
        frame.append(fill(side, ribbon(geometry.project(arm), thick * unit)))
    return tuple(lenses), tuple(frame)
