"""Smooth random fields in space: sums of plane waves, cheap at vertices and at pixels."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Waves:
    """A smooth random field with a mean of about 0 and a standard deviation of about 1.

    Attributes:
        vectors: (n, 3) float32 wave vectors, radians per head unit.
        phases: (n,) float32, radians.
        amplitudes: (n,) float32.
    """

    vectors: np.ndarray
    phases: np.ndarray
    amplitudes: np.ndarray

    def at(self, points: np.ndarray) -> np.ndarray:
        """Values (N,) float32 at points (N, 3), head units."""
        return np.cos(points @ self.vectors.T + self.phases) @ self.amplitudes


def draw_waves(rng: np.random.Generator, lowest: float, highest: float, count: int = 10) -> Waves:
    """A random field of `count` waves with `lowest` to `highest` radians per head unit."""
    directions = rng.standard_normal((count, 3))
    lengths = rng.uniform(lowest, highest, count) / np.linalg.norm(directions, axis=1)
    return Waves(
        vectors=(directions * lengths[:, None]).astype(np.float32),
        phases=rng.uniform(0, 2 * np.pi, count).astype(np.float32),
        amplitudes=(rng.standard_normal(count) * np.sqrt(2 / count)).astype(np.float32),
    )
