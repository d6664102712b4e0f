"""Where beards grow, and the strands of long ones."""

from functools import lru_cache

import numpy as np

from mlcmkd.synthetic.head.basis import Material, load_head
from mlcmkd.synthetic.part import Part
from mlcmkd.synthetic.rasterise import blend_corners
from mlcmkd.synthetic.smooth import smooth_step
from mlcmkd.synthetic.styling import Styling
from mlcmkd.synthetic.worn.mesh import unit
from mlcmkd.synthetic.worn.scalp import Roots, spread_roots
from mlcmkd.synthetic.worn.sheet import CENTRE, Sheet
from mlcmkd.synthetic.worn.strands import grow_strands, strand_part

_STEPS = 4  # points of a strand


def beard_growth(
    places: np.ndarray, beard: str, line: float = 0.0, uneven: np.ndarray | float = 0.0
) -> np.ndarray:
    """How dense a beard is, without the factor of its own density.

    Args:
        places: (N, 3) coordinates on the mean head.
        beard: one of `styling.BEARD_STYLES` but "none".
        line: offset of its border on the cheek, head units upwards.
        uneven: (N,) with a standard deviation of about 1, moves its borders in and out.

    Returns:
        (N,) float32 from 0 to 1.
    """
    x, y, z = np.abs(places[:, 0]), places[:, 1], places[:, 2]
    moustache = _moustache(x, y, z, 0.015 * uneven)
    if beard == "moustache":
        return moustache
    patch = np.exp(-((x / 0.09) ** 2) - ((y + 1.43) / 0.09) ** 2)  # below the lower lip
    if beard == "goatee":
        chin = smooth_step((-1.35 - y + 0.03 * uneven) / 0.14)
        chin *= smooth_step((0.5 - x + 0.04 * uneven) / 0.2) * smooth_step((y + 2.1) / 0.25)
        return np.maximum.reduce((chin, moustache * smooth_step((0.5 - x) / 0.1), patch))
    jaw = _jaw(x, y, z, line, 0.05 * uneven)
    if beard == "stubble":
        return 0.55 * np.maximum(jaw, moustache)
    return np.maximum.reduce((jaw, moustache, patch))


def _jaw(x, y, z, line: float, uneven) -> np.ndarray:
    """Beard of cheeks, jaw and chin: below a line from the sideburn to the mouth's corner."""
    upper = np.interp(x, (0, 0.32, 0.45, 0.64, 0.9, 1.06), (-1.42, -1.4, -1.1, -0.92, -0.6, 0.05))
    below = smooth_step((upper + line * np.minimum(x, 1) - y + uneven) / 0.16)
    in_front = smooth_step((z + 0.93 + uneven) / 0.08)
    throat = smooth_step((y - np.interp(z, (-0.59, -0.06), (-1.62, -1.99)) + uneven) / 0.15)
    return below * in_front * throat


def _moustache(x, y, z, uneven) -> np.ndarray:
    """Beard between nose and mouth, and beside the mouth's corners."""
    upper = np.interp(x, (0, 0.1, 0.32, 0.51), (-0.83, -0.82, -0.88, -1.05))
    lower = np.interp(x, (0, 0.1, 0.32, 0.42, 0.53), (-1.02, -1.0, -1.06, -1.26, -1.37))
    inside = smooth_step((upper - y + uneven) / 0.06) * smooth_step((y - lower + uneven) / 0.05)
    groove = 1 - 0.5 * np.exp(-((x / 0.05) ** 2))
    return inside * groove * smooth_step((0.55 - x + uneven) / 0.08) * smooth_step((z - 0.15) / 0.1)


@lru_cache(maxsize=1)
def _beard_roots() -> Roots:
    """Points where the strands of a long beard begin."""
    head = load_head()
    skin = head.triangles[head.materials == Material.SKIN]
    dense = beard_growth(head.mean[skin].mean(axis=1), "full") > 0.5
    return spread_roots(skin[dense], 260)


def beard_parts(vertices: np.ndarray, sheet: Sheet, styling: Styling) -> list[Part]:
    """The strands of a long beard, of material HAIR, or nothing; places as those of `hair_parts`.

    Args:
        vertices: (V, 3) the person's head.
        sheet: the person's skin.
        styling: its `beard` and `face_hair` are used.
    """
    size = styling.face_hair
    if styling.beard != "full" or size.beard_length <= 0 or styling.mask != "none":
        return []  # a mask presses the beard to the skin
    rng = np.random.default_rng(size.seed)
    begin = _beard_roots()
    count = len(begin.places)
    start = blend_corners(begin.corners, begin.weights, vertices)
    scatter = rng.standard_normal((count, _STEPS, 3), dtype=np.float32)
    outward = unit(start - CENTRE)
    direction = outward * 0.7 + np.array([0, -1, 0.1], np.float32)
    # Hair is long at the chin, and short above the lips and beside the ears.
    longer = np.interp(begin.places[:, 1], (-1.8, -1.3, -1.05, -0.3), (1.2, 0.6, 0.2, 0.15))
    step = size.beard_length / (_STEPS - 1) * longer * rng.uniform(0.7, 1.2, count)
    height = (0.12 * size.beard_length * rng.uniform(0.2, 1.2, count)).astype(np.float32)
    nowhere = np.zeros(3, np.float32)
    lines = grow_strands(
        start, unit(direction + 0.2 * scatter[:, 0]), step.astype(np.float32), height,
        0.12 * scatter, 0.3, 0.0, nowhere, 0.0, sheet.radii,
    )  # fmt: skip
    return [strand_part(lines, 0.1, 0.3, rng, with_head=True)]
