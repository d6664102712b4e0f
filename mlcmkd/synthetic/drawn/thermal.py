"""Thermal appearance of a synthetic face: temperature of skin, hair, glass, breath and air.

It is independent of pigment and light. Numbers are degrees C; the ranges are ours, after thermal images
of faces indoors (skin 30 to 36, inner eye corners warmest, nose and ears coolest).
"""

from dataclasses import dataclass

import cv2
import numpy as np

from mlcmkd.synthetic.drawn.atlas import ATLAS_SHAPE, ATLAS_X, ATLAS_Y, lobe
from mlcmkd.synthetic.drawn.drawing import add, blend, enlarge, fill, smooth_field, soften
from mlcmkd.synthetic.drawn.layers import Layers

# Temperature patterns over the atlas, from blood vessels and bones; each about 0 to 1.
_INNER_EYE = lobe(0.23, 0.03, 0.10, 0.09, mirrored=True)
_SOCKET = lobe(0.40, 0.0, 0.24, 0.16, mirrored=True)
_EYEBALL = lobe(0.43, 0.0, 0.14, 0.07, mirrored=True)
_FOREHEAD = lobe(0, -0.62, 0.6, 0.30)
_NOSE = np.clip(
    lobe(0, 0.52, 0.19, 0.20) + 0.5 * lobe(0.15, 0.60, 0.10, 0.11, mirrored=True), 0, 1.1
) + 0.35 * lobe(0, 0.25, 0.13, 0.25)
_CHEEKS = lobe(0.60, 0.52, 0.27, 0.27, mirrored=True)
_MOUTH = lobe(0, 1.02, 0.42, 0.22)
_CHIN = lobe(0, 1.55, 0.30, 0.18)
_FURROW = lobe(0.30, 0.74, 0.10, 0.16, mirrored=True)
_TEMPLE = lobe(0.88, -0.12, 0.15, 0.25, mirrored=True)
# Skin seen at a grazing angle emits less and shows the cool surroundings.
_GRAZING = np.clip((ATLAS_X / 1.05) ** 2 + np.clip((ATLAS_Y - 0.5) / 1.35, 0, 2) ** 4, 0, 2) ** 3


@dataclass(frozen=True)
class ThermalLook:
    """Parameters of the thermal appearance alone; temperatures and differences in degrees C.

    Attributes:
        ambient: air and walls; skin: the face's plain level.
        patterns: name -> amplitude of the patterns above.
        blotches: field over the atlas, degrees, from blood vessels near the skin.
        ears, neck: against the plain level.
        hair, brow, beard, cloth, glass: share of the way from skin to ambient.
        lips: border of the lips against the skin around them.
        breath: warm (above 0) or cold air at nostrils and mouth; plume: length of the plume.
        wall: coarse field of the background (cells, cells); objects: rows (x, y, width, height as
            shares of the side, degrees C).
        blur: optics, as a share of the image side.
        netd: noise of one pixel; column, row: deviation of the stripes; shading: of the slow drift
            over the sensor.
    """

    ambient: float
    skin: float
    patterns: dict[str, float]
    blotches: np.ndarray
    ears: float
    neck: float
    hair: float
    brow: float
    beard: float
    cloth: float
    glass: float
    lips: float
    breath: float
    plume: float
    wall: np.ndarray
    objects: np.ndarray
    blur: float
    netd: float
    column: float
    row: float
    shading: float


def draw_thermal_look(
    of_identity: np.random.Generator, of_sample: np.random.Generator
) -> ThermalLook:
    """Random look: vessels from the identity's stream, the day's state from the sample's."""
    rng = of_identity
    vessels = smooth_field(rng, (9, 8), ATLAS_SHAPE)
    # Vessels show as thin warm lines: the ridges of a smooth field.
    lines = np.exp(-((vessels / 0.16) ** 2))
    cold_nose = float(rng.gamma(2.0, 0.9))
    hair_share = float(rng.uniform(0.35, 0.85))

    rng = of_sample
    ambient = float(np.clip(rng.normal(23, 3.2), 15, 32))
    skin = 34.0 + 0.12 * (ambient - 23) + float(rng.normal(0, 0.7))
    chill = float(np.clip((34 - ambient) / 11, 0.1, 1.6))  # faces are more uniform in warm rooms
    blotches = (
        rng.uniform(0.0, 0.5) * lines
        + rng.uniform(0.1, 0.45) * smooth_field(rng, (6, 5), ATLAS_SHAPE)
        + rng.normal(0, 0.25) * ATLAS_X  # one side is cooler: wind, a window, sleep
    )
    count = rng.integers(0, 4)
    return ThermalLook(
        ambient=ambient,
        skin=skin,
        patterns={
            "inner eye": float(rng.uniform(0.7, 1.8)),
            "socket": float(rng.uniform(-0.1, 0.7)),
            "eyeball": -float(rng.uniform(0.1, 1.1)),
            "forehead": float(rng.uniform(-0.3, 0.9)),
            "nose": -chill * float(np.clip(cold_nose * rng.uniform(0.4, 1.5), 0, 6.5)),
            "cheeks": -chill * float(rng.uniform(0.1, 2.0)),
            "mouth": float(rng.uniform(-0.2, 0.8)),
            "chin": float(rng.uniform(-0.9, 0.4)),
            "furrow": float(rng.uniform(0.0, 0.7)),
            "temple": float(rng.uniform(0.0, 0.8)),
            "grazing": -chill * float(rng.uniform(0.1, 0.7)),
        },
        blotches=blotches.astype(np.float32),
        ears=-chill * float(rng.uniform(-0.3, 4.5)),
        neck=float(rng.uniform(-0.5, 0.7)),
        hair=float(np.clip(hair_share + rng.normal(0, 0.08), 0.25, 0.95)),
        brow=float(rng.uniform(0.02, 0.14)),
        beard=float(rng.uniform(0.08, 0.35)),
        cloth=float(rng.uniform(0.35, 0.8)),
        glass=float(rng.uniform(0.55, 0.95)),
        lips=float(rng.uniform(-0.3, 0.45)),
        breath=float(rng.choice([-1, 1, 0], p=[0.35, 0.4, 0.25]) * rng.uniform(0.3, 1.8)),
        plume=float(rng.uniform(0.12, 0.45)),
        wall=rng.standard_normal((6, 6)).astype(np.float32) * float(rng.uniform(0.05, 0.5)),
        objects=np.column_stack(
            [rng.uniform([-0.1, 0, 0.04, 0.05], [1, 1, 0.35, 0.5], (count, 4)),
             ambient + rng.choice([-3.0, 1.5, 4.0, 14.0], count) * rng.uniform(0.4, 1.2, count)]
        ),
        blur=float(rng.uniform(0.008, 0.019)),
        netd=float(rng.uniform(0.03, 0.15)),
        column=float(rng.uniform(0.0, 0.12)),
        row=float(rng.uniform(0.0, 0.05)),
        shading=float(rng.uniform(0.0, 0.35)),
    )  # fmt: skip


def _skin_atlas(look: ThermalLook) -> np.ndarray:
    """Temperature of bare skin over the atlas, (rows, columns) float32."""
    amplitude = look.patterns
    skin = (
        look.skin
        + look.blotches
        + amplitude["inner eye"] * _INNER_EYE
        + amplitude["socket"] * _SOCKET
        + amplitude["forehead"] * _FOREHEAD
        + amplitude["nose"] * _NOSE
        + amplitude["cheeks"] * _CHEEKS
        + amplitude["mouth"] * _MOUTH
        + amplitude["chin"] * _CHIN
        + amplitude["furrow"] * _FURROW
        + amplitude["temple"] * _TEMPLE
        + amplitude["grazing"] * _GRAZING
    )
    return skin.astype(np.float32)


def paint_thermal(layers: Layers, look: ThermalLook) -> np.ndarray:
    """Apparent temperature on the canvas, (side, side) float32 degrees C, before the camera."""
    geometry, styling = layers.geometry, layers.styling
    side, unit = geometry.side, geometry.unit

    def toward_ambient(share: float, start: float = look.skin) -> float:
        return start + share * (look.ambient - start)

    canvas = look.ambient + enlarge(look.wall, (side, side))
    for x, y, width, height, warmth in look.objects:
        corners = np.array([(x, y), (x + width, y), (x + width, y + height), (x, y + height)])
        blend(canvas, fill(side, corners * side, blur=0.01 * side), warmth)

    atlas = _skin_atlas(look)
    hair = None
    if styling.hair != "bald":
        # Thin hair lets the scalp through, and strands lie unevenly.
        share = look.hair * {"buzz": 0.45, "beanie": 0.8}.get(styling.hair, 1.0)
        unevenness = 0.12 * enlarge(styling.strands[:64].reshape(8, 8), ATLAS_SHAPE)
        hair = toward_ambient(share) + (look.skin - look.ambient) * unevenness
        hair = layers.to_canvas(hair.astype(np.float32))
    if layers.back_hair is not None:
        blend(canvas, layers.back_hair, hair - 0.3)
    blend(canvas, layers.neck, look.skin + look.neck)
    add(canvas, layers.neck.times(0.2 * _slow(layers.neck.mask.shape)), 1.0)
    blend(canvas, layers.clothes, toward_ambient(look.cloth))
    if not layers.ears_over_hair:
        _paint_ears(canvas, layers, look.skin + look.ears)
    blend(canvas, layers.skull, look.skin - 0.3)
    skin = layers.to_canvas(atlas)
    if styling.hair == "bald":
        blend(canvas, layers.skull, skin)
    # The border between cheek and neck is hardly visible, since blood flows beneath both.
    soft_face = layers.face._replace(mask=soften(layers.face.mask, 0.05 * unit))
    blend(canvas, soft_face, skin)

    for patch in layers.lips, layers.upper_lip:
        add(canvas, patch._replace(mask=soften(patch.mask, 0.03 * unit)), 0.5 * look.lips)
    if layers.beard is not None:
        share = look.beard * {"stubble": 0.5, "full": 1.4}.get(styling.beard, 1.0)
        thick = layers.face._replace(
            mask=layers.face.mask * layers.to_canvas(layers.beard)[layers.face.window]
        )
        blend(canvas, thick, look.ambient, share)
    # An open mouth is warm inside, unless air streams in.
    blend(canvas, layers.mouth, look.skin + 0.8 + 0.9 * min(look.breath, 0.5), 0.9)
    if layers.teeth is not None:
        add(canvas, layers.teeth, -0.5)
    for eye in layers.eyes:
        lids = eye.opening._replace(mask=soften(eye.opening.mask, 0.03 * unit))
        add(canvas, lids, look.patterns["eyeball"])
    for patch in layers.brows:
        blend(canvas, patch, look.ambient, look.brow)
    _breathe(canvas, layers, look)
    if layers.hair is not None:
        blend(canvas, layers.hair, hair, 0.75 if styling.hair == "buzz" else 0.97)
    if layers.ears_over_hair:
        _paint_ears(canvas, layers, look.skin + look.ears)
    if layers.lenses is not None:
        # Glass is opaque in the thermal band: it shows its own temperature and reflects the room.
        glass = toward_ambient(look.glass)
        for lens in layers.lenses:
            blend(canvas, lens, glass)
        for part in layers.frame:
            blend(canvas, part, glass + 0.4)
    return canvas


def record(scene: np.ndarray, look: ThermalLook, size: int, rng: np.random.Generator) -> np.ndarray:
    """Applies optics and sensor noise of a microbolometer: (size, size) float32 degrees C."""
    picture = cv2.resize(scene, (size, size), interpolation=cv2.INTER_AREA)
    picture = soften(picture, look.blur * size)
    picture += look.shading * enlarge(rng.standard_normal((3, 3)).astype(np.float32), (size, size))
    picture += look.column * rng.standard_normal((1, size), dtype=np.float32)
    picture += look.row * rng.standard_normal((size, 1), dtype=np.float32)
    picture += look.netd * rng.standard_normal((size, size), dtype=np.float32)
    return picture.astype(np.float32)


def _slow(shape: tuple[int, int]) -> np.ndarray:
    """A slow wave over a window, for tendons and vessels of the neck."""
    rows, columns = (np.linspace(0, 1, max(n, 1), dtype=np.float32) for n in shape)
    return np.sin(9 * columns)[None] * np.cos(2 * rows)[:, None]


def _paint_ears(canvas: np.ndarray, layers: Layers, warmth: float) -> None:
    for sign, ear in zip((-1, 1), layers.ears, strict=True):
        if sign * layers.geometry.turn > 0.3:
            continue
        blend(canvas, ear.times(1 - layers.inside_face(ear)), warmth)


def _breathe(canvas: np.ndarray, layers: Layers, look: ThermalLook) -> None:
    """Air at the nostrils, and a plume below the nose while breathing out."""
    unit = layers.geometry.unit
    for patch in layers.nostrils:
        add(canvas, patch, look.breath)
    if look.breath > 0:
        base, lip = layers.geometry.landmarks[[33, 51]]
        down = (lip - base) / max(np.linalg.norm(lip - base), 1e-6)
        middle = base + down * look.plume * unit
        angle = np.linspace(0, 2 * np.pi, 16, endpoint=False)
        ring = middle + look.plume * unit * np.stack([0.6 * np.cos(angle), np.sin(angle)], 1)
        plume = fill(layers.geometry.side, ring, blur=0.12 * unit)
        add(canvas, plume, 0.5 * look.breath)
