"""The one-euro filter, a low-pass filter whose cut-off frequency adapts to speed.

Casiez, Roussel and Vogel, *1 EUR filter: a simple speed-based low-pass filter for noisy input in
interactive systems*, CHI 2012.
"""

import numpy as np

from mlcmkd.utils.errors import InputError


class OneEuro:
    """The filter for arrays of any shape, element by element; the cut-off rises with speed.

    For a value x after dt seconds the derivative (x - previous filtered x) / dt is smoothed with the
    cut-off `derivative_cutoff`. Then the value is smoothed with the cut-off
    `min_cutoff + beta * |smoothed derivative|`. Smoothing with a cut-off f is `a x + (1 - a) previous`
    with a = r / (r + 1), r = 2 pi f dt. The derivative is taken from the last *filtered* value, as in
    the paper's algorithm 1.

    Missing values are None, or NaN in single elements; the result is then None or NaN. For the next
    value dt is the time since the last value of the element, so its weight grows with the gap. This
    treatment of missing values is ours. The frame rate may vary, because each call gets its own time.

    Args:
        min_cutoff: cut-off at rest, Hz; lower values reduce jitter.
        beta: increase of the cut-off, Hz per unit of speed (units per second); higher values reduce the
            lag in motion.
        derivative_cutoff: cut-off of the derivative, Hz.
        forget: seconds without a value after which an element is initialised again.

    Raises:
        InputError: a cut-off or `forget` that is not above 0, or beta below 0.
    """

    def __init__(
        self,
        min_cutoff: float = 1.0,
        beta: float = 0.0,
        derivative_cutoff: float = 1.0,
        forget: float = 1.0,
    ):
        positive = {
            "min_cutoff": min_cutoff,
            "derivative_cutoff": derivative_cutoff,
            "forget": forget,
        }
        for name, value in positive.items():
            if not (np.isfinite(value) and value > 0):
                raise InputError(f"one-euro filter: {name}={value} must be above 0")
        if not (np.isfinite(beta) and beta >= 0):
            raise InputError(f"one-euro filter: beta={beta} must be 0 or more")
        self.min_cutoff, self.beta = min_cutoff, beta
        self.derivative_cutoff, self.forget = derivative_cutoff, forget
        self._value: np.ndarray | None = None
        self._now = -np.inf

    def __call__(self, values: np.ndarray | None, seconds: float) -> np.ndarray | None:
        """Filters the values of one time step.

        Args:
            values: array of the same shape in every call; None for a missing frame.
            seconds: time of the values, later than in the previous call.

        Returns:
            float64 of the same shape; None for None.

        Raises:
            InputError: time does not increase, infinite values, or another shape than before.
        """
        if not (np.isfinite(seconds) and seconds > self._now):
            raise InputError(f"one-euro filter: time {seconds} s after {self._now} s; it must rise")
        self._now = seconds
        if values is None:
            return None
        values = np.asarray(values, dtype=np.float64)
        if np.isinf(values).any():
            raise InputError("one-euro filter: infinite values")
        if self._value is None:
            self._value = np.zeros(values.shape)
            self._speed = np.zeros(values.shape)
            self._last = np.full(values.shape, -np.inf)  # seconds of each element's last value
        if values.shape != self._value.shape:
            raise InputError(
                f"one-euro filter: values of shape {values.shape} after {self._value.shape}"
            )
        present = ~np.isnan(values)
        elapsed = seconds - self._last
        fresh = present & (elapsed > self.forget)
        known = present & ~fresh
        dt = np.where(known, elapsed, 1.0)
        x = np.where(present, values, 0.0)
        a = _weight(self.derivative_cutoff, dt)
        speed = a * (x - self._value) / dt + (1 - a) * self._speed
        a = _weight(self.min_cutoff + self.beta * np.abs(speed), dt)
        value = a * x + (1 - a) * self._value
        self._speed = np.where(known, speed, np.where(fresh, 0.0, self._speed))
        self._value = np.where(known, value, np.where(fresh, x, self._value))
        self._last = np.where(present, seconds, self._last)
        return np.where(present, self._value, np.nan)


def _weight(cutoff: np.ndarray | float, dt: np.ndarray) -> np.ndarray:
    """Weight of the new value for a cut-off in Hz after dt seconds."""
    r = 2 * np.pi * cutoff * dt
    return r / (r + 1)
