"""Regions of the head where skin looks different: red, dark, shiny, freckled, thin or shaded."""

from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np
from numba import njit

from mlcmkd.synthetic.head.basis import Material, load_head
from mlcmkd.synthetic.scene import Scene
from mlcmkd.synthetic.smooth import Lobe


@dataclass(frozen=True)
class Regions:
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


_COLUMNS = len(fields(Regions))  # a constant, so that the compiled loop over them is unrolled


def regions_at(scene: Scene, chosen: np.ndarray) -> Regions:
    """The regions at some pixels of `scene.solid` that show the head or a hand.

    Args:
        scene: the scene.
        chosen: (n,) indices of pixels.
    """
    solid = scene.solid
    return Regions(*_blend_some(solid.corners, solid.weights, chosen, _region_table()).T)


@njit(cache=True)
def _blend_some(corners, weights, chosen, table):
    """Interpolates a table (V, C) of the head's vertices at chosen pixels; (n, C) float32.

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
def _region_table() -> np.ndarray:
    """(V, C) float32 of the vertices, in the order of `Regions`; centres and widths are ours."""
    head = load_head()
    mean = head.mean.astype(np.float64)
    ears = np.zeros(len(head.mean), np.float32)
    ears[np.unique(head.triangles[head.materials == Material.EAR])] = 1
    nose = Lobe((0, -0.57, 0.65), (0.2, 0.17, 0.25)).at(mean)
    wings = Lobe((0.2, -0.64, 0.5), (0.12, 0.12, 0.2)).at(mean)
    cheeks = Lobe((0.66, -0.52, 0.15), (0.28, 0.26, 0.4)).at(mean)
    chin = Lobe((0, -1.6, 0.35), (0.25, 0.15, 0.4)).at(mean)
    apples = Lobe((0.62, -0.45, 0.25), (0.22, 0.2, 0.4)).at(mean)
    lids = Lobe((0.52, 0.09, 0.15), (0.24, 0.08, 0.3)).at(mean)
    bags = Lobe((0.46, -0.2, 0.2), (0.19, 0.07, 0.3)).at(mean)
    forehead = Lobe((0, 0.75, 0.3), (0.5, 0.35, 0.6)).at(mean)
    bridge = Lobe((0, -0.2, 0.5), (0.1, 0.35, 0.3)).at(mean)
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
