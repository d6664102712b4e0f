"""Colour of hair, brows and beards, and the band of light on hair."""

from dataclasses import dataclass

import numpy as np

from mlcmkd.synthetic.coverage import Coverage
from mlcmkd.synthetic.part import Worn
from mlcmkd.synthetic.rgb.colour import choose_colour, linear, vary
from mlcmkd.synthetic.rgb.shading import TO_CAMERA, Surroundings, irradiance, unit
from mlcmkd.synthetic.scene import Scene
from mlcmkd.synthetic.view import NECK

HAIR_COLOURS = {  # linear colour, probability for light and for dark skin; ours
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
    """Random hair; the ranges are ours."""
    chosen = choose_colour(of_identity, HAIR_COLOURS, min(1, 1.8 * tone))
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
    for cover, colour in (
        (coverage.scalp, hair.colour),
        (coverage.beard, hair.beard),
        (coverage.brow, hair.brows),
        (coverage.lashes, hair.lashes),
    ):
        some = np.flatnonzero(cover[chosen] > 0)
        if len(some):
            share = cover[chosen[some]]
            varied = 1 + hair.streaks * coverage.strands[chosen[some]]
            own = colour * np.clip(varied, 0.3, 2)[:, None]
            albedo[some] += share[:, None] * (own - albedo[some])
            total[some] = np.maximum(total[some], share)
    return total


def paint_hair(
    radiance: np.ndarray,
    scene: Scene,
    coverage: Coverage,
    hair: HairLook,
    around: Surroundings,
) -> None:
    """Writes the light of the pixels of the material HAIR into `radiance` (M, 3).

    Diffuse light and the two highlights of Kajiya & Kay 1989 as Scheuermann 2004 draws them: one of
    the light's colour near the roots' side, one of the hair's colour towards the tips.
    """
    solid = scene.solid
    chosen = np.flatnonzero(solid.materials == Worn.HAIR)
    if not len(chosen):
        return
    own = around.take(chosen)
    facing = _rounded(scene, chosen)
    strands = coverage.strands[chosen]
    roots = 0.6 + 0.4 * np.clip(2 * solid.places[chosen, 2], 0, 1)  # less light reaches the roots
    colour = np.where(_of_beard(scene, chosen)[:, None], hair.beard, hair.colour)
    albedo = colour * (np.clip(1 + hair.streaks * strands, 0.25, 2.2) * roots)[:, None]
    light = albedo * irradiance(facing, own, _BLEED)
    tangent = _along_hair(scene, chosen)
    half = own.light + TO_CAMERA
    half /= np.linalg.norm(half)
    across = tangent @ half
    lit = np.clip(facing @ own.light + 0.4, 0, 1) * own.reaching * own.ambient
    sharp = np.exp(-(((across - 0.1 + 0.07 * strands) / 0.16) ** 2)) * lit
    broad = np.exp(-(((across + 0.12 + 0.07 * strands) / 0.3) ** 2)) * lit
    light += hair.shine * 0.05 * sharp[:, None] * own.lighting.key
    light += hair.shine * 0.6 * broad[:, None] * own.lighting.key * albedo
    radiance[chosen] = light


def _of_beard(scene: Scene, chosen: np.ndarray) -> np.ndarray:
    """Whether pixels (n,) of hair show a beard: a part that is below the eyes as a whole."""
    beard = np.zeros(len(chosen), bool)
    start = 0
    for part in scene.parts:
        end = start + len(part.vertices)
        if part.materials[0] == Worn.HAIR and part.vertices[:, 1].max() < 0:
            vertex = scene.solid.corners[chosen, 0]
            beard |= (vertex >= start) & (vertex < end)
        start = end
    return beard


def _rounded(scene: Scene, chosen: np.ndarray) -> np.ndarray:
    """Normals (n, 3) of the whole hair rather than of its flat strips: mostly away from the skull."""
    skull = scene.rotation @ (_SKULL - NECK) + NECK
    outwards = scene.solid.positions[chosen] - skull
    return unit(unit(outwards) + np.float32(0.45) * scene.solid.normals[chosen])


def _along_hair(scene: Scene, chosen: np.ndarray) -> np.ndarray:
    """Unit direction (n, 3) of the hair: along which the place across the hair does not change."""
    corners = scene.solid.corners[chosen]
    across = np.concatenate([part.places[:, 1] for part in scene.parts])[corners]
    first, second = across[:, 1:2] - across[:, :1], across[:, 2:] - across[:, :1]
    start = scene.turned[corners[:, 0]]
    along = second * (scene.turned[corners[:, 1]] - start)
    along -= first * (scene.turned[corners[:, 2]] - start)
    return unit(along)
