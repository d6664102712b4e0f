"""The look of a person in one RGB picture, drawn at random."""

from dataclasses import dataclass

import numpy as np

from mlcmkd.synthetic.part import Worn
from mlcmkd.synthetic.rgb.background import BackgroundLook, draw_background
from mlcmkd.synthetic.rgb.camera import CameraLook, draw_camera
from mlcmkd.synthetic.rgb.colour import linear, vary
from mlcmkd.synthetic.rgb.eyes import EyeLook, draw_eyes
from mlcmkd.synthetic.rgb.fabric import FabricLook, draw_fabric
from mlcmkd.synthetic.rgb.glasses import GlassesLook, draw_glasses
from mlcmkd.synthetic.rgb.hair import HairLook, draw_hair
from mlcmkd.synthetic.rgb.lighting import Lighting, draw_lighting
from mlcmkd.synthetic.rgb.skin import SkinLook, draw_skin
from mlcmkd.synthetic.styling import Styling


@dataclass(frozen=True)
class RgbLook:
    """What the RGB camera sees beyond the geometry.

    Attributes:
        skin_tone: 0 very light to 1 very dark.
        light: (3,) unit direction towards the key light in camera axes; `light[0]` is -1 at the left
            of the image and 1 at its right.
        lighting: the colours of the lights.
        skin, eyes, hair, glasses: of the person.
        teeth: (3,) linear colour.
        clothes, hat, mask: cloth.
        held: the surface of a phone or a cup.
        background: what is behind the person.
        camera: settings of the camera.
    """

    skin_tone: float
    light: tuple[float, float, float]
    lighting: Lighting
    skin: SkinLook
    eyes: EyeLook
    hair: HairLook
    glasses: GlassesLook
    teeth: np.ndarray
    clothes: FabricLook
    hat: FabricLook
    mask: FabricLook
    held: FabricLook
    background: BackgroundLook
    camera: CameraLook


def draw_rgb_look(
    of_identity: np.random.Generator, of_sample: np.random.Generator, styling: Styling
) -> RgbLook:
    """Random look of a person in a picture.

    Args:
        of_identity: generator of what belongs to the person: skin, eyes, hair, frame.
        of_sample: generator of what belongs to the picture: light, clothes, background, camera.
        styling: what the person wears.
    """
    tone = float(of_identity.beta(1.0, 1.7))
    skin = draw_skin(of_identity, of_sample, tone, bearded=styling.beard != "none")
    direction, lighting = draw_lighting(of_sample)
    return RgbLook(
        skin_tone=tone,
        light=direction,
        lighting=lighting,
        skin=skin,
        eyes=draw_eyes(of_identity, of_sample, tone),
        hair=draw_hair(of_identity, tone, skin.age),
        glasses=draw_glasses(of_identity, of_sample, styling.glasses),
        teeth=vary(of_identity, linear(232, 220, 198), 0.12),
        clothes=draw_fabric(of_sample, Worn.CLOTH),
        hat=draw_fabric(of_sample, Worn.HAT),
        mask=draw_fabric(of_sample, Worn.MASK),
        held=draw_fabric(of_sample, Worn.HELD),
        background=draw_background(of_sample, lighting.kind, lighting.illuminant),
        camera=draw_camera(of_sample, lighting.illuminant),
    )
