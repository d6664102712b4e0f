"""Frames and lenses of glasses in the RGB image: tint, and a mirror image of the surroundings."""

from dataclasses import dataclass

import numpy as np

from mlcmkd.synthetic.part import Worn
from mlcmkd.synthetic.rgb.colour import linear, vary
from mlcmkd.synthetic.rgb.pixels import put_rows, unit
from mlcmkd.synthetic.rgb.shading import IncidentLight, add_highlights, irradiance
from mlcmkd.synthetic.scene import Scene
from mlcmkd.synthetic.smooth import smooth_step
from mlcmkd.synthetic.view import mirrored

_FRAMES = ((18, 17, 18), (24, 22, 24), (60, 38, 26), (96, 62, 36), (120, 122, 126), (168, 150, 110),
           (44, 52, 84), (112, 34, 40), (190, 186, 180))  # fmt: skip
_DULL = np.zeros(3, np.float32)


@dataclass(frozen=True)
class GlassesLook:
    """Glasses in the RGB image.

    Attributes:
        frame: (3,) linear colour.
        gloss: strength of the frame's highlights.
        passing: (3,) share of the light that a lens lets through.
        mirror: strength of reflections; 1 is clear glass without a coating.
        gradient: how much darker the upper half of a lens is.
        window: (4,) centre x, y of a bright window in mirrored directions, its half width, and its
            brightness, 0 for none.
    """

    frame: np.ndarray
    gloss: float
    passing: np.ndarray
    mirror: float
    gradient: float
    window: np.ndarray


def draw_glasses(
    of_identity: np.random.Generator, of_sample: np.random.Generator, style: str
) -> GlassesLook:
    """Random glasses of a style of `styling.GLASSES_STYLES`; the ranges are ours."""
    frame = vary(of_identity, linear(*_FRAMES[of_identity.integers(len(_FRAMES))]), 0.2)
    tints = np.array([[1, 0.92, 0.8], [0.8, 0.92, 0.85], [0.9, 0.9, 0.95], [1, 0.8, 0.5]])
    tint = tints[of_identity.integers(len(tints))]
    if style == "clear":
        passing = np.full(3, of_identity.uniform(0.9, 0.97))
    else:
        passing = of_identity.uniform(0.02, 0.2) * tint
    coated = of_identity.random() < (0.35 if style == "sport" else 0.1)
    strength = of_identity.uniform(4, 9) if coated else of_identity.uniform(0.3, 1.6)
    window = of_sample.uniform([-0.6, -0.1, 0.08, 0.5], [0.6, 0.8, 0.35, 3])
    window[3] *= of_sample.random() < 0.5
    return GlassesLook(
        frame=frame,
        gloss=float(of_identity.uniform(0.5, 3)),
        passing=passing.astype(np.float32),
        mirror=float(strength),
        gradient=float(of_identity.uniform(0, 0.5) * (style != "clear")),
        window=window.astype(np.float32),
    )


def paint_frame(
    radiance: np.ndarray, scene: Scene, look: GlassesLook, incident: IncidentLight
) -> None:
    """Writes the light of the pixels of frames into `radiance` (M, 3)."""
    chosen = np.flatnonzero(scene.solid.materials == Worn.FRAME)
    if not len(chosen):
        return
    own, facing = incident.take(chosen), scene.solid.normals.take(chosen, axis=0)
    light = look.frame * irradiance(facing, own, _DULL)
    add_highlights(light, facing, own, np.full(len(chosen), look.gloss, np.float32), 50)
    put_rows(radiance, chosen, light)


def look_through(
    image: np.ndarray, scene: Scene, look: GlassesLook, incident: IncidentLight
) -> None:
    """Draws lenses over an image (S, S, 3) of everything behind them, in place."""
    lens = scene.lens
    if lens is None or not len(lens):
        return
    facing = _lens_normals(scene)
    seen = mirrored(facing)
    fresnel = look.mirror * (0.05 + 0.9 * (1 - np.clip(facing[:, 2], 0, 1)) ** 5)
    lighting = incident.lighting
    up = (0.5 + 0.5 * seen[:, 1])[:, None]
    room = 0.6 * (lighting.ground + up * (lighting.sky - lighting.ground))
    across, along, half_width, brightness = look.window
    inside = smooth_step(np.abs(seen[:, 0] - across), half_width + 0.06, half_width - 0.06)
    inside *= smooth_step(np.abs(seen[:, 1] - along), 1.3 * half_width + 0.06, 1.3 * half_width)
    room += (brightness * inside)[:, None] * lighting.sky
    sun = np.exp(400 * (seen @ incident.light - 1))
    room += 4 * sun[:, None] * lighting.key
    shade = 1 - look.gradient * smooth_step(lens.places[:, 1], -0.6, 0.9)
    flat = image.reshape(-1, 3)
    behind = flat[lens.pixels] * (look.passing * shade[:, None])
    flat[lens.pixels] = behind + np.minimum(fresnel, 0.7)[:, None] * room


def _lens_normals(scene: Scene) -> np.ndarray:
    """Normals (n, 3) of lenses as if they were pieces of a sphere; a mesh of few triangles would show
    its edges in the mirror image."""
    across, up, side = scene.lens.places.T
    curved = np.stack((0.3 * across * side, 0.18 * up - 0.06, np.ones_like(up)), axis=1)
    return (unit(curved) @ scene.rotation.T).astype(np.float32)
