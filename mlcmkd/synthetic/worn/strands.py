"""Strands of hair: lines that grow over the head step by step, and strips along them."""

import numpy as np
from numba import njit

from mlcmkd.synthetic.part import Part, Worn
from mlcmkd.synthetic.worn.follow import follows_head
from mlcmkd.synthetic.worn.mesh import ribbons, unit
from mlcmkd.synthetic.worn.sheet import CENTRE, skin_radius


@njit(cache=True)
def grow_strands(starts, directions, steps, heights, wander, weight, hug, target, pull, radii):
    """Lines of strands that begin on the skin.

    Each step continues in the direction of the last one, bent downwards by the weight and aside by
    `wander`; then the point is moved out of the head, or, above the ears, back towards the skull.

    Args:
        starts: (N, 3) float32, the roots, head coordinates.
        directions: (N, 3) float32, unit vectors of the first step.
        steps: (N,) float32, lengths of one step.
        heights: (N,) float32, least height above the skin, from the second step on.
        wander: (N, K, 3) float32, added to the direction before each step.
        weight: added downwards to the direction at each step.
        hug: share of the height above `heights` that is taken away above the ears, 0 to 1.
        target: (3,) float32, a point towards which the strands are pulled.
        pull: strength of that pull, 0 for none; the rest of the direction loses as much.
        radii: `Sheet.radii`.

    Returns:
        (N, K, 3) float32, the first point of each line is its root.
    """
    count, length = wander.shape[0], wander.shape[1]
    lines = np.empty((count, length, 3), np.float32)
    for n in range(count):
        x, y, z = starts[n, 0], starts[n, 1], starts[n, 2]
        dx, dy, dz = directions[n, 0], directions[n, 1], directions[n, 2]
        lines[n, 0, 0], lines[n, 0, 1], lines[n, 0, 2] = x, y, z
        for k in range(1, length):
            if pull > 0:
                tx, ty, tz = target[0] - x, target[1] - y, target[2] - z
                far = np.sqrt(tx * tx + ty * ty + tz * tz) + 1e-6
                dx = (1 - pull) * dx + pull * tx / far
                dy = (1 - pull) * dy + pull * ty / far
                dz = (1 - pull) * dz + pull * tz / far
            # Seen from the centre of the head.
            ox = x + steps[n] * dx - CENTRE[0]
            oy = y + steps[n] * dy - CENTRE[1]
            oz = z + steps[n] * dz - CENTRE[2]
            distance = np.sqrt(ox * ox + oy * oy + oz * oz) + 1e-6
            least = skin_radius(radii, ox, oy, oz) + heights[n] * min(1.0, k / 2)
            share = hug * min(1.0, max(0.0, (oy + CENTRE[1] + 0.3) / 0.6))
            wanted = least if distance < least else distance + share * (least - distance)
            factor = wanted / distance
            new_x = CENTRE[0] + ox * factor
            new_y = CENTRE[1] + oy * factor
            new_z = CENTRE[2] + oz * factor
            dx, dy, dz = new_x - x, new_y - y, new_z - z
            moved = np.sqrt(dx * dx + dy * dy + dz * dz) + 1e-6
            dx = dx / moved + wander[n, k, 0]
            dy = dy / moved + wander[n, k, 1] - weight
            dz = dz / moved + wander[n, k, 2]
            size = np.sqrt(dx * dx + dy * dy + dz * dz) + 1e-6
            dx, dy, dz = dx / size, dy / size, dz / size
            x, y, z = new_x, new_y, new_z
            lines[n, k, 0], lines[n, k, 1], lines[n, k, 2] = x, y, z
    return lines


def strand_part(
    lines: np.ndarray,
    width: float,
    tip: float,
    rng: np.random.Generator,
    with_head: bool = False,
) -> Part:
    """Strips along lines, as a part of material HAIR.

    Args:
        lines: (N, K, 3) float32.
        width: of a strip, head units.
        tip: share of the width that is left at its end.
        rng: of the strips' widths, tones and tilts.
        with_head: all of it turns with the head (a beard turns with the jaw); otherwise low hair
            follows the neck.

    Returns:
        The part; its places are those that `hair.hair_parts` describes.
    """
    count, steps = lines.shape[:2]
    outward = lines - CENTRE
    outward[..., 1] = np.maximum(outward[..., 1], -0.2)  # hair that hangs faces sideways
    outward = unit(outward)
    along = np.linspace(0, 1, steps, dtype=np.float32)
    taper = np.interp(along, (0, 0.2, 0.6, 1), (0.8, 1, 0.95, tip)).astype(np.float32)
    full = width * rng.uniform(0.6, 1.3, count).astype(np.float32)
    full[::4] *= 0.4  # some strands are separate and thin
    widths = full[:, None] * taper
    tilted = outward + 0.12 * rng.standard_normal((count, 1, 3), dtype=np.float32)
    mesh = ribbons(lines, tilted, widths)
    places = np.empty((count, steps, 2, 3), np.float32)
    places[..., 0] = rng.standard_normal(count)[:, None, None]
    begin = rng.uniform(0, 20, count)[:, None]
    places[..., 0, 1], places[..., 1, 1] = begin - widths / 2, begin + widths / 2
    places[..., 2] = along[:, None]
    follows = None if with_head else follows_head(mesh.vertices)
    return mesh.part(Worn.HAIR, follows, places.reshape(-1, 3))
