"""From albedo to light: ambient light, a soft key light with its shadow, fill, rim and highlights."""

from dataclasses import dataclass

import numpy as np

from mlcmkd.synthetic.rgb.lighting import Lighting

TO_CAMERA = np.array([0, 0, 1], np.float32)


@dataclass(frozen=True)
class Surroundings:
    """What the pixels of a surface have in common with each other, before their material counts.

    Attributes:
        light: (3,) float32 unit direction of the key light, camera axes.
        lighting: the sources.
        reaching: (M,) share of the key light that no shadow takes.
        ambient: (M,) share of the ambient light that reaches the pixel.
    """

    light: np.ndarray
    lighting: Lighting
    reaching: np.ndarray
    ambient: np.ndarray

    def take(self, chosen: np.ndarray) -> "Surroundings":
        """The same for some of the pixels."""
        return Surroundings(self.light, self.lighting, self.reaching[chosen], self.ambient[chosen])


def irradiance(normals: np.ndarray, around: Surroundings, bleed: np.ndarray) -> np.ndarray:
    """Light (M, 3) float32 that falls on a surface; 1 is about that of a white card.

    Args:
        normals: (M, 3) unit, camera axes.
        around: lights and shadows at the same pixels.
        bleed: (3,) how far each colour wraps into the shadow, 0 for a dull surface; skin scatters red
            light furthest, which makes its terminator red (the wrap of Green 2004, GPU Gems).
    """
    lighting = around.lighting
    up = (0.5 + 0.5 * normals[:, 1])[:, None]
    light = lighting.ground + up * (lighting.sky - lighting.ground)
    # Light bounces between the sides of a hollow and takes the red colour of skin: its darkness is
    # weaker in red.
    share = around.ambient[:, None]
    light *= share * (1 + (1 - share) * bleed)
    wrap = bleed + np.float32(0.25 * (1 - lighting.hardness))
    facing = (normals @ around.light)[:, None]
    wrapped = np.clip((facing + wrap) / (1 + wrap), 0, None)
    shade = around.reaching[:, None]
    shade = shade + bleed * shade * (1 - shade)
    light += lighting.key * (wrapped * wrapped * shade)
    for colour, direction in (
        (lighting.fill, lighting.fill_direction),
        (lighting.rim, lighting.rim_direction),
    ):
        falling = np.clip(normals @ direction.astype(np.float32) + np.float32(0.1), 0, 1)
        light += colour * (falling * around.ambient)[:, None]
    return light


def highlights(
    normals: np.ndarray, around: Surroundings, strength: np.ndarray, sharpness: float
) -> np.ndarray:
    """Light (M, 3) float32 that a surface mirrors to the camera without taking its colour.

    A Gaussian lobe around the half vector (Blinn-Phong), Fresnel's factor after Schlick, and the sheen
    of ambient light at grazing angles.

    Args:
        normals: (M, 3) unit, camera axes.
        around: lights and shadows at the same pixels.
        strength: (M,) about 1 for skin.
        sharpness: exponent of Blinn-Phong; a lower one gives a wider highlight.
    """
    lighting = around.lighting
    half = around.light + TO_CAMERA
    half /= np.linalg.norm(half)
    fresnel = 0.028 + 0.972 * (1 - float(half @ TO_CAMERA)) ** 5
    # A large source has a wide highlight.
    exponent = np.float32(sharpness * (0.35 + 0.65 * lighting.hardness))
    lobe = np.exp(exponent * (normals @ half - 1)) * (exponent + 8) / 8
    lobe *= np.clip(3 * (normals @ around.light), 0, 1) * around.reaching * np.float32(fresnel)
    mirrored = (lobe * strength)[:, None] * lighting.key
    grazing = 1 - np.clip(normals[:, 2], 0, 1)
    grazing *= grazing
    sheen = (0.25 * grazing * grazing + 0.02) * strength * around.ambient
    mirrored += sheen[:, None] * lighting.sky
    back = np.clip(normals @ lighting.rim_direction.astype(np.float32) + np.float32(0.3), 0, 1)
    mirrored += (0.5 * grazing * back * back * strength)[:, None] * lighting.rim
    return mirrored
