"""Match the frames of two cameras by their time stamps."""

from typing import NamedTuple

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d

from mlcmkd.utils.errors import InputError

_SIGNAL_PX = 64  # motion is measured in images of 64 x 64 pixels
# Between recordings of unrelated motion, 10 seconds each, the highest correlation over all shifts is
# 0.4 on average and above 0.55 in one of ten; it is higher for shorter recordings.
_MIN_CORRELATION = 0.7
_MIN_SECONDS = 5.0


class TimeMatch(NamedTuple):
    """A pair of frames.

    Attributes:
        rgb, thermal: indices in the two lists.
        seconds_apart: thermal time minus RGB time, after the offset is added to the RGB time.
    """

    rgb: int
    thermal: int
    seconds_apart: float


def match_times(
    rgb_times: np.ndarray, thermal_times: np.ndarray, tolerance: float, offset: float = 0.0
) -> list[TimeMatch]:
    """Pair frames whose time difference is within a tolerance, in order of time.

    No frame is used twice and no two pairs cross. The matching has the largest possible number of
    pairs and, among those matchings, the smallest sum of time differences.

    Args:
        rgb_times, thermal_times: (N,) and (M,) seconds, in any order; frame rates may differ.
        tolerance: largest time difference of a pair, seconds.
        offset: seconds to add to the RGB clock to get the thermal clock.

    Raises:
        InputError: times that are not a one-dimensional array of finite numbers, or a tolerance
            that is not above zero.
    """
    rgb_times = _checked(rgb_times, "rgb_times") + offset
    thermal_times = _checked(thermal_times, "thermal_times")
    if not (np.isfinite(tolerance) and tolerance > 0 and np.isfinite(offset)):
        raise InputError(f"tolerance={tolerance}, offset={offset}: give seconds, tolerance above 0")
    first, second = np.argsort(rgb_times, kind="stable"), np.argsort(thermal_times, kind="stable")
    pairs = _best_matching(rgb_times[first], thermal_times[second], tolerance)
    return [
        TimeMatch(int(a), int(b), float(thermal_times[b] - rgb_times[a]))
        for a, b in ((first[i], second[j]) for i, j in pairs)
    ]


def _best_matching(a: np.ndarray, b: np.ndarray, tolerance: float) -> list[tuple[int, int]]:
    """Match two increasing lists by dynamic programming over the frames within the tolerance.

    The value of a pair is 1 minus a penalty proportional to its time difference. The penalties of
    all pairs together stay below 1, so an additional pair always outweighs smaller differences.
    `worth[j]` is the best total of the frames of `a` so far with the first j of `b`; it does not
    decrease with j.
    """
    small = 1 / (min(len(a), len(b)) + 1)
    low = np.searchsorted(b, a - tolerance, side="left")
    high = np.searchsorted(b, a + tolerance, side="right")
    worth = np.zeros(len(b) + 1)
    done = 0  # `worth` is filled up to this index; frames beyond it are not within reach yet
    partners = []
    for time, start, stop in zip(a, low, high, strict=True):
        worth[done + 1 : stop + 1] = worth[done]
        done = max(done, stop)
        without = worth[start + 1 : stop + 1]
        within = worth[start:stop] + 1 - small * np.abs(b[start:stop] - time) / tolerance
        either = np.maximum(without, within)
        reached = np.maximum.accumulate(either)
        # For each j, the frame of b that gave the best total: the last one at which it increased.
        origin = np.maximum.accumulate(np.where(either == reached, np.arange(len(either)), 0))
        partners.append(np.where(reached > without, origin, -1))
        worth[start + 1 : stop + 1] = reached
    pairs: list[tuple[int, int]] = []
    free = len(b)  # going back from the last pair, the first `free` frames of b are unused
    for i in range(len(a) - 1, -1, -1):
        last = min(free, high[i]) - low[i] - 1
        if last >= 0 and partners[i][last] >= 0:
            free = int(low[i] + partners[i][last])
            pairs.append((i, free))
    return pairs[::-1]


def motion(image: np.ndarray, before: np.ndarray | None) -> tuple[float, np.ndarray]:
    """Measure how much an image differs from the previous one.

    Args:
        image: (H, W) or (H, W, 3), any dtype.
        before: the second result for the previous frame; None for the first frame.

    Returns:
        The mean absolute difference in standard deviations of the image, 0 for the first frame; and
        the small image to pass on as `before`.
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
    """Estimate the seconds to add to the RGB clock to get the thermal one, from the visible motion.

    The two motion signals are interpolated on one fine time grid, smoothed to the slower camera's
    interval, and cross-correlated. The result is the lag of the highest correlation, refined between
    grid points by a parabola.

    Args:
        rgb_times, thermal_times: (N,) and (M,) seconds, increasing.
        rgb_motion, thermal_motion: (N,) and (M,), see `motion`; the first of each is not used.
        reach: the largest offset to try in both directions, seconds.

    Raises:
        InputError: too few frames, times that do not increase, or no offset at which the motions
            correlate well over 5 seconds or more, for example when nothing moves.
    """
    first = _motion_signal(rgb_times, rgb_motion, "rgb_times")
    second = _motion_signal(thermal_times, thermal_motion, "thermal_times")
    slow = max(float(np.median(np.diff(times))) for times, _ in (first, second))
    step = min(float(np.median(np.diff(times))) for times, _ in (first, second)) / 2
    grids, values = zip(*(_on_grid(*signal, step, slow) for signal in (first, second)), strict=True)
    lags, scores = [], []
    for lag in range(-round(reach / step), round(reach / step) + 1):
        # Grid point i of RGB and i + lag of the thermal camera are both multiples of `step`.
        moved = grids[0] + lag
        low, high = max(moved[0], grids[1][0]), min(moved[-1], grids[1][-1])
        if (high - low) * step < _MIN_SECONDS:
            continue
        a = values[0][low - moved[0] : high - moved[0] + 1]
        b = values[1][low - grids[1][0] : high - grids[1][0] + 1]
        if a.std() > 0 and b.std() > 0:
            lags.append(lag)
            scores.append(float(np.corrcoef(a, b)[0, 1]))
    best = int(np.argmax(scores)) if scores else -1
    if best < 0 or scores[best] < _MIN_CORRELATION:
        highest = f"{scores[best]:.2f}" if scores else "none"
        raise InputError(
            f"clock offset: the two cameras' motions do not agree at any offset up to {reach:g} s "
            f"(highest correlation {highest}, at least {_MIN_CORRELATION} is required); give the offset"
        )
    fraction = 0.0
    if 0 < best < len(scores) - 1:
        left, middle, right = scores[best - 1 : best + 2]
        curve = left - 2 * middle + right
        fraction = 0.5 * (left - right) / curve if curve < 0 else 0.0
    return float((lags[best] + fraction) * step)


def _motion_signal(
    times: np.ndarray, values: np.ndarray, name: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return the times midway between frames, and the change per second at these times."""
    times, values = _checked(times, name), np.asarray(values, dtype=np.float64)
    if len(times) != len(values):
        raise InputError(f"{name}: {len(times)} times for {len(values)} frames; give one per frame")
    if len(times) < 3 or not (np.diff(times) > 0).all():
        raise InputError(f"{name}: give 3 frames or more, in order of time, no time twice")
    return (times[1:] + times[:-1]) / 2, values[1:] / np.diff(times)


def _on_grid(
    times: np.ndarray, values: np.ndarray, step: float, slow: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the multiples of `step` within the signal, and the signal there, smoothed over `slow`."""
    grid = np.arange(np.ceil(times[0] / step), np.floor(times[-1] / step) + 1).astype(np.int64)
    return grid, gaussian_filter1d(np.interp(grid * step, times, values), slow / step)


def _checked(times: np.ndarray, name: str) -> np.ndarray:
    times = np.asarray(times, dtype=np.float64)
    if times.ndim != 1 or not np.isfinite(times).all():
        raise InputError(f"{name}: not a list of finite numbers; give seconds")
    return times
