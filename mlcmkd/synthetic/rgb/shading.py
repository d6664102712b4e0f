"""From albedo to light: ambient light, a soft key light with its shadow, fill, rim and highlights.

Three loops over pixels are compiled by numba: as NumPy expressions, each of their thirty steps would
write an array of all pixels.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit

from mlcmkd.synthetic.rgb.lighting import Lighting

# Share of each colour that a thin ear lets through: mostly red, as blood absorbs the others; ours.
_THROUGH_SKIN = np.array([0.25, 0.045, 0.025], np.float32)
_TO_CAMERA = np.array([0, 0, 1], np.float32)


@dataclass(frozen=True)
class IncidentLight:
    """The light that arrives at the pixels of a surface, without the effect of normals and material.

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

    @property
    def half(self) -> np.ndarray:
        """(3,) float32 unit half vector: midway between the key light and the camera."""
        half = self.light + _TO_CAMERA
        return half / np.linalg.norm(half)

    def take(self, chosen: np.ndarray) -> "IncidentLight":
        """The same for some of the pixels."""
        return IncidentLight(self.light, self.lighting, self.reaching[chosen], self.ambient[chosen])


def irradiance(normals: np.ndarray, incident: IncidentLight, bleed: np.ndarray) -> np.ndarray:
    """Light (M, 3) float32 that falls on a surface; 1 is about that of a white card.

    Args:
        normals: (M, 3) unit, camera axes.
        incident: lights and shadows at the same pixels.
        bleed: (3,) how far each colour wraps into the shadow, 0 for a dull surface; skin scatters red
            light furthest, which makes its terminator red (the wrap of Green 2004, GPU Gems).
    """
    lighting = incident.lighting
    softness = np.float32(0.25 * (1 - lighting.hardness))
    bleed = np.asarray(bleed, np.float32)
    return _gather(
        np.ascontiguousarray(normals, np.float32), incident.reaching, incident.ambient,
        lighting.colours, incident.light, lighting.directions, bleed, bleed + softness,
    )  # fmt: skip


@njit(cache=True)
def _gather(normals, reaching, ambient, colours, key, others, bleed, wrap):
    """The sum of `irradiance` over the sources: sky, ground, key, fill and rim."""
    light = np.empty_like(normals)
    half, one, zero, edge = np.float32(0.5), np.float32(1), np.float32(0), np.float32(0.1)
    scale = one / (one + wrap)
    for m in range(normals.shape[0]):
        x, y, z = normals[m, 0], normals[m, 1], normals[m, 2]
        up = half + half * y
        open_to, lit = ambient[m], reaching[m]
        facing = x * key[0] + y * key[1] + z * key[2]
        fill = x * others[0, 0] + y * others[0, 1] + z * others[0, 2] + edge
        rim = x * others[1, 0] + y * others[1, 1] + z * others[1, 2] + edge
        fill = max(fill, zero) * open_to
        rim = max(rim, zero) * open_to
        for c in range(3):
            around = colours[1, c] + up * (colours[0, c] - colours[1, c])
            # Light bounces between the sides of a hollow and takes the red colour of skin: its
            # darkness is weaker in red.
            around *= open_to * (one + (one - open_to) * bleed[c])
            wrapped = max((facing + wrap[c]) * scale[c], zero)
            shade = lit + bleed[c] * lit * (one - lit)
            light[m, c] = (
                around
                + colours[2, c] * wrapped * wrapped * shade
                + colours[3, c] * fill
                + colours[4, c] * rim
            )
    return light


def add_highlights(
    light: np.ndarray,
    normals: np.ndarray,
    incident: IncidentLight,
    strength: np.ndarray,
    sharpness: float,
) -> None:
    """Adds, in place, the light that a surface mirrors to the camera without taking its colour.

    A Gaussian lobe around the half vector (Blinn-Phong), Fresnel's factor after Schlick 1994, and the
    sheen of ambient light and of a rim light at grazing angles.

    Args:
        light: (M, 3) float32 of the pixels.
        normals: (M, 3) unit, camera axes.
        incident: lights and shadows at the same pixels.
        strength: (M,) about 1 for skin.
        sharpness: exponent of Blinn-Phong; a lower one gives a wider highlight.
    """
    lighting = incident.lighting
    half = incident.half
    fresnel = 0.028 + 0.972 * (1 - float(half @ _TO_CAMERA)) ** 5
    exponent = sharpness * (0.35 + 0.65 * lighting.hardness)  # a large source has a wide highlight
    _mirror(
        light, np.ascontiguousarray(normals, np.float32), incident.reaching, incident.ambient,
        np.asarray(strength, np.float32), incident.light, half,
        lighting.directions[1], lighting.key, lighting.sky, lighting.rim,
        np.float32(exponent), np.float32(fresnel * (exponent + 8) / 8),
    )  # fmt: skip


@njit(cache=True)
def _mirror(
    mirrored,
    normals,
    reaching,
    ambient,
    strength,
    light,
    half,
    behind,
    key,
    sky,
    rim,
    exponent,
    peak,
):
    """Adds the highlights of the key light, the sky and the rim light to `mirrored`."""
    one, zero = np.float32(1), np.float32(0)
    three, quarter, base = np.float32(3), np.float32(0.25), np.float32(0.02)
    for m in range(normals.shape[0]):
        x, y, z = normals[m, 0], normals[m, 1], normals[m, 2]
        facing = three * (x * light[0] + y * light[1] + z * light[2])
        lobe = zero
        if facing > zero:
            power = exponent * (x * half[0] + y * half[1] + z * half[2] - one)
            if power > np.float32(-12):  # nothing is left of the lobe elsewhere
                lobe = peak * np.exp(power) * min(facing, one) * reaching[m]
        grazing = (one - min(max(z, zero), one)) ** 2
        back = x * behind[0] + y * behind[1] + z * behind[2] + np.float32(0.3)
        back = min(max(back, zero), one)
        sheen = (quarter * grazing * grazing + base) * ambient[m]
        edge = np.float32(0.5) * grazing * back * back
        for c in range(3):
            mirrored[m, c] += strength[m] * (lobe * key[c] + sheen * sky[c] + edge * rim[c])


def add_shining_through(
    light: np.ndarray, normals: np.ndarray, incident: IncidentLight, thin: np.ndarray
) -> None:
    """Adds, in place, light that comes through thin skin from behind, as in ears against the sun.

    Args:
        light: (M, 3) float32 of the pixels.
        normals: (M, 3) unit, camera axes.
        incident: lights and shadows at the same pixels.
        thin: (M,) share of the light that gets through, 0 to 1.
    """
    lighting = incident.lighting
    directions = np.stack((incident.light, lighting.directions[1]))
    colours = np.stack((lighting.key, lighting.rim)) * _THROUGH_SKIN
    _pass_through(light, normals, thin, directions, colours)


@njit(cache=True)
def _pass_through(light, normals, thin, directions, colours):
    """Adds the light of distant sources behind thin skin."""
    for m in range(len(thin)):
        if thin[m] <= np.float32(0.05):
            continue
        for k in range(len(directions)):
            facing = (
                normals[m, 0] * directions[k, 0]
                + normals[m, 1] * directions[k, 1]
                + normals[m, 2] * directions[k, 2]
            )
            if facing < 0:
                for c in range(3):
                    light[m, c] -= facing * thin[m] * colours[k, c]
