"""Hair of the head: strips that are combed over the skull and fall under their weight."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mlcmkd.synthetic.noise import draw_waves
from mlcmkd.synthetic.part import Part
from mlcmkd.synthetic.rasterise import blend_corners
from mlcmkd.synthetic.sizes import HairSize
from mlcmkd.synthetic.styling import Styling
from mlcmkd.synthetic.worn.mesh import unit
from mlcmkd.synthetic.worn.scalp import WHORL, growth, scalp_roots
from mlcmkd.synthetic.worn.sheet import CENTRE, Sheet
from mlcmkd.synthetic.worn.strands import grow_strands, strand_part

_TIE = np.array([0, 0.6, -3.03], np.float32)  # of a ponytail


@dataclass(frozen=True)
class _Cut:
    """How a style is combed; see `_comb` and `_grow`.

    Attributes:
        strips, steps: number of strips and of points of each.
        width, tip: width of a strip, head units, and the share of it that is left at its end.
        lift: how steeply strands leave the skin: 0 is along it, 1 or more is upright.
        weight: how strongly they bend downwards at each step.
        hug: how far they are pulled back to the skull, 0 to 1.
        loose: how irregular their direction is.
        comb: "whorl", "parted", "back", "forward" or "tied".
    """

    strips: int
    steps: int
    width: float
    tip: float
    lift: float
    weight: float
    hug: float
    loose: float
    comb: str


_CUTS = {
    "short": _Cut(580, 4, 0.12, 0.25, 0.35, 0.08, 0.6, 0.07, "whorl"),
    "receding": _Cut(540, 4, 0.11, 0.35, 0.25, 0.08, 0.6, 0.07, "whorl"),
    "swept": _Cut(480, 5, 0.14, 0.4, 0.6, 0.05, 0.5, 0.06, "back"),
    "fringe": _Cut(480, 6, 0.15, 0.25, 0.35, 0.35, 0.5, 0.04, "forward"),
    "medium": _Cut(420, 7, 0.17, 0.3, 0.4, 0.35, 0.5, 0.04, "parted"),
    "long": _Cut(370, 8, 0.2, 0.3, 0.25, 0.55, 0.5, 0.025, "parted"),
    "curly": _Cut(520, 6, 0.13, 0.7, 0.8, 0.3, 0.4, 0.1, "whorl"),
    "afro": _Cut(580, 5, 0.14, 0.9, 1.2, 0.0, 0.6, 0.2, "whorl"),
    "ponytail": _Cut(320, 7, 0.16, 0.5, 0.1, 0.0, 0.95, 0.03, "tied"),
    "bun": _Cut(320, 7, 0.16, 0.5, 0.1, 0.0, 0.95, 0.03, "tied"),
}


def hair_parts(
    vertices: np.ndarray,
    sheet: Sheet,
    styling: Styling,
    hat_cover: Callable[[np.ndarray], np.ndarray] | None,
) -> list[Part]:
    """The strips of a hair style.

    Args:
        vertices: (V, 3) the person's head.
        sheet: the person's skin.
        styling: its `hair` and `hair_size` are used.
        hat_cover: what `hats.hat_cover` returns: positive at places that a hat covers; None without.

    Returns:
        Parts of material HAIR: the hair, and its tail where it is tied; none for a style without strips.
        Their places are (tone, across, along): a random value of the strip (mean about 0,
        standard deviation about 1), the position across the hair in head units with a random start for
        each strip, and the share of the length from the root, 0 to 1.
    """
    if styling.hair not in _CUTS:
        return []
    cut, size = _CUTS[styling.hair], styling.hair_size
    rng = np.random.default_rng(size.seed)
    begin = scalp_roots()
    grows = np.flatnonzero(growth(begin.places, size) > 0.01)
    if hat_cover is not None:
        grows = grows[hat_cover(begin.places[grows]) < 0.02]
    grows = grows[: cut.strips]
    if len(grows) == 0:
        return []
    start = blend_corners(begin.corners[grows], begin.weights[grows], vertices)
    places = begin.places[grows]
    lines = _grow(start, places, sheet, cut, size, rng)
    parts = [strand_part(lines, cut.width, cut.tip, rng)]
    if cut.comb == "tied" and hat_cover is None:
        tail = _tail(styling.hair, sheet, size, rng)
        parts.append(strand_part(tail, cut.width, cut.tip, rng))
    return parts


def _tail(style: str, sheet: Sheet, size: HairSize, rng: np.random.Generator) -> np.ndarray:
    """Lines (N, K, 3) of a ponytail, or of a bun, behind the head."""
    count, steps = (70, 8) if style == "ponytail" else (90, 7)
    knot = sheet.push_out(_TIE[None], 0.1)[0]
    scatter = rng.standard_normal((count, 1, 3), dtype=np.float32)
    share = np.linspace(0, 1, steps, dtype=np.float32)[:, None]
    if style == "ponytail":
        length = 1.6 * size.length * rng.uniform(0.8, 1.1, (count, 1, 1)).astype(np.float32)
        fall = np.concatenate((0 * share, 0.25 * share - share**1.3, -0.45 * np.sqrt(share)), 1)
        fall[:, 2] += 0.3 * share[:, 0]
        return knot + length * fall + scatter * (0.06 + 0.16 * share)
    # Each strand of a bun winds around a ball.
    radius = 0.3 + 0.35 * np.clip(size.height / 0.13, 0, 1)
    axis, start = unit(scatter), unit(np.roll(scatter, 1, axis=0))
    side = unit(np.cross(axis, start))
    turn = 2.2 * share
    ball = knot + _vector(0, 0.1, -0.6 * radius)
    return ball + radius * (np.cos(turn) * side + np.sin(turn) * np.cross(axis, side))


def _comb(places: np.ndarray, cut: _Cut, size: HairSize) -> np.ndarray:
    """Direction (N, 3) in which the hair at places on the mean head is combed."""
    away = unit(places - WHORL)
    if cut.comb == "tied":
        return unit(_TIE - places)
    if cut.comb == "whorl":
        return unit(away + _vector(0.25 * np.sign(size.parting), 0, 0))
    if cut.comb == "forward":
        return unit(away + _vector(0.15 * np.sign(size.parting), 0, 0.3))
    if cut.comb == "back":
        return unit(_vector(0.3 * np.sign(size.parting), -0.15, -1) + 0 * places)
    aside = np.zeros_like(places)
    aside[:, 0] = np.sign(places[:, 0] - size.parting)
    top = np.clip((places[:, 1] - 0.6) / 0.8, 0, 1)[:, None]
    back = _vector(0, 0, -0.2)
    return unit(away * (1 - top) + top * (aside + back) + back)


def _vector(x: float, y: float, z: float) -> np.ndarray:
    return np.array([x, y, z], np.float32)


def _grow(
    start: np.ndarray,
    places: np.ndarray,
    sheet: Sheet,
    cut: _Cut,
    size: HairSize,
    rng: np.random.Generator,
) -> np.ndarray:
    """Lines (N, K, 3) of the strands that begin at `start` (N, 3) on the person's skin."""
    count, steps = len(start), cut.steps
    outward = unit(start - CENTRE)
    combed = _comb(places, cut, size)
    combed -= (combed * outward).sum(1, keepdims=True) * outward
    scatter = rng.standard_normal((count, steps, 3), dtype=np.float32)
    loose = 1.5 * cut.loose + 2 * size.curl
    direction = unit(unit(combed) + cut.lift * outward + loose * scatter[:, 0])
    height = size.height * rng.uniform(0.3, 1.4, count).astype(np.float32)
    step = size.length / (steps - 1) * rng.uniform(0.75, 1.15, count).astype(np.float32)
    wander = (cut.loose + 3 * size.curl) * scatter
    # Neighbours wave together: smooth random fields of the root and the distance from it.
    at = np.repeat(start[:, None], steps, axis=1)
    at[..., 1] -= step[:, None] * np.arange(steps, dtype=np.float32)
    for axis in (0, 2):
        waves = draw_waves(rng, 2, 7, 4)
        wander[..., axis] += 3 * size.curl * waves.at(at.reshape(-1, 3)).reshape(count, steps)
    pull = 0.85 if cut.comb == "tied" else 0.0
    return grow_strands(
        start, direction, step, height, wander, cut.weight, cut.hug, _TIE, pull, sheet.radii
    )
