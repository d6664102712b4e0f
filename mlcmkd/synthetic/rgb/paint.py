"""Paints a scene as the RGB camera sees it, in linear light."""

import numpy as np

from mlcmkd.synthetic.coverage import Coverage
from mlcmkd.synthetic.part import Worn
from mlcmkd.synthetic.rgb.background import paint_background
from mlcmkd.synthetic.rgb.eyes import paint_eyes
from mlcmkd.synthetic.rgb.fabric import paint_fabric
from mlcmkd.synthetic.rgb.glasses import look_through, paint_frame
from mlcmkd.synthetic.rgb.hair import cover_with_hair, paint_hair
from mlcmkd.synthetic.rgb.look import RgbLook
from mlcmkd.synthetic.rgb.mouth import paint_mouth
from mlcmkd.synthetic.rgb.relief import skin_normals
from mlcmkd.synthetic.rgb.shading import Surroundings, highlights, irradiance
from mlcmkd.synthetic.rgb.shadow import cast_shadow, contact_shade
from mlcmkd.synthetic.rgb.skin import Zones, skin_albedo, zones
from mlcmkd.synthetic.scene import Scene
from mlcmkd.synthetic.styling import Styling

_BLEED = np.array([0.3, 0.13, 0.09], np.float32)  # of skin, see shading.irradiance


def paint_rgb(scene: Scene, coverage: Coverage, styling: Styling, look: RgbLook) -> np.ndarray:
    """Light that the RGB camera receives; the same arguments give the same image.

    Args:
        scene: the person before the camera.
        coverage: hair, brows and lips on the head's surface (`coverage.cover`).
        styling: what the person wears.
        look: colours, light and background.

    Returns:
        (S, S, 3) float32 linear light, red first; 1 is about a white card in the key light.
    """
    solid = scene.solid
    regions = zones(scene)
    light = np.array(look.light, np.float32)
    shadow = look.lighting.shadow
    around = Surroundings(
        light=light,
        lighting=look.lighting,
        reaching=1 - shadow * (1 - cast_shadow(scene, look.light, look.lighting.hardness)),
        ambient=regions.occlusion * contact_shade(scene),
    )
    radiance = _paint_skin(scene, coverage, look, regions, around)
    plain = solid.normals
    paint_eyes(radiance, scene, plain, look.eyes, around)
    paint_mouth(radiance, scene, plain, look.teeth, around)
    paint_hair(radiance, scene, plain, coverage, look.hair, around)
    for worn, fabric in ((Worn.CLOTH, look.clothes), (Worn.HAT, look.hat), (Worn.MASK, look.mask)):
        paint_fabric(radiance, scene, plain, worn, fabric, around)
    if styling.glasses != "none":
        paint_frame(radiance, scene, plain, look.glasses, around)
    image = solid.canvas(radiance, paint_background(solid.size, look.background))
    look_through(image, scene, look.glasses, around)
    return image


def _paint_skin(
    scene: Scene, coverage: Coverage, look: RgbLook, regions: Zones, around: Surroundings
) -> np.ndarray:
    """Light (M, 3) float32 of all pixels as if they were skin; other materials overwrite it."""
    skin = look.skin
    normals = skin_normals(scene, skin)
    albedo = skin_albedo(scene, coverage, look.skin_tone, skin, regions)
    hairy = cover_with_hair(albedo, coverage, look.hair)
    bleed = _BLEED * (0.6 + 0.6 * (1 - look.skin_tone))
    radiance = albedo * irradiance(normals, around, bleed)
    oil = skin.oil * (0.35 + 0.8 * regions.oil) * (1 - 0.8 * hairy)
    oil += 0.8 * coverage.lips
    radiance += highlights(normals, around, oil, 14)
    return radiance
