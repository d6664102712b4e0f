"""Where hair grows on the head, and where single strands begin."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mlcmkd.synthetic.head.basis import Material, load_head
from mlcmkd.synthetic.sizes import HairSize

WHORL = np.array([0.1, 1.56, -1.97], np.float32)  # on the crown; short hair grows away from it
# Hairlines that contain those of all people.
_LOOSEST = HairSize(hairline=0.9, temples=-0.2, sideburns=-0.5, nape=-1.4)


def growth(places: np.ndarray, size: HairSize) -> np.ndarray:
    """How far inside the hairline points are.

    Args:
        places: (N, 3) coordinates on the mean head.
        size: its hairline, temples, sideburns and nape are used.

    Returns:
        (N,) float32, about the distance from the hairline in head units, positive where hair grows.
    """
    x, y, z = np.abs(places[:, 0]), places[:, 1], places[:, 2]
    # The front hairline rises beside the middle (the temples), then falls towards the ears.
    recess = size.temples * np.exp(-(((x - 0.53) / 0.23) ** 2))
    front = y - (size.hairline + recess - 1.1 * np.maximum(x - 0.58, 0))
    at_side = (
        np.interp(y, (-0.46, 0.29, 0.92, 1.56), (-0.67, -0.61, -0.38, 0.05)) - 0.3 * size.temples
    )
    side = (at_side - z) * 0.9
    lower = np.interp(
        z, (-2.28, -1.7, -1.54, -0.96, -0.88), (size.nape, size.nape, -0.03, 0.1, size.sideburns)
    )
    return np.minimum(np.maximum(front, side), y - lower).astype(np.float32)


@dataclass(frozen=True)
class Roots:
    """Points on the skin of the mean head; the first n of them are spread evenly, for every n.

    Attributes:
        corners: (N, 3) int32, vertices of the triangle that each lies in.
        weights: (N, 3) float32, barycentric weights.
        places: (N, 3) float32, coordinates on the mean head.
    """

    corners: np.ndarray
    weights: np.ndarray
    places: np.ndarray


@lru_cache(maxsize=1)
def scalp_roots() -> Roots:
    """Points where hair of the head can begin."""
    head = load_head()
    skin = head.triangles[head.materials == Material.SKIN]
    middles = head.mean[skin].mean(axis=1)
    grows = (growth(middles, _LOOSEST) > -0.05) & (middles[:, 1] > -1.5)
    return spread_roots(skin[grows], 1400)


def spread_roots(triangles: np.ndarray, count: int) -> Roots:
    """Points on triangles (T, 3) of the head: each next one is the farthest from all before it."""
    corners_at = load_head().mean[triangles]
    one, two = corners_at[:, 1] - corners_at[:, 0], corners_at[:, 2] - corners_at[:, 0]
    areas = np.linalg.norm(np.cross(one, two), axis=1)
    rng = np.random.default_rng(0)
    chosen = rng.choice(len(triangles), 3 * count, p=areas / areas.sum())
    weights = rng.dirichlet((1, 1, 1), len(chosen)).astype(np.float32)
    candidates = (corners_at[chosen] * weights[..., None]).sum(axis=1)
    order = np.zeros(count, int)
    distance = np.full(len(candidates), np.inf, np.float32)
    for n in range(1, count):
        offsets = candidates - candidates[order[n - 1]]
        distance = np.minimum(distance, (offsets * offsets).sum(axis=1))
        order[n] = distance.argmax()
    return Roots(np.ascontiguousarray(triangles[chosen[order]]), weights[order], candidates[order])
