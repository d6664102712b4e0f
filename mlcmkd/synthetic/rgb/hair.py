"""Colour of hair, brows and beards, and the band of light on hair."""

from dataclasses import dataclass

import numpy as np
from numba import njit

from mlcmkd.synthetic.coverage import Coverage
from mlcmkd.synthetic.part import Worn
from mlcmkd.synthetic.rgb.colour import choose_colour, linear, vary
from mlcmkd.synthetic.rgb.pixels import put_rows, unit
from mlcmkd.synthetic.rgb.shading import IncidentLight, irradiance
from mlcmkd.synthetic.scene import Scene
from mlcmkd.synthetic.view import NECK

_HAIR_COLOURS = {  # linear colour, probability for light and for dark skin; ours
    "black": (linear(24, 20, 19), 0.08, 0.68),
    "dark brown": (linear(46, 33, 26), 0.27, 0.24),
    "brown": (linear(84, 60, 42), 0.25, 0.05),
    "light brown": (linear(118, 90, 62), 0.15, 0.01),
    "blond": (linear(172, 140, 98), 0.14, 0.01),
    "red": (linear(126, 66, 38), 0.05, 0.01),
}
_DYES = (linear(96, 30, 52), linear(150, 44, 40), linear(196, 170, 128))
_GREY = linear(164, 160, 156)
_SKULL = np.array([0, 0.2, -1.0], np.float32)  # its centre, head coordinates
_BLEED = np.full(3, 0.3, np.float32)


@dataclass(frozen=True)
class HairLook:
    """Hair of one person.

    Attributes:
        colour, brows, beard, lashes: (3,) linear colours.
        streaks: contrast of the strands.
        shine: strength of the band of light.
    """

    colour: np.ndarray
    brows: np.ndarray
    beard: np.ndarray
    lashes: np.ndarray
    streaks: float
    shine: float


def draw_hair(of_identity: np.random.Generator, tone: float, age: float) -> HairLook:
    """Random hair; the ranges are ours. `tone` and `age` as in `draw_skin` and `SkinLook`."""
    chosen = choose_colour(of_identity, _HAIR_COLOURS, min(1, 1.8 * tone))
    natural = vary(of_identity, chosen, 0.2)
    grey = float(np.clip((age - 0.65) * 3 + of_identity.normal(0, 0.25), 0, 1)) * (age > 0.5)
    colour = natural + (_GREY - natural) * grey
    if of_identity.random() < 0.03:
        colour = vary(of_identity, _DYES[of_identity.integers(len(_DYES))], 0.2)
    darker = of_identity.uniform(0.45, 0.9)
    beard_grey = min(1, grey * of_identity.uniform(0.8, 1.6))
    return HairLook(
        colour=colour.astype(np.float32),
        brows=((natural + (_GREY - natural) * 0.6 * grey) * darker).astype(np.float32),
        beard=((natural + (_GREY - natural) * beard_grey) * (0.5 + 0.5 * darker)).astype(
            np.float32
        ),
        lashes=(np.minimum(natural, 0.06) * darker).astype(np.float32),
        streaks=float(of_identity.uniform(0.1, 0.3)),
        shine=float(of_identity.uniform(0.4, 1.3)),
    )


def cover_with_hair(
    albedo: np.ndarray, coverage: Coverage, chosen: np.ndarray, hair: HairLook
) -> np.ndarray:
    """Blends brows, beard, lashes and short hair into the albedo of skin, in place.

    Args:
        albedo: (n, 3) of the chosen pixels.
        coverage: of all pixels.
        chosen: (n,) indices of pixels.
        hair: its colours.

    Returns:
        (n,) float32, the share that hair covers.
    """
    total = np.zeros(len(albedo), np.float32)
    streaks = np.float32(hair.streaks)
    for cover, colour in (
        (coverage.scalp, hair.colour),
        (coverage.beard, hair.beard),
        (coverage.brow, hair.brows),
        (coverage.lashes, hair.lashes),
    ):
        _blend(albedo, total, chosen, cover, coverage.strands, streaks, colour)
    return total


@njit(cache=True)
def _blend(albedo, total, chosen, cover, strands, streaks, colour):
    """Blends one kind of hair into the albedo (n, 3), and raises the covered share (n,) to its own."""
    for n in range(len(chosen)):
        share = cover[chosen[n]]
        if share > 0:
            varied = np.float32(1) + streaks * strands[chosen[n]]
            varied = min(max(varied, np.float32(0.3)), np.float32(2))
            for c in range(3):
                albedo[n, c] += share * (colour[c] * varied - albedo[n, c])
            total[n] = max(total[n], share)


def paint_hair(
    radiance: np.ndarray,
    scene: Scene,
    coverage: Coverage,
    hair: HairLook,
    incident: IncidentLight,
) -> None:
    """Writes the light of the pixels of the material HAIR into `radiance` (M, 3).

    Diffuse light and the two highlights of Kajiya & Kay 1989 as Scheuermann 2004 draws them: one
    in the light's colour, shifted towards the roots, and one in the hair's colour, shifted towards the
    tips.
    """
    solid = scene.solid
    chosen = np.flatnonzero(solid.materials == Worn.HAIR)
    if not len(chosen):
        return
    own = incident.take(chosen)
    normals = solid.normals.take(chosen, axis=0)
    facing = _rounded(solid.positions.take(chosen, axis=0), normals, _skull(scene))
    strands = coverage.strands[chosen]
    roots = 0.6 + 0.4 * np.clip(2 * solid.places[chosen, 2], 0, 1)  # less light reaches the roots
    brightness = np.clip(1 + hair.streaks * strands, 0.25, 2.2) * roots
    albedo = _tint(brightness, _of_beard(scene, chosen), hair.colour, hair.beard)
    light = irradiance(facing, own, _BLEED)
    light *= albedo
    across = np.concatenate([part.places[:, 1] for part in scene.parts])
    tangents = _along_hair(solid.corners.take(chosen, axis=0), across, scene.turned)
    lit = np.clip(facing @ own.light + 0.4, 0, 1) * own.reaching * own.ambient
    key = own.lighting.key * np.float32(hair.shine)
    _add_bands(light, albedo, tangents @ own.half, strands, lit, key)
    put_rows(radiance, chosen, light)


@njit(cache=True)
def _tint(brightness, of_beard, colour, beard):
    """Albedo (n, 3) of hair and, where `of_beard` (n,) holds, of a beard."""
    albedo = np.empty((len(brightness), 3), np.float32)
    for n in range(len(brightness)):
        own = beard if of_beard[n] else colour
        for c in range(3):
            albedo[n, c] = brightness[n] * own[c]
    return albedo


@njit(cache=True)
def _add_bands(light, albedo, across, strands, lit, key):
    """Adds the two bands of light on hair.

    Args:
        light, albedo: (n, 3).
        across: (n,) cosine between the hair and the half vector.
        strands: (n,) streaks, which make the bands uneven.
        lit: (n,) share of the key light that arrives.
        key: (3,) its colour, times the shine of the hair.
    """
    for n in range(len(across)):
        uneven = across[n] + np.float32(0.07) * strands[n]
        first = (uneven - np.float32(0.1)) / np.float32(0.16)
        second = (uneven + np.float32(0.12)) / np.float32(0.3)
        sharp = np.float32(0.05) * np.exp(-first * first) * lit[n]
        broad = np.float32(0.6) * np.exp(-second * second) * lit[n]
        for c in range(3):
            light[n, c] += key[c] * (sharp + broad * albedo[n, c])


def _of_beard(scene: Scene, chosen: np.ndarray) -> np.ndarray:
    """Whether pixels (n,) of hair show a beard: a part that is below the eyes as a whole."""
    beard = np.zeros(len(chosen), bool)
    vertex = scene.solid.corners[chosen, 0]
    for part, start, end in scene.bodies():
        if part.materials[0] == Worn.HAIR and part.vertices[:, 1].max() < 0:
            beard |= (vertex >= start) & (vertex < end)
    return beard


def _skull(scene: Scene) -> np.ndarray:
    """Middle (3,) float32 of the skull, camera axes."""
    return (scene.rotation @ (_SKULL - NECK) + NECK).astype(np.float32)


@njit(cache=True)
def _rounded(positions, normals, skull):
    """Normals (n, 3) of the whole hair rather than of its flat strips: mostly away from the skull."""
    return unit(unit(positions - skull) + np.float32(0.45) * normals)


@njit(cache=True)
def _along_hair(corners, across, turned):
    """Unit direction of the hair: along which the place across the hair does not change.

    Args:
        corners: (n, 3) vertices around the pixels.
        across: (N,) place of the vertices across the hair.
        turned: (N, 3) vertices, camera axes.

    Returns:
        (n, 3).
    """
    along = np.empty((len(corners), 3), np.float32)
    for n in range(len(corners)):
        a, b, c = corners[n, 0], corners[n, 1], corners[n, 2]
        first, second = across[b] - across[a], across[c] - across[a]
        for k in range(3):
            along[n, k] = second * (turned[b, k] - turned[a, k]) - first * (
                turned[c, k] - turned[a, k]
            )
    return unit(along)
