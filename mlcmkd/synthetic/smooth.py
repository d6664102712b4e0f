"""Smooth transitions: a step from 0 to 1, and a lobe around a place of the head."""

from dataclasses import dataclass

import numpy as np


def smooth_step(values: np.ndarray, low: float = 0, high: float = 1) -> np.ndarray:
    """0 below `low`, 1 above `high`, a cubic between, float32; `low` may be the larger one."""
    share = np.clip((values - low) * (1 / (high - low)), 0, 1).astype(np.float32)
    return share * share * (3 - 2 * share)


@dataclass(frozen=True)
class Lobe:
    """A Gaussian in head coordinates.

    Attributes:
        centre: (x, y, z), head units.
        width: its standard deviations along the axes, head units.
        mirrored: the same at -x.
    """

    centre: tuple[float, float, float]
    width: tuple[float, float, float]
    mirrored: bool = True

    def at(self, points: np.ndarray) -> np.ndarray:
        """Weights (N,) from 0 to 1 at points (N, 3)."""
        offset = points - np.array(self.centre)
        if self.mirrored:
            offset[:, 0] = np.abs(points[:, 0]) - self.centre[0]
        return np.exp(-0.5 * ((offset / self.width) ** 2).sum(axis=1))
