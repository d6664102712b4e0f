"""Kalman filter of a face's box: it predicts the box in the next frame.

It is the filter of SORT (Bewley et al., *Simple online and realtime tracking*, ICIP 2016) with two
changes. The speed is an Ornstein-Uhlenbeck process in continuous time: it decays exponentially, because
heads often turn back, and the time between frames may vary. The noise is in units of the face's side, so
that the same constants apply to faces of any size.
"""

import math

import numpy as np

from mlcmkd.deployment.boxes import Box

# Each array has four entries: the centre (x, y) in face sides, and the natural logarithms of width and
# height. Chosen on simulated sequences (benchmarks/tracking.py).
MEASURED = np.array([0.05, 0.05, 0.1, 0.1])  # standard deviation of a detected box
SPEED = np.array([1.5, 1.5, 0.1, 0.1])  # standard deviation of speeds, per second
FADING = 0.4  # time constant of the decay of a speed, seconds: 37 % remain


class BoxMotion:
    """State of the filter: position and size of a box, their speeds, and the covariances.

    Args:
        box: the first detected box, pixels.
    """

    def __init__(self, box: Box):
        values = _values(box)
        self._side = _side(values)
        self._mean = np.stack([values, np.zeros(4)], axis=1)  # (4, 2): value and speed
        self._covariance = np.zeros((4, 2, 2))
        self._covariance[:, 0, 0] = (MEASURED * self._scale) ** 2
        self._covariance[:, 1, 1] = (SPEED * self._scale) ** 2

    @property
    def box(self) -> Box:
        """The expected box, pixels."""
        x, y, width, height = self._mean[:, 0]
        width, height = np.exp(width), np.exp(height)
        edges = x - width / 2, y - height / 2, x + width / 2, y + height / 2
        return tuple(float(edge) for edge in edges)

    def predict(self, seconds: float) -> None:
        """Predicts the state after a time.

        Args:
            seconds: time since the last prediction, above 0.
        """
        left = np.exp(-seconds / FADING)
        path = FADING * (1 - left)  # of a speed of 1
        step = np.array([[1, path], [0, left]])
        both = path**2 / FADING
        position = 2 * FADING * (seconds - path) - path**2
        spread = np.array([[position, both], [both, 1 - left**2]])
        noise = (SPEED * self._scale) ** 2
        self._mean = self._mean @ step.T
        self._covariance = step @ self._covariance @ step.T + noise[:, None, None] * spread

    def update(self, box: Box) -> None:
        """Corrects the state by a detected box, in pixels."""
        variance = self._covariance[:, 0, 0] + (MEASURED * self._scale) ** 2
        gain = self._covariance[:, :, 0] / variance[:, None]  # (4, 2)
        error = _values(box) - self._mean[:, 0]
        self._mean = self._mean + gain * error[:, None]
        self._covariance = self._covariance - gain[:, :, None] * self._covariance[:, None, 0, :]
        self._side = _side(self._mean[:, 0])

    def surprise(self, box: Box) -> float:
        """Twice the negative log-likelihood of a detected box, without the constant term."""
        variance = self._covariance[:, 0, 0] / self._scale**2 + MEASURED**2
        error = (_values(box) - self._mean[:, 0]) / self._scale
        return float((error**2 / variance + np.log(variance)).sum())

    def distance(self, box: Box) -> float:
        """Distance of the centre of a detected box from the expected one, in sides of the larger."""
        values = _values(box)
        shift = math.hypot(values[0] - self._mean[0, 0], values[1] - self._mean[1, 0])
        return shift / max(_side(values), self._side)

    def growth(self, box: Box) -> float:
        """Ratio of the larger to the smaller side of a detected and the expected box, at least 1."""
        side = _side(_values(box))
        return max(side, self._side) / min(side, self._side)

    @property
    def _scale(self) -> np.ndarray:
        return np.array([self._side, self._side, 1.0, 1.0])


def _values(box: Box) -> np.ndarray:
    """Centre in pixels, and the natural logarithms of width and height, each at least 1 px; (4,)."""
    x0, y0, x1, y1 = box
    width, height = math.log(max(x1 - x0, 1.0)), math.log(max(y1 - y0, 1.0))
    return np.array([(x0 + x1) / 2, (y0 + y1) / 2, width, height])


def _side(values: np.ndarray) -> float:
    """Geometric mean of width and height, pixels."""
    return math.exp((values[2] + values[3]) / 2)
