"""The open mouth: teeth, tongue and the dark lining."""

from dataclasses import replace

import numpy as np

from mlcmkd.synthetic.head.basis import Material
from mlcmkd.synthetic.rgb.colour import linear
from mlcmkd.synthetic.rgb.pixels import put_rows
from mlcmkd.synthetic.rgb.shading import IncidentLight, add_highlights, irradiance
from mlcmkd.synthetic.scene import Scene
from mlcmkd.synthetic.smooth import smooth_step

_LINING = linear(120, 50, 48)
_TONGUE = linear(176, 96, 94)
_TOOTH = 0.125  # width of a front tooth, head units (8 mm)
_BLEED = np.array([0.3, 0.12, 0.1], np.float32)


def paint_mouth(
    radiance: np.ndarray,
    scene: Scene,
    teeth: np.ndarray,
    incident: IncidentLight,
) -> None:
    """Writes the light of the pixels inside the mouth into `radiance` (M, 3).

    Args:
        radiance: light of the pixels of `scene.solid`, changed in place.
        scene: the scene.
        teeth: (3,) linear colour.
        incident: lights and shadows at the pixels.
    """
    solid = scene.solid
    for material, albedo, wet in (
        (Material.MOUTH, _LINING, 0.4),
        (Material.TONGUE, _TONGUE, 0.8),
        (Material.TEETH, teeth, 1.0),
    ):
        chosen = np.flatnonzero(solid.materials == material)
        if not len(chosen):
            continue
        # The head's ambient light is computed for a closed mouth; here depth replaces it.
        open_to = smooth_step(solid.places[chosen, 2], -0.5, 0.2)
        own, facing = incident.take(chosen), solid.normals.take(chosen, axis=0)
        ambient = (0.04 + 0.8 * open_to) * np.maximum(own.ambient, 0.4)
        own = replace(own, reaching=own.reaching * (0.1 + 0.9 * open_to), ambient=ambient)
        if material == Material.TEETH:
            albedo = albedo * _between_teeth(solid.places[chosen])[:, None]
        light = irradiance(facing, own, _BLEED)
        light *= albedo
        shine = np.full(len(chosen), wet, np.float32) * open_to
        add_highlights(light, facing, own, shine, 40)
        put_rows(radiance, chosen, light)


def _between_teeth(places: np.ndarray) -> np.ndarray:
    """Brightness (n,) of teeth: darker in the gaps between them, along the dental arch."""
    along = np.arctan2(places[:, 0], places[:, 2] + np.float32(0.35)) * np.float32(0.6)
    gap = np.abs(np.sin(along * np.float32(np.pi / _TOOTH)))
    return 1 - 0.3 * smooth_step(gap, 0.45, 0.05)
