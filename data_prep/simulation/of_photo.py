"""The simulated thermal image of one photo as a function, for an entry of the writer."""

from dataclasses import dataclass

import numpy as np

from data_prep.simulation.settings import DEFAULT, SimulationSettings
from data_prep.simulation.simulate import simulate_for_photo


@dataclass(frozen=True)
class SimulatedThermal:
    """A function that simulates one thermal image of a photo; worker processes can receive it.

    Attributes:
        landmarks: (68, 2) pixels.
        seed: the preparation's seed.
        number: 1 for a photo's first simulated image, 2 for its second, ...
        settings: ranges of the simulation's parameters.
    """

    landmarks: np.ndarray
    seed: int
    number: int = 1
    settings: SimulationSettings = DEFAULT

    def __call__(self, rgb: np.ndarray, sha256: str) -> np.ndarray:
        """Simulate it, (H, W) degrees C, from the photo, (H, W, 3) uint8, and the hash of its bytes."""
        return simulate_for_photo(
            rgb, self.landmarks, sha256, self.seed, number=self.number, settings=self.settings
        )
