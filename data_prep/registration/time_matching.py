"""Which frame of one camera belongs to which of the other, by their time stamps."""

from typing import NamedTuple

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d

from mlcmkd.utils.errors import InputError

_SIGNAL_PX = 64  # side of the small images in which motion is measured
# Recordings of unrelated motion, 10 seconds each, reach 0.4 at some shift, one in ten 0.55; shorter
# ones reach more.
_LEAST_CORRELATION = 0.7
_LEAST_SECONDS = 5.0


class TimeMatch(NamedTuple):
    """A pair of frames.

    Attributes:
        rgb, thermal: their numbers in the two lists.
        apart: thermal time minus RGB time, once the offset is added to the latter, seconds.
    """

    rgb: int
    thermal: int
    apart: float


def match_times(
    rgb_times: np.ndarray, thermal_times: np.ndarray, tolerance: float, offset: float = 0.0
) -> list[TimeMatch]:
    """Pairs of frames that lie within a tolerance of each other, in order of time.

    No frame is used twice and no two pairs cross. Among all ways to do so, one with the most pairs
    is taken, and of those the one with the smallest sum of distances.

    Args:
        rgb_times, thermal_times: (N,) and (M,) seconds, in any order; frame rates may differ.
        tolerance: how far a pair may lie apart, seconds.
        offset: what is added to the RGB clock to get the thermal one, seconds.

    Raises:
        InputError: times that are not finite numbers in one dimension, or a tolerance that is not
            above zero.
    """
    rgb_times = _checked(rgb_times, "rgb_times") + offset
    thermal_times = _checked(thermal_times, "thermal_times")
    if not (np.isfinite(tolerance) and tolerance > 0 and np.isfinite(offset)):
        raise InputError(f"tolerance={tolerance}, offset={offset}: give seconds, tolerance above 0")
    first, second = np.argsort(rgb_times, kind="stable"), np.argsort(thermal_times, kind="stable")
    pairs = _most_and_nearest(rgb_times[first], thermal_times[second], tolerance)
    return [
        TimeMatch(int(a), int(b), float(thermal_times[b] - rgb_times[a]))
        for a, b in ((first[i], second[j]) for i, j in pairs)
    ]


def _most_and_nearest(a: np.ndarray, b: np.ndarray, tolerance: float) -> list[tuple[int, int]]:
    """The best pairs of two rising lists, by dynamic programming over the frames within reach.

    A pair is worth 1 less its share of the tolerance, divided so that all shares together stay
    below 1: one pair more is always worth more than nearer ones. `worth[j]` is the best that the
    frames of `a` so far make with the first j of `b`; it never falls with j.
    """
    small = 1 / (min(len(a), len(b)) + 1)
    low = np.searchsorted(b, a - tolerance, side="left")
    high = np.searchsorted(b, a + tolerance, side="right")
    worth = np.zeros(len(b) + 1)
    done = 0  # how far `worth` is written; beyond the reach so far it adds nothing
    partners = []
    for time, start, stop in zip(a, low, high, strict=True):
        worth[done + 1 : stop + 1] = worth[done]
        done = max(done, stop)
        without = worth[start + 1 : stop + 1]
        within = worth[start:stop] + 1 - small * np.abs(b[start:stop] - time) / tolerance
        either = np.maximum(without, within)
        reached = np.maximum.accumulate(either)
        # For each j, where the best came from: the last frame of b at which it rose to it.
        origin = np.maximum.accumulate(np.where(either == reached, np.arange(len(either)), 0))
        partners.append(np.where(reached > without, origin, -1))
        worth[start + 1 : stop + 1] = reached
    pairs: list[tuple[int, int]] = []
    free = len(b)  # from the last pair back: the first `free` frames of b are not used yet
    for i in range(len(a) - 1, -1, -1):
        last = min(free, high[i]) - low[i] - 1
        if last >= 0 and partners[i][last] >= 0:
            free = int(low[i] + partners[i][last])
            pairs.append((i, free))
    return pairs[::-1]


def motion(image: np.ndarray, before: np.ndarray | None) -> tuple[float, np.ndarray]:
    """How much an image differs from the one before it, and the small image to compare the next with.

    Args:
        image: (H, W) or (H, W, 3), any dtype.
        before: what the call for the frame before gave second; None at the first frame.

    Returns:
        Mean absolute difference in units of the image's own deviation, 0 at the first frame.
    """
    flat = image.astype(np.float32)
    flat = flat.mean(axis=2) if flat.ndim == 3 else flat
    small = cv2.resize(flat, (_SIGNAL_PX, _SIGNAL_PX), interpolation=cv2.INTER_AREA)
    small = (small - small.mean()) / max(float(small.std()), 1e-6)
    return (0.0 if before is None else float(np.abs(small - before).mean())), small


def estimate_offset(
    rgb_times: np.ndarray,
    rgb_motion: np.ndarray,
    thermal_times: np.ndarray,
    thermal_motion: np.ndarray,
    reach: float = 5.0,
) -> float:
    """What to add to the RGB clock to get the thermal one, seconds: both cameras see one motion.

    The two courses of motion are put on one fine grid of time, smoothed to the slower camera's
    interval, and shifted against each other; the shift of the highest correlation is taken, between
    grid points by a parabola.

    Args:
        rgb_times, thermal_times: (N,) and (M,) seconds, rising.
        rgb_motion, thermal_motion: (N,) and (M,), see `motion`; the first of each is not used.
        reach: the largest offset that is tried, either way, seconds.

    Raises:
        InputError: too few frames, times that do not rise, or no offset at which the motions
            agree well over 5 seconds or more, as when nothing moves.
    """
    first = _course(rgb_times, rgb_motion, "rgb_times")
    second = _course(thermal_times, thermal_motion, "thermal_times")
    slow = max(float(np.median(np.diff(times))) for times, _ in (first, second))
    step = min(float(np.median(np.diff(times))) for times, _ in (first, second)) / 2
    grids, values = zip(*(_on_grid(*course, step, slow) for course in (first, second)), strict=True)
    lags, scores = [], []
    for lag in range(-round(reach / step), round(reach / step) + 1):
        # Grid point i of RGB and i + lag of the thermal camera are both multiples of `step`.
        moved = grids[0] + lag
        low, high = max(moved[0], grids[1][0]), min(moved[-1], grids[1][-1])
        if (high - low) * step < _LEAST_SECONDS:
            continue
        a = values[0][low - moved[0] : high - moved[0] + 1]
        b = values[1][low - grids[1][0] : high - grids[1][0] + 1]
        if a.std() > 0 and b.std() > 0:
            lags.append(lag)
            scores.append(float(np.corrcoef(a, b)[0, 1]))
    best = int(np.argmax(scores)) if scores else -1
    if best < 0 or scores[best] < _LEAST_CORRELATION:
        found = f"{scores[best]:.2f}" if scores else "none"
        raise InputError(
            f"clock offset: the two cameras' motions do not agree at any offset up to {reach:g} s "
            f"(best correlation {found}, {_LEAST_CORRELATION} is asked for); give the offset"
        )
    between = 0.0
    if 0 < best < len(scores) - 1:
        left, middle, right = scores[best - 1 : best + 2]
        curve = left - 2 * middle + right
        between = 0.5 * (left - right) / curve if curve < 0 else 0.0
    return float((lags[best] + between) * step)


def _course(times: np.ndarray, values: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Times midway between frames, and change a second there."""
    times, values = _checked(times, name), np.asarray(values, dtype=np.float64)
    if len(times) != len(values):
        raise InputError(f"{name}: {len(times)} times for {len(values)} frames")
    if len(times) < 3 or not (np.diff(times) > 0).all():
        raise InputError(f"{name}: give 3 frames or more, in order of time, no time twice")
    return (times[1:] + times[:-1]) / 2, values[1:] / np.diff(times)


def _on_grid(
    times: np.ndarray, values: np.ndarray, step: float, slow: float
) -> tuple[np.ndarray, np.ndarray]:
    """Whole multiples of `step` within the course, and the course smoothed over `slow` there."""
    grid = np.arange(np.ceil(times[0] / step), np.floor(times[-1] / step) + 1).astype(np.int64)
    return grid, gaussian_filter1d(np.interp(grid * step, times, values), slow / step)


def _checked(times: np.ndarray, name: str) -> np.ndarray:
    times = np.asarray(times, dtype=np.float64)
    if times.ndim != 1 or not np.isfinite(times).all():
        raise InputError(f"{name}: give finite seconds in one dimension")
    return times
