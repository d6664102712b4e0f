"""Drawing tools of the synthetic faces: splines, anti-aliased patches, smooth random fields.

All coordinates are pixels of the canvas with pixel centres at integers; masks are float32, 0 to 1.
"""

from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np

_SUBPIXEL_BITS = 4


class Patch(NamedTuple):
    """A soft mask on a window of the canvas; only the window is computed, which saves time."""

    rows: slice
    columns: slice
    mask: np.ndarray

    @property
    def window(self) -> tuple[slice, slice]:
        return self.rows, self.columns

    def times(self, other: "Patch | np.ndarray | float") -> "Patch":
        """This patch with its mask multiplied by another patch of the same window, or by values."""
        factor = other.mask if isinstance(other, Patch) else other
        return self._replace(mask=self.mask * factor)


@lru_cache(maxsize=64)
def _spline_basis(points: int, closed: bool, steps: int) -> np.ndarray:
    """Weights that turn control points into samples of the Catmull-Rom spline through them."""
    t = np.arange(steps) / steps
    cubic = 0.5 * np.stack(
        [-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, t**3 - t**2], 1
    )
    segments = points if closed else points - 1
    basis = np.zeros((segments * steps + (not closed), points))
    for segment in range(segments):
        rows = basis[segment * steps : (segment + 1) * steps]
        for offset in range(4):
            index = segment + offset - 1
            if closed:
                rows[:, index % points] += cubic[:, offset]
            elif index < 0:  # mirror the neighbour at an open end: the curve leaves it straight
                rows[:, 0] += 2 * cubic[:, offset]
                rows[:, 1] -= cubic[:, offset]
            elif index >= points:
                rows[:, -1] += 2 * cubic[:, offset]
                rows[:, -2] -= cubic[:, offset]
            else:
                rows[:, index] += cubic[:, offset]
    if not closed:
        basis[-1, -1] = 1
    return basis


def spline(points: np.ndarray, *, closed: bool = False, steps: int = 6) -> np.ndarray:
    """Smooth curve (M, 2) that passes exactly through the points (P, 2)."""
    points = np.asarray(points)
    return _spline_basis(len(points), closed, steps) @ points


def ribbon(curve: np.ndarray, half_width: np.ndarray | float) -> np.ndarray:
    """Outline (2M, 2) of a stroke along an open curve (M, 2), half a width to either side."""
    tangent = np.gradient(curve, axis=0)
    tangent /= np.maximum(np.hypot(tangent[:, :1], tangent[:, 1:]), 1e-9)
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], 1)
    offset = normal * np.broadcast_to(half_width, len(curve))[:, None]
    return np.concatenate([curve + offset, (curve - offset)[::-1]])


def window_of(side: int, points: np.ndarray, grow: float) -> tuple[slice, slice]:
    """Rows and columns of the canvas that hold the points (M, 2) and `grow` pixels around them."""
    low = np.clip(np.floor(points.min(0) - grow), 0, side).astype(int)
    high = np.clip(np.ceil(points.max(0) + grow) + 1, 0, side).astype(int)
    return slice(low[1], high[1]), slice(low[0], high[0])


def fill(
    side: int, *polygons: np.ndarray, blur: float = 0.0, window: tuple[slice, slice] | None = None
) -> Patch:
    """Anti-aliased inside of the polygons (even-odd: an inner polygon is a hole).

    Args:
        side: the canvas is side x side.
        polygons: each (M, 2).
        blur: Gaussian sigma that softens the border, pixels.
        window: the window to draw in; by default the polygons' own, grown by the blur.
    """
    if window is None:
        window = window_of(side, np.concatenate(polygons), 3 * blur + 2)
    rows, columns = window
    shape = (max(rows.stop - rows.start, 0), max(columns.stop - columns.start, 0))
    if 0 in shape:
        return Patch(slice(0, 0), slice(0, 0), np.zeros((0, 0), np.float32))
    grey = np.zeros(shape, np.uint8)
    scale = 1 << _SUBPIXEL_BITS
    origin = np.array([columns.start, rows.start])
    fixed = [np.rint((p - origin) * scale).astype(np.int32) for p in polygons]
    cv2.fillPoly(grey, fixed, 255, cv2.LINE_AA, _SUBPIXEL_BITS)
    mask = grey.astype(np.float32)
    mask *= 1 / 255
    return Patch(rows, columns, soften(mask, blur))


def soften(field: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur, sigma in pixels; none below a sigma of 0.2."""
    if sigma < 0.2 or field.size == 0:
        return field
    return cv2.GaussianBlur(field, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)


def blend(canvas: np.ndarray, patch: Patch, value, alpha: float = 1.0) -> None:
    """Blends `value` into the canvas (S, S) or (S, S, 3) by the patch's mask, in place.

    `value` is a number, a colour, an array of the canvas's shape, or one row of it.
    """
    if patch.mask.size == 0:
        return
    target = canvas[patch.window]
    value = np.asarray(value, dtype=np.float32)
    if value.shape[:2] == canvas.shape[:2]:
        value = value[patch.window]
    elif value.shape[:2] == (1, canvas.shape[1]):
        value = value[:, patch.columns]
    weight = patch.mask * np.float32(alpha)
    step = value - target
    step *= weight[..., None] if canvas.ndim == 3 else weight
    target += step


def add(canvas: np.ndarray, patch: Patch, amount: float) -> None:
    """Adds `amount` times the patch's mask to a one-channel canvas, in place."""
    if patch.mask.size:
        canvas[patch.window] += patch.mask * np.float32(amount)


def smooth_field(
    rng: np.random.Generator, cells: tuple[int, int], shape: tuple[int, int]
) -> np.ndarray:
    """Random field (rows, columns), about unit deviation, from a coarse grid of normal numbers."""
    coarse = rng.standard_normal(cells).astype(np.float32)
    return enlarge(coarse, shape)


def enlarge(coarse: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """A coarse field, interpolated to `shape` (rows, columns)."""
    return cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
