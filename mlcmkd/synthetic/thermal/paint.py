"""Temperatures of a scene: those of the surface, and those that a perfect camera reads."""

from dataclasses import dataclass

import numpy as np

from mlcmkd.synthetic.coverage import Coverage
from mlcmkd.synthetic.part import Worn
from mlcmkd.synthetic.realism import Realism
from mlcmkd.synthetic.scene import Scene
from mlcmkd.synthetic.styling import Styling
from mlcmkd.synthetic.thermal.background import paint_background
from mlcmkd.synthetic.thermal.breath import add_plume, outlet
from mlcmkd.synthetic.thermal.covers import lens_temperature, warm_covers
from mlcmkd.synthetic.thermal.emissivity import apparent_temperature
from mlcmkd.synthetic.thermal.look import ThermalLook
from mlcmkd.synthetic.thermal.materials import emissivities, lens_emissivities
from mlcmkd.synthetic.thermal.physiology import skin_temperature
from mlcmkd.synthetic.view import mirrored

_BREATH = 34.0  # degrees C of air that leaves nose or mouth


@dataclass(frozen=True)
class HeatMaps:
    """Temperatures on the canvas.

    Attributes:
        surface: (S, S) float32, true temperature of the visible surface, degrees C; the background
            as a camera reads it.
        apparent: (S, S) float32, reading of a perfect camera that assumes a black body, degrees C.
    """

    surface: np.ndarray
    apparent: np.ndarray


def paint_thermal(
    scene: Scene,
    coverage: Coverage,
    styling: Styling,
    look: ThermalLook,
    realism: Realism = Realism(),  # noqa: B008 (frozen)
) -> HeatMaps:
    """Temperatures of a scene.

    Args:
        scene: geometry and visible surfaces.
        coverage: hair and lips at the pixels of `scene.solid`.
        styling: what is worn: whether there is a beard, and what a hand holds.
        look: the thermal appearance.
        realism: parts to leave out.
    """
    solid = scene.solid
    if realism.scene:
        backdrop = paint_background(look.background, solid.size)
    else:
        backdrop = np.full((solid.size, solid.size), look.ambient, np.float32)
    bare = solid.interpolate(skin_temperature(scene.vertices, look, realism))
    lips = look.covers.lips if realism.anatomy else 0.0
    warmth = warm_covers(scene, bare, coverage, styling, look, lips)
    _breathe_on_mask(warmth, scene, look)
    shown = warmth
    if realism.emissivity:
        emitted = emissivities(solid, look.covers)
        seen = look.surroundings.at(mirrored(solid.normals))
        shown = apparent_temperature(warmth, seen, emitted)
    surface = solid.canvas(warmth, backdrop)
    apparent = solid.canvas(shown, backdrop)
    if scene.lens is not None:
        _lay_lenses(surface, apparent, scene, look, realism)
    add_plume(apparent, scene, look.breath, _BREATH)
    return HeatMaps(surface, apparent)


def _breathe_on_mask(warmth: np.ndarray, scene: Scene, look: ThermalLook) -> None:
    """Breath out warms the mask in front of nose and mouth, breath in cools it."""
    mask = np.flatnonzero(scene.solid.materials == Worn.MASK)
    if len(mask) == 0:
        return
    mouth, down = outlet(scene)
    squares = ((scene.solid.positions[mask] - mouth - 0.25 * down) ** 2).sum(axis=1)
    change = look.breath.flow * look.covers.mask_breath * np.exp(-squares / (2 * 0.45**2))
    warmth[mask] = np.clip(warmth[mask] + change, look.ambient, _BREATH + 1)


def _lay_lenses(
    surface: np.ndarray,
    apparent: np.ndarray,
    scene: Scene,
    look: ThermalLook,
    realism: Realism,
) -> None:
    """Draws opaque lenses on both maps, in place."""
    lens = scene.lens
    warmth = lens_temperature(lens, look)
    surface.reshape(-1)[lens.pixels] = warmth
    if realism.emissivity:
        emitted = lens_emissivities(lens, look.covers)
        warmth = apparent_temperature(warmth, look.surroundings.at(mirrored(lens.normals)), emitted)
    apparent.reshape(-1)[lens.pixels] = warmth
