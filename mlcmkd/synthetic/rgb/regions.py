"""Regions of the head where skin looks different: red, dark, shiny, freckled, thin or shaded."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numba import njit

from mlcmkd.synthetic.head.basis import HeadBasis, Material, load_head
from mlcmkd.synthetic.scene import Scene

_COLUMNS = 8  # of the table of regions; a constant, so that the compiled loop over them is unrolled


@dataclass(frozen=True)
class Zones:
    """Regions of the head at n pixels, each (n,) float32 from 0 to about 1.

    Attributes:
        flush: places with much blood near the surface.
        lids, bags: the upper lids; below the eyes.
        oil: the shiny forehead, nose and chin.
        freckles: where freckles grow.
        apples: of the cheeks, where blush is put on.
        thin: ears and wings of the nose, which let light through.
        occlusion: ambient light that reaches the surface of the mean head.
    """

    flush: np.ndarray
    lids: np.ndarray
    bags: np.ndarray
    oil: np.ndarray
    freckles: np.ndarray
    apples: np.ndarray
    thin: np.ndarray
    occlusion: np.ndarray


def zones(scene: Scene, chosen: np.ndarray) -> Zones:
    """The regions at some pixels of `scene.solid` that show the head or a hand.

    Args:
        scene: the scene.
        chosen: (n,) indices of pixels.
    """
    solid = scene.solid
    return Zones(*_blend_some(solid.corners, solid.weights, chosen, _zone_table()).T)


@njit(cache=True)
def _blend_some(corners, weights, chosen, table):
    """Interpolates a table (V, 8) of the head's vertices at chosen pixels; (n, 8) float32.

    Pixels of other bodies, whose vertices come after the head's, are hands: no region, and all of the
    ambient light, the last column.
    """
    count, columns = len(chosen), _COLUMNS
    blended = np.zeros((count, columns), np.float32)
    for n in range(count):
        m = chosen[n]
        a, b, c = corners[m, 0], corners[m, 1], corners[m, 2]
        if a >= len(table):
            blended[n, columns - 1] = 1
            continue
        wa, wb, wc = weights[m, 0], weights[m, 1], weights[m, 2]
        for k in range(columns):
            blended[n, k] = wa * table[a, k] + wb * table[b, k] + wc * table[c, k]
    return blended


@lru_cache(maxsize=1)
def _zone_table() -> np.ndarray:
    """(V, 8) float32 of the vertices, in the order of `Zones`; centres and widths are ours."""
    head = load_head()
    ears = np.zeros(len(head.mean), np.float32)
    ears[np.unique(head.triangles[head.materials == Material.EAR])] = 1
    nose = _lobe(head, (0, -0.57, 0.65), (0.2, 0.17, 0.25))
    wings = _lobe(head, (0.2, -0.64, 0.5), (0.12, 0.12, 0.2))
    cheeks = _lobe(head, (0.66, -0.52, 0.15), (0.28, 0.26, 0.4))
    chin = _lobe(head, (0, -1.6, 0.35), (0.25, 0.15, 0.4))
    apples = _lobe(head, (0.62, -0.45, 0.25), (0.22, 0.2, 0.4))
    lids = _lobe(head, (0.52, 0.09, 0.15), (0.24, 0.08, 0.3))
    bags = _lobe(head, (0.46, -0.2, 0.2), (0.19, 0.07, 0.3))
    forehead = _lobe(head, (0, 0.75, 0.3), (0.5, 0.35, 0.6))
    bridge = _lobe(head, (0, -0.2, 0.5), (0.1, 0.35, 0.3))
    columns = (
        cheeks + 0.8 * nose + 0.7 * wings + 0.5 * chin + 0.6 * ears,
        lids,
        bags,
        0.45 + 0.6 * forehead + 0.8 * nose + 0.6 * bridge + 0.4 * apples + 0.3 * chin,
        np.minimum(1.2 * apples + bridge + 0.5 * nose, 1),
        apples,
        np.minimum(ears + 0.5 * wings, 1),
        head.occlusion,
    )
    return np.stack(columns, axis=1).astype(np.float32)


def _lobe(head: HeadBasis, centre: tuple, widths: tuple) -> np.ndarray:
    """A smooth region around a place on the right half of the image, and its mirror image."""
    from_centre = (np.abs(head.mean) * [1, 0, 0] + head.mean * [0, 1, 1] - centre) / widths
    return np.exp(-0.5 * (from_centre**2).sum(1))
