"""Albedo of skin: melanin and blood, freckles, moles and make-up."""

from dataclasses import dataclass

import numpy as np
from numba import njit

from mlcmkd.synthetic.rgb.colour import linear
from mlcmkd.synthetic.rgb.regions import Regions
from mlcmkd.synthetic.rgb.tiles import relief_and_pigment, spots
from mlcmkd.synthetic.texture import SIDE, lookup

# Optical densities (red, green, blue) of a unit of each pigment. With BASE they give the reflectance
# of very light skin (about 0.65, 0.42, 0.34) and of very dark skin (about 0.15, 0.07, 0.045) that
# spectrophotometers measure at 610, 550 and 465 nm; the mixture as sums of densities follows
# Tsumura 1999 (independent component analysis of skin colour). The numbers are ours.
BASE = np.array([0.72, 0.54, 0.44], np.float32)
_BASE_LOG = np.log(BASE)
MELANIN = np.array([1.42, 1.78, 2.0], np.float32)
BLOOD = np.array([0.1, 0.62, 0.5], np.float32)
CAROTENE = np.array([0.0, 0.05, 0.42], np.float32)
BLUISH = np.array([0.3, 0.24, 0.12], np.float32)  # veins and shade below thin skin
_TEXELS = 90  # of the noise tiles, per head unit


@dataclass(frozen=True)
class SkinLook:
    """Skin of one person beyond its tone.

    Attributes:
        blood: amount of blood in the skin, about 0.2 to 0.8.
        carotene: yellow pigment, 0 to about 0.5.
        flush: redness of cheeks, nose and ears, 0 to about 1.
        mottling: standard deviation of pigments over the skin.
        lids, bags: darkness of the lids and below the eyes, 0 to 1.
        freckles: strength, 0 for none.
        moles: (n, 4) x, y on the mean head, radius in head units, strength from 0 to 1.
        lip_colour: how far lips differ from the skin.
        lipstick, shadow: (4,) linear colour and opacity of make-up.
        blush: make-up of the cheeks, 0 to 1.
        texture: (2,) offset of the noise tiles, texels.
        oil: shine of the skin, about 0.3 to 1.5.
        age: 0 young to 1 old, wrinkles.
    """

    blood: float
    carotene: float
    flush: float
    mottling: float
    lids: float
    bags: float
    freckles: float
    moles: np.ndarray
    lip_colour: float
    lipstick: np.ndarray
    shadow: np.ndarray
    blush: float
    texture: np.ndarray
    oil: float
    age: float


def draw_skin(
    of_identity: np.random.Generator, of_sample: np.random.Generator, tone: float, bearded: bool
) -> SkinLook:
    """Random skin; the ranges are ours. `tone` is 0 very light to 1 very dark."""
    age = float(of_identity.beta(1.2, 2))
    made_up = (of_identity.random() < 0.45) and not bearded
    freckled = of_identity.random() < 0.35 * (1 - tone)
    moles = of_identity.uniform(
        [-0.95, -1.6, 0.009, 0.2], [0.95, 0.8, 0.024, 0.8], (of_identity.poisson(1.2), 4)
    )
    blood = float(of_identity.uniform(0.1, 0.55))
    carotene = float(np.clip(of_identity.normal(0.22, 0.15), 0, 0.6))
    lids, bags = of_identity.uniform(0.1, 0.9, 2) * (0.7 + 0.5 * age)
    return SkinLook(
        blood=blood,
        carotene=carotene,
        flush=float(of_identity.gamma(2, 0.18) + 0.3 * of_sample.beta(1, 3)),
        mottling=float(of_identity.uniform(0.02, 0.06) * (0.7 + 0.7 * age)),
        lids=float(lids),
        bags=float(bags),
        freckles=float(freckled * of_identity.uniform(0.2, 0.9)),
        moles=moles.astype(np.float32),
        lip_colour=float(of_identity.uniform(0.6, 1.2)),
        lipstick=_lipstick(of_sample, tone) * np.float32([1, 1, 1, made_up]),
        shadow=_eye_shadow(of_sample) * np.float32([1, 1, 1, made_up]),
        blush=float(made_up * of_sample.uniform(0, 0.9)),
        texture=of_identity.uniform(0, SIDE, 2).astype(np.float32),
        oil=float(min(np.exp(of_sample.normal(0.0, 0.4)), 1.7) * (1 - 0.2 * tone)),
        age=age,
    )


def _lipstick(rng: np.random.Generator, tone: float) -> np.ndarray:
    colours = (linear(178, 52, 62), linear(190, 92, 95), linear(140, 34, 56), linear(176, 110, 104))
    colour = colours[rng.integers(len(colours))] * (1 - 0.5 * tone) * rng.uniform(0.7, 1.2)
    return np.append(colour, rng.uniform(0.2, 0.85)).astype(np.float32)


def _eye_shadow(rng: np.random.Generator) -> np.ndarray:
    colours = (linear(90, 66, 58), linear(70, 62, 66), linear(122, 84, 76), linear(76, 82, 100))
    return np.append(colours[rng.integers(len(colours))], rng.uniform(0.1, 0.6)).astype(np.float32)


def skin_albedo(
    places: np.ndarray,
    noise: np.ndarray,
    lips: np.ndarray,
    tone: float,
    skin: SkinLook,
    regions: Regions,
) -> np.ndarray:
    """Albedo (n, 3) float32 of skin and lips.

    Args:
        places: (n, 3) on the mean head.
        noise: (n, 4) of `skin_noise`; its last two columns vary the pigments.
        lips: (n,) red of the lips, 0 to 1.
        tone: 0 very light to 1 very dark.
        skin: the rest of the skin's parameters.
        regions: at the same pixels.
    """
    spotted = np.zeros(len(places), np.float32)
    if skin.freckles:
        spotted += lookup(spots(), *_unrolled(places, skin.texture), wrap=True)
        spotted *= 0.5 * skin.freckles * regions.freckles
    _add_moles(spotted, places, skin.moles)
    amounts = (
        tone, skin.blood, skin.carotene, skin.flush, skin.mottling, skin.lids, skin.bags,
        skin.lip_colour, skin.blush,
    )  # fmt: skip
    logarithm = _absorb(
        np.array(amounts, np.float32), noise, lips, spotted, regions.flush, regions.lids,
        regions.bags, regions.apples,
    )  # fmt: skip
    albedo = np.exp(logarithm, out=logarithm)  # not in the compiled loop: NumPy's is vectorised
    _make_up(albedo, lips, skin, regions)
    return albedo


@njit(cache=True)
def _add_moles(spotted, places, moles):
    """Adds moles (n, 4) of `SkinLook` to the pigment (m,) at places (m, 3)."""
    for n in range(len(moles)):
        x, y, radius, strength = moles[n]
        outer = np.float32(1.5) * radius * radius
        for m in range(len(places)):
            across, up = places[m, 0] - x, places[m, 1] - y
            squared = across * across + up * up
            if squared < outer:  # a soft border from 0.5 to 1.5 times the squared radius
                share = min(np.float32(1.5) * (outer - squared) / outer, np.float32(1))
                spotted[m] += strength * share * share * (np.float32(3) - np.float32(2) * share)


@njit(cache=True)
def _absorb(amounts, noise, lips, spotted, flush, lids, bags, apples):
    """Logarithm (n, 3) of the albedo of skin with pigments, which add up as optical densities.

    `amounts` are the parameters of `SkinLook` in the order of `skin_albedo`, the rest is (n,).
    """
    tone, blood, carotene, redness, mottling, dark_lids, dark_bags, lip_colour, blush = amounts
    logarithm = np.empty((len(lips), 3), np.float32)
    seen = 1 - np.float32(0.6) * tone  # melanin hides the blood below it
    zero, one, half = np.float32(0), np.float32(1), np.float32(0.5)
    for m in range(len(lips)):
        around_eye = dark_lids * lids[m] + dark_bags * bags[m]
        melanin = (
            np.float32(0.03) + tone + (np.float32(0.03) + np.float32(0.12) * tone) * around_eye
        )
        melanin += mottling * (half + half * tone) * noise[m, 2] + spotted[m]
        melanin += np.float32(0.12) * lip_colour * lips[m]
        red = blood + seen * np.float32(0.6) * redness * flush[m]
        red += np.float32(0.4) * blush * apples[m] + np.float32(1.2) * mottling * noise[m, 3]
        red += np.float32(0.25) * dark_lids * lids[m]
        red += (half * lip_colour + np.float32(0.45)) * lips[m]
        yellow = carotene * (one - half * lips[m])
        blue = half * dark_bags * bags[m] + np.float32(0.2) * dark_lids * lids[m]
        melanin, red = max(melanin, zero), max(red, zero)
        for c in range(3):
            logarithm[m, c] = _BASE_LOG[c] - (
                melanin * MELANIN[c] + red * BLOOD[c] + yellow * CAROTENE[c] + blue * BLUISH[c]
            )
    return logarithm


def _make_up(albedo: np.ndarray, lips: np.ndarray, skin: SkinLook, regions: Regions) -> None:
    for colour, cover in ((skin.lipstick, lips), (skin.shadow, regions.lids)):
        if colour[3]:
            _lay_over(albedo, colour, cover)


@njit(cache=True)
def _lay_over(albedo, colour, cover):
    """Lays a colour (3,) with its opacity over albedo (n, 3), in place, where cover (n,) is above 0."""
    for m in range(len(cover)):
        share = colour[3] * min(cover[m], np.float32(1))
        for c in range(3):
            albedo[m, c] += share * (colour[c] - albedo[m, c])


def skin_noise(places: np.ndarray, skin: SkinLook) -> np.ndarray:
    """Noise (n, 4) float32 at places (n, 3): two slopes of pores and two fields for pigments."""
    return lookup(relief_and_pigment(), *_unrolled(places, skin.texture), wrap=True)


def _unrolled(places: np.ndarray, offset: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates across and along the skin in texels of the noise tiles, (n,) float32 each.

    Args:
        places: (n, 3) on the mean head.
        offset: (2,) texels.
    """
    across = places[:, 0] * (_TEXELS - np.float32(0.6 * _TEXELS) * places[:, 2])
    return across + offset[0], places[:, 1] * np.float32(-_TEXELS) + offset[1]
