"""Colours, patterns and folds of clothes, hats and masks, and the colour of things held."""

from dataclasses import dataclass

import numpy as np
from numba import njit

from mlcmkd.synthetic.part import Worn
from mlcmkd.synthetic.rgb.colour import linear, vary
from mlcmkd.synthetic.rgb.pixels import put_rows, unit
from mlcmkd.synthetic.rgb.shading import IncidentLight, irradiance
from mlcmkd.synthetic.rgb.tiles import relief_and_pigment, spots
from mlcmkd.synthetic.scene import Scene
from mlcmkd.synthetic.smooth import smooth_step
from mlcmkd.synthetic.texture import SIDE, lookup

PATTERNS = ("plain", "stripes", "checks", "print")
_SHARES = (0.62, 0.14, 0.12, 0.12)
_CLOTHES = (  # what people wear: mostly dark, grey, white, blue; some bright
    (28, 29, 33), (36, 42, 58), (70, 72, 76), (128, 130, 132), (222, 222, 218), (232, 230, 224),
    (34, 34, 36), (52, 70, 100), (104, 122, 146), (110, 44, 48), (150, 70, 64), (78, 86, 66),
    (132, 112, 90), (190, 176, 152), (82, 64, 84), (62, 92, 92), (196, 160, 104), (190, 146, 150),
    (58, 60, 64), (96, 98, 104), (48, 60, 52), (180, 186, 194),
)  # fmt: skip
_MASKS = ((170, 198, 214), (226, 230, 230), (232, 232, 228), (150, 190, 180), (34, 34, 38))
_BLEED = np.full(3, 0.12, np.float32)


@dataclass(frozen=True)
class FabricLook:
    """One piece of cloth.

    Attributes:
        colour, second: (3,) linear colours; the second one is the pattern's.
        pattern: one of PATTERNS.
        frequency: of the pattern, repetitions per head unit.
        folds: strength of folds, as slopes.
        offset: (2,) of the noise tiles, texels.
    """

    colour: np.ndarray
    second: np.ndarray
    pattern: str
    frequency: float
    folds: float
    offset: np.ndarray


def draw_fabric(rng: np.random.Generator, worn: Worn) -> FabricLook:
    """Random cloth for a hat, a mask or clothes, or a thing held; the ranges are ours."""
    palette = _MASKS if worn == Worn.MASK else _CLOTHES
    first, second = (
        vary(rng, linear(*palette[rng.integers(len(palette))]), 0.25) for _ in range(2)
    )
    pattern = str(rng.choice(PATTERNS, p=_SHARES)) if worn == Worn.CLOTH else "plain"
    return FabricLook(
        colour=first,
        second=second,
        pattern=pattern,
        frequency=float(rng.uniform(2, 9)),
        folds=float(rng.uniform(0.1, 0.5) * {Worn.MASK: 0.4, Worn.HELD: 0.05}.get(worn, 1)),
        offset=rng.uniform(0, SIDE, 2).astype(np.float32),
    )


def paint_fabric(
    radiance: np.ndarray,
    scene: Scene,
    worn: Worn,
    fabric: FabricLook,
    incident: IncidentLight,
) -> None:
    """Writes the light of the pixels of one kind of cloth into `radiance` (M, 3)."""
    chosen = np.flatnonzero(scene.solid.materials == worn)
    if not len(chosen):
        return
    places = scene.solid.places.take(chosen, axis=0)
    columns = (places[:, 0] + 0.5 * places[:, 2]) * 60 + fabric.offset[0]
    rows = places[:, 1] * 40 + fabric.offset[1]
    noise = lookup(relief_and_pigment(), columns, rows, wrap=True)
    folds = np.float32(fabric.folds)
    facing = _fold(scene.solid.normals.take(chosen, axis=0), noise, folds)
    light = irradiance(facing, incident.take(chosen), _BLEED)
    _dye(light, noise, folds, _pattern(fabric, places), fabric.colour, fabric.second)
    put_rows(radiance, chosen, light)


@njit(cache=True)
def _fold(normals, noise, folds):
    """Tilts normals (n, 3) by the smooth columns of the noise (n, 4), in place, and returns them."""
    for n in range(len(normals)):
        normals[n, 0] += folds * noise[n, 2]
        normals[n, 1] += np.float32(0.6) * folds * noise[n, 3]
    return unit(normals)


@njit(cache=True)
def _dye(light, noise, folds, share, first, second):
    """Multiplies light (n, 3) by the albedo of cloth with a share (n,) of the second colour."""
    for n in range(len(share)):
        depth = np.float32(1) - np.float32(0.25) * folds * abs(noise[n, 2])
        for c in range(3):
            light[n, c] *= depth * (first[c] + share[n] * (second[c] - first[c]))


def _pattern(fabric: FabricLook, places: np.ndarray) -> np.ndarray:
    """Share (n,) of the second colour."""
    if fabric.pattern == "plain":
        return np.zeros(len(places), np.float32)
    turns = places * np.float32(2 * np.pi * fabric.frequency)
    if fabric.pattern == "stripes":
        return smooth_step(np.sin(turns[:, 1]), -0.2, 0.2)
    if fabric.pattern == "checks":
        bands = [0.5 * smooth_step(np.sin(turns[:, k]), -0.3, 0.3) for k in (0, 1)]
        return bands[0] + bands[1]
    columns, rows = (places[:, k] * 12 * fabric.frequency for k in (0, 1))  # a print
    return np.minimum(2 * lookup(spots(), columns, rows, wrap=True), 1)
