"""Paints a scene as the RGB camera sees it, in linear light."""

from dataclasses import replace

import numpy as np

from mlcmkd.synthetic.coverage import Coverage
from mlcmkd.synthetic.head.basis import Material
from mlcmkd.synthetic.part import Worn
from mlcmkd.synthetic.rgb.background import paint_background
from mlcmkd.synthetic.rgb.eyes import paint_eyes
from mlcmkd.synthetic.rgb.fabric import paint_fabric
from mlcmkd.synthetic.rgb.glasses import look_through, paint_frame
from mlcmkd.synthetic.rgb.hair import cover_with_hair, paint_hair
from mlcmkd.synthetic.rgb.look import RgbLook
from mlcmkd.synthetic.rgb.mouth import paint_mouth
from mlcmkd.synthetic.rgb.pixels import put_rows
from mlcmkd.synthetic.rgb.regions import regions_at
from mlcmkd.synthetic.rgb.relief import skin_normals
from mlcmkd.synthetic.rgb.shading import (
    IncidentLight,
    add_highlights,
    add_shining_through,
    irradiance,
)
from mlcmkd.synthetic.rgb.shadow import cast_shadow, contact_shade
from mlcmkd.synthetic.rgb.skin import skin_albedo, skin_noise
from mlcmkd.synthetic.scene import Scene
from mlcmkd.synthetic.styling import Styling

_BLEED = np.array([0.3, 0.13, 0.09], np.float32)  # of skin, see shading.irradiance
_SOCKET = np.array([0.95, 0.7, 0.68], np.float32)  # the red inside of the lids compared with skin
_IS_SKIN = np.isin(
    np.arange(64),
    (Material.SKIN, Material.EAR, Material.LIPS, Material.EYE_SOCKET, Material.BODY, Worn.HAND),
)


def paint_rgb(scene: Scene, coverage: Coverage, styling: Styling, look: RgbLook) -> np.ndarray:
    """Light that the RGB camera receives; the same arguments give the same image.

    Args:
        scene: the person in front of the camera.
        coverage: hair, brows and lips on the head's surface (`coverage.cover`).
        styling: what the person wears.
        look: colours, light and background.

    Returns:
        (S, S, 3) float32 linear light, red first; 1 is about a white card in the key light.
    """
    solid = scene.solid
    reaching = np.ones(len(solid), np.float32)
    if look.lighting.shadow > 0:
        shaded = 1 - cast_shadow(scene, look.light, look.lighting.hardness)
        reaching -= np.float32(look.lighting.shadow) * shaded
    incident = IncidentLight(
        light=np.array(look.light, np.float32),
        lighting=look.lighting,
        reaching=reaching,
        ambient=contact_shade(scene),
    )
    radiance = np.zeros((len(solid), 3), np.float32)
    _paint_skin(radiance, scene, coverage, look, incident)
    paint_eyes(radiance, scene, look.eyes, incident)
    paint_mouth(radiance, scene, look.teeth, incident)
    paint_hair(radiance, scene, coverage, look.hair, incident)
    for worn, fabric in (
        (Worn.CLOTH, look.clothes),
        (Worn.HAT, look.hat),
        (Worn.MASK, look.mask),
        (Worn.HELD, look.held),
    ):
        paint_fabric(radiance, scene, worn, fabric, incident)
    if styling.glasses != "none":
        paint_frame(radiance, scene, look.glasses, incident)
    image = paint_background(look.background, solid.size)
    put_rows(image.reshape(-1, 3), solid.pixels, radiance)
    look_through(image, scene, look.glasses, incident)
    return image


def _paint_skin(
    radiance: np.ndarray,
    scene: Scene,
    coverage: Coverage,
    look: RgbLook,
    incident: IncidentLight,
) -> None:
    """Writes the light of skin, lips and the hair on them into `radiance` (M, 3)."""
    solid, skin = scene.solid, look.skin
    chosen = np.flatnonzero(_IS_SKIN.take(solid.materials))
    places = solid.places.take(chosen, axis=0)
    regions = regions_at(scene, chosen)
    own = incident.take(chosen)
    open_to = regions.occlusion * np.sqrt(regions.occlusion)
    own = replace(own, ambient=own.ambient * (0.2 + 0.8 * open_to))
    lips = coverage.lips[chosen]
    noise = skin_noise(places, skin)
    albedo = skin_albedo(places, noise, lips, look.skin_tone, skin, regions)
    albedo[np.flatnonzero(solid.materials[chosen] == Material.EYE_SOCKET)] *= _SOCKET
    hairy = cover_with_hair(albedo, coverage, chosen, look.hair)
    smooth = solid.normals.take(chosen, axis=0)
    normals = skin_normals(smooth, places, noise, scene.rotation, skin.age)
    bleed = _BLEED * (0.6 + 0.6 * (1 - look.skin_tone))
    oil = skin.oil * (0.35 + 0.8 * regions.oil) * (1 - 0.8 * hairy) + 0.8 * lips
    light = irradiance(normals, own, bleed)
    light *= albedo
    add_highlights(light, normals, own, oil, 18)
    add_highlights(light, normals, own, 0.25 * oil * regions.oil, 90)  # a film of oil
    add_shining_through(light, normals, own, regions.thin * (1 - 0.7 * look.skin_tone))
    put_rows(radiance, chosen, light)
