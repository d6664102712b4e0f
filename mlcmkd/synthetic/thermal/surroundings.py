"""The surroundings that skin and glass mirror: air, ceiling or sky, and some warm or cold things."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Surroundings:
    """Temperatures around the person, degrees C.

    Attributes:
        level: of walls and ground.
        above: of ceiling or sky.
        directions: (n, 3) float32, unit, camera axes, towards warm or cold things.
        sharpness: (n,) float32, the larger the smaller the thing.
        differences: (n,) float32, temperature of the things minus `level`.
    """

    level: float
    above: float
    directions: np.ndarray
    sharpness: np.ndarray
    differences: np.ndarray

    def at(self, directions: np.ndarray) -> np.ndarray:
        """Temperature (M,) float32 in unit directions (M, 3), camera axes."""
        up = np.clip(directions[:, 1] + 0.3, 0, 1)
        warmth = np.float32(self.level) + np.float32(self.above - self.level) * up
        for towards, sharpness, difference in zip(
            self.directions, self.sharpness, self.differences, strict=True
        ):
            warmth += difference * np.exp(sharpness * (directions @ towards - 1))
        return warmth


def draw_surroundings(rng: np.random.Generator, level: float, above: float) -> Surroundings:
    """Random surroundings: windows, lamps, and often the body of the person who holds the camera."""
    count = int(rng.integers(1, 4))
    directions = rng.standard_normal((count, 3))
    directions[:, 2] = np.abs(directions[:, 2])  # in front of the face: what glasses mirror
    differences = rng.choice([-8.0, 3.0, 8.0], count) * rng.uniform(0.3, 1.2, count)
    if rng.random() < 0.4:
        directions[0], differences[0] = (rng.normal(0, 0.2), -0.1, 1), rng.uniform(4, 9)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return Surroundings(
        level=level,
        above=above,
        directions=directions.astype(np.float32),
        sharpness=np.exp(rng.uniform(np.log(3), np.log(40), count)).astype(np.float32),
        differences=differences.astype(np.float32),
    )
