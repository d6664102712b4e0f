"""Hair of the head: strips that are combed over the skull and fall under their weight."""

from dataclasses import dataclass

import numpy as np

from mlcmkd.synthetic.head.basis import HeadBasis
from mlcmkd.synthetic.part import Part, Worn
from mlcmkd.synthetic.rasterise import blend_corners
from mlcmkd.synthetic.styling import HairSize, Styling
from mlcmkd.synthetic.worn.follow import follows_head
from mlcmkd.synthetic.worn.mesh import ribbons, unit
from mlcmkd.synthetic.worn.scalp import growth, roots
from mlcmkd.synthetic.worn.sheet import CENTRE, Sheet

WHORL = np.array([0.1, 1.5, -2.0], np.float32)  # on the crown; short hair grows away from it
TIE = np.array([0, 0.6, -3.0], np.float32)  # of a ponytail


@dataclass(frozen=True)
class _Cut:
    """How a style is combed; see `_comb` and `_grow`."""

    strips: int  # number of strips
    steps: int  # points of each
    width: float  # of a strip, head units
    lift: float  # how steeply strands leave the skin: 0 along it, 1 and more upright
    weight: float  # how strongly they bend downwards
    comb: str  # "whorl", "parted", "back", "forward" or "tied"


_CUTS = {
    "short": _Cut(420, 5, 0.13, 0.5, 0.1, "whorl"),
    "receding": _Cut(420, 5, 0.12, 0.3, 0.1, "whorl"),
    "fringe": _Cut(420, 7, 0.14, 0.35, 0.35, "forward"),
    "medium": _Cut(400, 7, 0.15, 0.6, 0.25, "parted"),
    "long": _Cut(380, 10, 0.17, 0.3, 0.55, "parted"),
    "curly": _Cut(480, 7, 0.13, 0.8, 0.35, "whorl"),
    "afro": _Cut(520, 5, 0.14, 2.5, 0.0, "whorl"),
    "ponytail": _Cut(380, 7, 0.15, 0.1, 0.0, "tied"),
    "bun": _Cut(380, 7, 0.15, 0.1, 0.0, "tied"),
}


def hair_parts(
    head: HeadBasis, vertices: np.ndarray, sheet: Sheet, styling: Styling, hat_line=None
) -> list[Part]:
    """The strips of a hair style.

    Args:
        head: the parametric head.
        vertices: (V, 3) the person's head.
        sheet: the person's skin.
        styling: its `hair` and `hair_size` are used.
        hat_line: function of points (N, 3) that is positive where a hat covers them, or None.

    Returns:
        No or one part of material HAIR. Its places are (tone, across, along): a random value of the
        strip of about zero mean and unit deviation, the position across the hair in head units with a
        random start for each strip, and the share of the length from the root, 0 to 1.
    """
    if styling.hair not in _CUTS:
        return []
    cut, size = _CUTS[styling.hair], styling.hair_size
    rng = np.random.default_rng(size.seed)
    begin = roots()
    grows = np.flatnonzero(growth(begin.places, size) > 0.01)
    if hat_line is not None:
        grows = grows[hat_line(begin.places[grows]) < 0.02]
    grows = grows[: cut.strips]
    if len(grows) == 0:
        return []
    start = blend_corners(begin.corners[grows], begin.weights[grows], vertices)
    places = begin.places[grows]
    lines, outward = _grow(start, places, sheet, cut, size, rng)
    return [_strips(lines, outward, cut, rng)]


def _comb(places: np.ndarray, cut: _Cut, size: HairSize) -> np.ndarray:
    """Direction (N, 3) in which the hair at places on the mean head is combed."""
    if cut.comb == "tied":
        return unit(TIE - places)
    away = unit(places - WHORL)
    if cut.comb == "whorl":
        return unit(away + np.array([0.25 * np.sign(size.parting), 0, 0], np.float32))
    if cut.comb == "forward":
        return unit(away + np.array([0, 0, 0.3], np.float32))
    aside = np.zeros_like(places)
    aside[:, 0] = np.sign(places[:, 0] - size.parting)
    top = np.clip((places[:, 1] - 0.6) / 0.8, 0, 1)[:, None]
    back = np.array([0, 0, -0.35], np.float32)
    return unit(away * (1 - top) + top * (aside + back) + back)


def _grow(start, places, sheet, cut, size, rng) -> tuple[np.ndarray, np.ndarray]:
    """Lines of the strands (N, K, 3) and the directions away from the head along them."""
    count, steps = len(start), cut.steps
    noise = lambda spread: rng.normal(0, spread, (count, 3)).astype(np.float32)  # noqa: E731
    outward = unit(start - CENTRE)
    combed = _comb(places, cut, size)
    combed -= (combed * outward).sum(1, keepdims=True) * outward
    direction = unit(unit(combed) + cut.lift * outward + noise(0.15 + 2 * size.curl))
    layer = (size.height * rng.uniform(0.3, 1.3, count)).astype(np.float32)
    length = size.length * rng.uniform(0.75, 1.15, count).astype(np.float32)
    step = (length / (steps - 1))[:, None]
    down = np.array([0, -cut.weight, 0], np.float32)
    lines = np.empty((count, steps, 3), np.float32)
    lines[:, 0] = start
    for k in range(1, steps):
        wanted = lines[:, k - 1] + step * direction
        height = layer * min(1.0, k / 2)
        lines[:, k] = sheet.push_out(wanted, height)
        moved = lines[:, k] - lines[:, k - 1]
        direction = unit(unit(moved) + down + noise(0.06 + 5 * size.curl))
    return lines, unit(lines - CENTRE)


def _strips(lines, outward, cut, rng) -> Part:
    """Ribbons along the lines, as a part."""
    count, steps = lines.shape[:2]
    along = np.linspace(0, 1, steps, dtype=np.float32)
    taper = np.interp(along, (0, 0.2, 0.6, 1), (0.8, 1, 0.9, 0.12)).astype(np.float32)
    width = cut.width * rng.uniform(0.6, 1.3, count).astype(np.float32)
    tilted = outward + rng.normal(0, 0.25, (count, 1, 3)).astype(np.float32)
    widths = width[:, None] * taper
    mesh = ribbons(lines, tilted, widths)
    places = np.empty((count, steps, 2, 3), np.float32)
    places[..., 0] = rng.standard_normal(count)[:, None, None]
    begin = rng.uniform(0, 20, count)[:, None]
    places[..., 0, 1], places[..., 1, 1] = begin - widths / 2, begin + widths / 2
    places[..., 2] = along[:, None]

    return mesh.part(Worn.HAIR, follows_head(mesh.vertices), places.reshape(-1, 3))
