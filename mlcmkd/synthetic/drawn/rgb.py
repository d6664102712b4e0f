"""RGB appearance of a synthetic face: pigment, light, background, and the camera's noise."""

from dataclasses import dataclass

import cv2
import numpy as np

from mlcmkd.synthetic.drawn.atlas import ATLAS_SHAPE, ATLAS_X, ATLAS_Y, lobe
from mlcmkd.synthetic.drawn.drawing import Patch, blend, enlarge, fill, smooth_field, soften
from mlcmkd.synthetic.drawn.layers import Layers

_SKIN = np.array(  # from light to dark
    [(0.97, 0.82, 0.73), (0.91, 0.72, 0.59), (0.78, 0.57, 0.43), (0.56, 0.38, 0.28),
     (0.36, 0.24, 0.18)]
)  # fmt: skip
_HAIR = np.array(
    [(0.08, 0.07, 0.07), (0.18, 0.12, 0.09), (0.32, 0.20, 0.12), (0.50, 0.34, 0.18),
     (0.78, 0.62, 0.38), (0.52, 0.22, 0.10), (0.68, 0.67, 0.66)]
)  # fmt: skip
_IRIS = np.array([(0.22, 0.13, 0.08), (0.35, 0.24, 0.13), (0.30, 0.42, 0.55), (0.33, 0.43, 0.28)])


def _face_normals() -> tuple[np.ndarray, np.ndarray]:
    """Slopes (2, rows, columns) of a frontal face: of the head's round, and of its features."""
    inside = 1 - (ATLAS_X / 1.13) ** 2 - ((ATLAS_Y - 0.30) / 1.75) ** 2
    round_head = 0.95 * np.sqrt(np.maximum(inside, 0.06))
    features = (
        0.17 * lobe(0, 0.25, 0.10, 0.30)  # nose: ridge, tip, wings
        + 0.26 * lobe(0, 0.54, 0.15, 0.14)
        + 0.10 * lobe(0.16, 0.60, 0.08, 0.09, mirrored=True)
        + 0.07 * lobe(0.42, -0.26, 0.30, 0.12, mirrored=True)  # brow ridge
        - 0.14 * lobe(0.40, -0.02, 0.24, 0.14, mirrored=True)  # eye sockets and eyeballs
        + 0.07 * lobe(0.42, 0.0, 0.14, 0.10, mirrored=True)
        + 0.11 * lobe(0.60, 0.40, 0.24, 0.20, mirrored=True)  # cheekbones
        - 0.06 * lobe(0.64, 0.88, 0.16, 0.24, mirrored=True)
        + 0.08 * lobe(0, 0.98, 0.38, 0.24)  # muzzle, lips, chin
        + 0.05 * lobe(0, 0.96, 0.22, 0.05)
        + 0.07 * lobe(0, 1.13, 0.22, 0.06)
        - 0.07 * lobe(0, 1.29, 0.22, 0.06)
        + 0.12 * lobe(0, 1.50, 0.22, 0.15)
        - 0.05 * lobe(0.86, -0.30, 0.12, 0.28, mirrored=True)  # temples
    )
    step = float(ATLAS_X[0, 1] - ATLAS_X[0, 0])
    slopes = [
        np.stack(np.gradient(h, step)[::-1]).astype(np.float32) for h in (round_head, features)
    ]
    return slopes[0], slopes[1]


_ROUND_SLOPES, _FEATURE_SLOPES = _face_normals()
# Where little light comes in from any side.
_HOLLOWS = (
    0.30 * lobe(0.30, 0.0, 0.17, 0.12, mirrored=True)
    + 0.22 * lobe(0, 0.76, 0.20, 0.07)
    + 0.20 * lobe(0, 1.27, 0.20, 0.05)
    + 0.10 * lobe(0.42, 0.16, 0.2, 0.06, mirrored=True)
).astype(np.float32)
# The fold from the nose's wing to the mouth's corner.
_FOLDS = sum(
    lobe(0.30 + 0.22 * t**1.5, 0.62 + 0.36 * t, 0.045, 0.09, mirrored=True)
    for t in np.linspace(0, 1, 6)
).astype(np.float32) * np.float32(0.5)
_BLOOD = (
    0.8 * lobe(0.58, 0.50, 0.26, 0.22, mirrored=True)
    + 0.8 * lobe(0, 0.58, 0.16, 0.14)
    + 0.3 * lobe(0, 1.5, 0.25, 0.2)
).astype(np.float32)
_HAIR_ANGLE = np.arctan2(ATLAS_X, 1.0 - ATLAS_Y)  # strands run out from the crown, about


@dataclass(frozen=True)
class RgbLook:
    """Parameters of the RGB appearance alone.

    Attributes:
        skin_tone: 0 light to 1 dark.
        relief: strength of the relief of nose, brows, cheekbones and so on.
        hair_colour, iris_colour, cloth_colour, cap_colour, frame_colour,
            lens_tint: (3,) in 0 to 1.
        mottle: field over the atlas, about unit deviation; spots: (S, 3) x, y, size of moles.
        redness: of cheeks and nose; lip_redness: of the lips.
        light: (3,) unit vector towards the light, camera coordinates.
        contrast: share of the directed light; gloss: strength of the highlight.
        tint: (3,) colour of the light; exposure: its strength.
        background: name, two colours (2, 3), coarse texture (cells, cells, 1), rows of objects
            (x, y, width, height as shares of the side, r, g, b) and their blur as a share.
        blur: optics, as a share of the image side; noise: deviation, 0 to 1.
    """

    skin_tone: float
    relief: float
    hair_colour: np.ndarray
    iris_colour: np.ndarray
    cloth_colour: np.ndarray
    cap_colour: np.ndarray
    frame_colour: np.ndarray
    lens_tint: np.ndarray
    mottle: np.ndarray
    spots: np.ndarray
    redness: float
    lip_redness: float
    light: np.ndarray
    contrast: float
    gloss: float
    tint: np.ndarray
    exposure: float
    background: np.ndarray
    texture: np.ndarray
    objects: np.ndarray
    object_blur: float
    blur: float
    noise: float


def draw_rgb_look(of_identity: np.random.Generator, of_sample: np.random.Generator) -> RgbLook:
    """Random look: pigment from the identity's stream, light and camera from the sample's."""
    rng = of_identity
    tone = float(rng.uniform(0, 1))
    # Dark skin goes with dark hair more often than not.
    shades = np.array([0.25, 0.25, 0.15, 0.1, 0.08, 0.05, 0.12])
    shades[2:6] *= np.clip(1.4 - 2.2 * tone, 0, 1)
    hair = _HAIR[rng.choice(7, p=shades / shades.sum())] * rng.uniform(0.8, 1.15)
    iris = _IRIS[rng.choice(4, p=[0.5, 0.2, 0.2, 0.1] if tone < 0.5 else [0.9, 0.1, 0, 0])]
    fixed = dict(
        skin_tone=tone,
        relief=float(rng.uniform(0.8, 1.25)),
        hair_colour=np.clip(hair, 0, 1),
        iris_colour=iris * rng.uniform(0.8, 1.2),
        frame_colour=rng.choice([0.05, 0.12, 0.25, 0.6]) * rng.uniform(0.6, 1.2, 3),
        lens_tint=rng.uniform(0.03, 0.25, 3),
        mottle=smooth_field(rng, (20, 17), ATLAS_SHAPE),
        spots=rng.uniform([-0.8, -0.6, 0.012], [0.8, 1.5, 0.03], (rng.integers(0, 4), 3)),
        redness=float(rng.uniform(0.02, 0.13)) * (1 - 0.6 * tone),
        lip_redness=float(rng.uniform(0.25, 0.9)),
    )
    rng = of_sample
    azimuth, elevation = np.deg2rad([rng.uniform(-75, 75), rng.uniform(-5, 60)])
    light = [np.sin(azimuth) * np.cos(elevation), -np.sin(elevation),
             np.cos(azimuth) * np.cos(elevation)]  # fmt: skip
    warmth = rng.normal(0, 0.05)
    count = rng.integers(0, 5)
    return RgbLook(
        **fixed,
        cloth_colour=_muted(rng, 0.5),
        cap_colour=_muted(rng, 0.5),
        light=np.array(light),
        contrast=float(rng.uniform(0.3, 0.75)),
        gloss=float(rng.uniform(0.02, 0.2)),
        tint=np.array([1 + warmth, 1 + 0.2 * warmth, 1 - warmth]),
        exposure=float(rng.uniform(0.72, 1.12)),
        background=np.stack([_muted(rng, 0.35), _muted(rng, 0.35)]),
        texture=rng.standard_normal((12, 12, 1)).astype(np.float32) * rng.uniform(0, 0.05),
        objects=np.column_stack(
            [rng.uniform([-0.1, -0.1, 0.05, 0.05], [1, 1, 0.4, 0.6], (count, 4)),
             np.array([_muted(rng, 0.5) for _ in range(count)]).reshape(count, 3)]
        ),
        object_blur=float(rng.uniform(0.005, 0.05)),
        blur=float(rng.choice([0.0, 0.004, 0.008, 0.012], p=[0.4, 0.3, 0.2, 0.1])),
        noise=float(rng.uniform(0.004, 0.022)),
    )  # fmt: skip


def _muted(rng: np.random.Generator, saturation: float) -> np.ndarray:
    """Random colour (3,), seldom a loud one."""
    grey = rng.uniform(0.08, 0.9)
    return np.clip(grey + rng.uniform(0, saturation) * rng.uniform(-0.5, 0.5, 3), 0.02, 0.98)


def paint_rgb(layers: Layers, look: RgbLook) -> np.ndarray:
    """The scene on the canvas, (side, side, 3) float32 in 0 to 1, before the camera."""
    side, styling = layers.geometry.side, layers.styling
    skin = _palette(_SKIN, look.skin_tone).astype(np.float32)
    hair = look.hair_colour
    light = layers.geometry.rotation.T @ look.light  # in the head's own coordinates

    canvas = _background(look, side)
    strands = None
    if styling.hair not in ("bald", "beanie"):
        strands = layers.to_canvas(_strands(layers, look, light))
    if layers.back_hair is not None:
        blend(canvas, layers.back_hair, strands * np.float32(0.62))
    # Neck and ears get a simplified shading: a gradient across, and the chin's shadow.
    across = _across(side, look.light[0] * look.contrast * 0.55, layers.geometry)
    blend(canvas, layers.neck, skin * (1.0 - 0.25 * look.contrast) * across)
    shadow = layers.chin_shadow
    blend_shadow(canvas, layers.neck, shadow, 0.35 + 0.3 * look.contrast)
    blend(canvas, layers.clothes, look.cloth_colour * (0.55 + 0.45 * across))
    blend_shadow(canvas, layers.clothes, shadow, 0.25)
    ears = skin * [0.93, 0.80, 0.76]
    if not layers.ears_over_hair:
        _paint_ears(canvas, layers, ears, across)
    blend(canvas, layers.skull, 0.86 * skin * across)

    face = layers.to_canvas(_face_atlas(layers, look, skin, light))
    if styling.hair == "bald":
        blend(canvas, layers.skull, face)
    blend(canvas, layers.face, face)
    _paint_nose(canvas, layers, skin, look)
    _paint_mouth(canvas, layers, skin, look)
    for eye in layers.eyes:
        _paint_eye(canvas, eye, skin, look)
    brow = 0.75 * hair + 0.25 * skin * 0.5 if hair.mean() < 0.45 else 0.6 * hair
    for patch in layers.brows:
        blend(canvas, patch, brow, 0.85)
    if layers.hair is not None:
        if styling.hair == "beanie":
            blend(canvas, layers.hair, look.cap_colour * across)
        else:
            _cast_hair_shadow(canvas, layers)
            blend(canvas, layers.hair, strands, 0.6 if styling.hair == "buzz" else 1.0)
    if layers.ears_over_hair:
        _paint_ears(canvas, layers, ears, across)
    _paint_glasses(canvas, layers, look)
    canvas *= np.float32(look.exposure) * look.tint.astype(np.float32)
    return canvas


def photograph(scene: np.ndarray, look: RgbLook, size: int, rng: np.random.Generator) -> np.ndarray:
    """Applies blur and noise of the camera: (size, size, 3) uint8."""
    picture = cv2.resize(scene, (size, size), interpolation=cv2.INTER_AREA)
    picture = soften(picture, look.blur * size)
    grain = rng.standard_normal(picture.shape, dtype=np.float32)
    picture += grain * np.float32(look.noise)
    return (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)


def _palette(colours: np.ndarray, place: float) -> np.ndarray:
    """Colour at `place` (0 to 1) along a palette (P, 3)."""
    knots = np.linspace(0, 1, len(colours))
    return np.array([np.interp(place, knots, channel) for channel in colours.T])


def blend_shadow(canvas: np.ndarray, on: Patch, shadow: Patch, strength: float) -> None:
    """Darken what lies under `on` where the shadow falls."""
    full = np.zeros(canvas.shape[:2], np.float32)
    full[shadow.window] = shadow.mask
    if on.mask.size:
        canvas[on.window] *= 1 - (strength * on.mask * full[on.window])[..., None]


def _across(side: int, slope: float, geometry) -> np.ndarray:
    """Brightness (1, side, 1) that rises towards the light, about 1 at the head's middle."""
    x = (np.arange(side, dtype=np.float32) - geometry.centre[0]) / geometry.unit
    return np.clip(1 + slope * x, 0.4, 1.35).astype(np.float32)[None, :, None]


def _background(look: RgbLook, side: int) -> np.ndarray:
    first, second = look.background.astype(np.float32)
    ramp = np.linspace(0, 1, side, dtype=np.float32)[:, None, None]
    canvas = np.broadcast_to(first + (second - first) * ramp, (side, side, 3)).copy()
    for x, y, width, height, *colour in look.objects:
        corners = np.array([(x, y), (x + width, y), (x + width, y + height), (x, y + height)])
        blend(canvas, fill(side, corners * side, blur=look.object_blur * side), colour)
    canvas += enlarge(look.texture, (side, side))[..., None]
    return canvas


def _shade(look: RgbLook, light: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Diffuse light and highlight over the atlas, each (rows, columns)."""
    slope = _ROUND_SLOPES + np.float32(look.relief) * _FEATURE_SLOPES
    length = 1 / np.sqrt(1 + slope[0] ** 2 + slope[1] ** 2)
    x, y, z = light.astype(np.float32)
    facing = (z - x * slope[0] - y * slope[1]) * length
    diffuse = np.maximum(0.15 + 0.85 * facing, 0)
    # Halfway between light and viewer (who looks along z): where that meets the normal, it shines.
    half = np.array([x, y, z + 1]) / np.sqrt(x**2 + y**2 + (z + 1) ** 2)
    shine = np.maximum((half[2] - half[0] * slope[0] - half[1] * slope[1]) * length, 0) ** 24
    # The nose casts a shadow on the cheek away from the light.
    shadow = abs(x) * lobe(-0.26 * np.sign(x), 0.58, 0.14, 0.20)
    return diffuse * (1 - 0.45 * shadow).astype(np.float32), shine.astype(np.float32)


def _face_atlas(layers: Layers, look: RgbLook, skin: np.ndarray, light: np.ndarray) -> np.ndarray:
    """Colour of the lit skin (and beard) over the atlas, (rows, columns, 3) float32."""
    pigment = np.broadcast_to(skin.astype(np.float32), (*ATLAS_SHAPE, 3)).copy()
    pigment *= (1 + 0.02 * look.mottle)[..., None]
    blood = (look.redness * _BLOOD)[..., None]
    pigment += blood * np.float32([0.35, -0.55, -0.45])
    for x, y, size in look.spots:
        pigment *= (1 - 0.5 * lobe(x, y, 1.5 * size, 1.5 * size))[..., None]
    if layers.beard is not None:
        hair = 0.85 * look.hair_colour if layers.styling.beard != "stubble" else (
            0.5 * look.hair_colour + 0.1
        )  # fmt: skip
        grain = 1 + 0.22 * look.mottle[::-1, ::-1]
        cover = layers.beard[..., None] * np.float32(0.9)
        pigment += cover * (hair.astype(np.float32) * grain[..., None] - pigment)
    diffuse, shine = _shade(look, light)
    smile = layers.geometry.head[48, 1] - 1.03
    folds = np.clip(0.10 - 1.5 * smile, 0.05, 0.35) * _FOLDS
    brightness = 1.12 * ((1 - look.contrast) + look.contrast * diffuse)
    brightness = brightness * (1 - _HOLLOWS) * (1 - folds)
    # Light that has gone through skin comes out redder: shadows are warm, not grey.
    shadowed = np.clip(1 - brightness, 0, 1)[..., None]
    lit = pigment * brightness[..., None] * (1 + shadowed * np.float32([0.10, -0.06, -0.10]))
    if layers.beard is not None:
        shine = shine * (1 - 0.9 * layers.beard)
    lit += (look.gloss * look.contrast * 2 * shine)[..., None]
    return lit.astype(np.float32)


def _strands(layers: Layers, look: RgbLook, light: np.ndarray) -> np.ndarray:
    """Colour of the hair over the atlas: strands and a broad sheen, (rows, columns, 3)."""
    curly = layers.styling.hair == "curly"
    loose = 0.10 * look.mottle if curly else 0.006 * np.sin(3 * ATLAS_Y + 5 * ATLAS_X)
    place = ((_HAIR_ANGLE / np.pi + 1 + loose) * 128).astype(np.int32) % 256
    streak = cv2.GaussianBlur(layers.styling.strands[place], (0, 0), 1.0)
    sheen = lobe(0.5 * light[0], -0.95, 0.7, 0.22)
    side = 1 + 0.3 * light[0] * ATLAS_X
    brightness = np.clip((0.86 + 0.22 * streak) * side, 0.3, 1.6) + 0.35 * look.contrast * sheen
    colour = look.hair_colour.astype(np.float32) * brightness[..., None]
    return (colour + 0.05 * look.contrast * sheen[..., None]).astype(np.float32)


def _paint_ears(canvas: np.ndarray, layers: Layers, colour: np.ndarray, across) -> None:
    for sign, ear in zip((-1, 1), layers.ears, strict=True):
        # The ear on the side that turns away is behind the head.
        if sign * layers.geometry.turn > 0.3:
            continue
        behind = 1 - layers.inside_face(ear)
        blend(canvas, ear.times(behind), colour * across)
        inner = layers.geometry.ear_outline(sign)
        inner = inner.mean(0) + 0.55 * (inner - inner.mean(0))
        hollow = fill(layers.geometry.side, inner, blur=0.03 * layers.geometry.unit)
        blend(canvas, hollow.times(1 - layers.inside_face(hollow)), colour * 0.6, 0.6)


def _cast_hair_shadow(canvas: np.ndarray, layers: Layers) -> None:
    """Hair darkens the skin just below it."""
    hair, unit = layers.hair, layers.geometry.unit
    if hair.mask.size == 0:
        return
    shift = np.float32([[1, 0, 0], [0, 1, 0.05 * unit]])
    moved = cv2.warpAffine(hair.mask, shift, hair.mask.shape[::-1])
    blend(canvas, hair._replace(mask=soften(moved, 0.035 * unit)), 0.0, 0.3)


def _paint_nose(canvas: np.ndarray, layers: Layers, skin: np.ndarray, look: RgbLook) -> None:
    dark = skin * [0.55, 0.42, 0.38]
    for patch, alpha in zip(layers.nose_lines, (0.45, 0.35, 0.35, 0.35), strict=True):
        blend(canvas, patch, dark, alpha * (0.7 + 0.6 * look.contrast))
    for patch in layers.nostrils:
        blend(canvas, patch, skin * [0.30, 0.18, 0.15], 0.85)


def _paint_mouth(canvas: np.ndarray, layers: Layers, skin: np.ndarray, look: RgbLook) -> None:
    red = skin * [0.92, 0.62, 0.60] * (1 - 0.25 * look.lip_redness) + look.lip_redness * np.array(
        [0.10, -0.02, 0.0]
    )
    blend(canvas, layers.lips, np.clip(red, 0, 1), 0.9)
    blend(canvas, layers.upper_lip, red * 0.78, 0.7)
    blend(canvas, layers.lip_shine, np.clip(red * 1.3 + 0.08, 0, 1), 0.35 + look.gloss)
    blend(canvas, layers.mouth, (0.16, 0.06, 0.06))
    if layers.teeth is not None:
        blend(canvas, layers.teeth, (0.90, 0.87, 0.82), 0.92)
    blend(canvas, layers.mouth_line, skin * [0.35, 0.20, 0.18], 0.7)


def _paint_eye(canvas: np.ndarray, eye, skin: np.ndarray, look: RgbLook) -> None:
    blend(canvas, eye.crease, skin * [0.55, 0.42, 0.38], 0.55)
    blend(canvas, eye.opening, (0.90, 0.88, 0.86), 0.95)
    blend(canvas, eye.iris, look.iris_colour)
    blend(canvas, eye.pupil, (0.03, 0.03, 0.04))
    # The upper lid shades the eyeball.
    blend(canvas, eye.opening.times(soften(eye.lashes.mask, 2.0)), (0.10, 0.07, 0.06), 0.5)
    blend(canvas, eye.sparkle, (1.0, 1.0, 1.0), 0.9)
    blend(canvas, eye.lashes, (0.08, 0.05, 0.05), 0.85)


def _paint_glasses(canvas: np.ndarray, layers: Layers, look: RgbLook) -> None:
    if layers.lenses is None:
        return
    tinted = layers.styling.glasses == "tinted"
    for lens in layers.lenses:
        blend(
            canvas, lens, look.lens_tint if tinted else (0.85, 0.92, 1.0), 0.62 if tinted else 0.07
        )
        # A window mirrored in the upper part of the lens.
        height = np.linspace(1, 0, max(lens.mask.shape[0], 1), dtype=np.float32)[:, None]
        blend(canvas, lens.times(np.clip(2 * height - 1, 0, 1)), (0.95, 0.98, 1.0), 0.22)
    for part in layers.frame:
        blend(canvas, part, look.frame_colour)
