"""The light of a picture: which sources there are, their directions and colours."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mlcmkd.synthetic.view import direction

# Probability, and ranges of: key strength, ambient strength, fill strength, rim strength, hardness
# of shadows. Our choice, by comparison with photographs.
LIGHTING_KINDS = {
    "overcast": (0.2, (0.3, 0.8), (0.5, 0.8), (0, 0.15), (0, 0.2), (0.1, 0.4)),
    "sun": (0.12, (1.3, 2.4), (0.3, 0.55), (0, 0.2), (0, 0.3), (0.7, 0.95)),
    "window": (0.2, (0.8, 1.4), (0.15, 0.4), (0.03, 0.2), (0, 0.2), (0.2, 0.6)),
    "room": (0.22, (0.6, 1.1), (0.25, 0.5), (0.05, 0.35), (0, 0.25), (0.2, 0.5)),
    "studio": (0.12, (0.8, 1.2), (0.15, 0.4), (0.1, 0.5), (0.1, 0.8), (0.3, 0.7)),
    "flash": (0.07, (0.9, 1.4), (0.12, 0.3), (0, 0.1), (0, 0.1), (0.3, 0.6)),
    "backlit": (0.05, (0.3, 0.6), (0.35, 0.6), (0.1, 0.3), (0.8, 1.8), (0.2, 0.5)),
    "night": (0.02, (0.5, 1.0), (0.08, 0.25), (0, 0.3), (0.1, 0.6), (0.3, 0.8)),
}
OUTDOORS = ("overcast", "sun", "backlit")


@dataclass(frozen=True)
class Lighting:
    """Sources besides the direction of the key light; colours are linear and hold the strength.

    Attributes:
        kind: one of LIGHTING_KINDS.
        key, fill, rim: (3,) colours of three distant lights.
        fill_direction, rim_direction: (3,) unit, camera axes.
        sky, ground: (3,) colours of the ambient light from above and from below.
        hardness: 0 for a key light as large as the sky to 1 for a point.
        shadow: how dark the cast shadow is, from 0 (not visible, as below clouds or with a flash) to 1.
        illuminant: (3,) colour of the key light with green 1, for the white balance.
    """

    kind: str
    key: np.ndarray
    fill: np.ndarray
    rim: np.ndarray
    fill_direction: np.ndarray
    rim_direction: np.ndarray
    sky: np.ndarray
    ground: np.ndarray
    hardness: float
    shadow: float
    illuminant: np.ndarray

    @cached_property
    def colours(self) -> np.ndarray:
        """(5, 3) float32: sky, ground, key, fill and rim."""
        return np.array((self.sky, self.ground, self.key, self.fill, self.rim), np.float32)

    @cached_property
    def directions(self) -> np.ndarray:
        """(2, 3) float32: towards the fill and the rim light."""
        return np.array((self.fill_direction, self.rim_direction), np.float32)


def _temperature_colour(kelvin: float) -> np.ndarray:
    """Linear sRGB colour of a light source, green 1, (3,); 6,500 K is white.

    Our power laws follow the trend of black bodies from 2,500 to 10,000 K, not their exact colours.
    """
    ratio = 6500 / kelvin
    red = ratio**0.75
    blue = ratio**-1.05 if ratio < 1 else ratio**-1.55
    return np.array([red, 1, blue], np.float32)


def draw_lighting(rng: np.random.Generator) -> tuple[tuple[float, float, float], Lighting]:
    """Random direction of the key light, camera axes, and the other lights; the ranges are ours."""
    kinds = list(LIGHTING_KINDS)
    chances = np.array([LIGHTING_KINDS[kind][0] for kind in kinds])
    kind = kinds[rng.choice(len(kinds), p=chances / chances.sum())]
    key, ambient, fill, rim, hardness = (rng.uniform(*span) for span in LIGHTING_KINDS[kind][1:])
    azimuth = rng.normal(0, {"flash": 6, "window": 55, "night": 55}.get(kind, 38))
    low, high = {"flash": (2, 15), "sun": (20, 65), "overcast": (35, 75)}.get(kind, (10, 55))
    towards = direction(float(np.clip(azimuth, -95, 95)), rng.uniform(low, high))
    warm = {"sun": (4800, 6000), "flash": (5400, 6200), "night": (2300, 4500)}
    kelvin = rng.uniform(*warm.get(kind, (5500, 7500) if kind == "overcast" else (3000, 6800)))
    colour = _temperature_colour(kelvin)
    around = _temperature_colour(kelvin * np.exp(rng.normal(0.12 if kind in OUTDOORS else 0, 0.1)))
    ground = _ground_tint(rng, kind) * rng.uniform(0.35, 0.8)
    other = -np.sign(towards[0] + 1e-6)
    lighting = Lighting(
        kind=kind,
        key=(key * colour).astype(np.float32),
        fill=(fill * _temperature_colour(kelvin * np.exp(rng.normal(0, 0.15)))).astype(np.float32),
        rim=(rim * _temperature_colour(kelvin * np.exp(rng.normal(0, 0.15)))).astype(np.float32),
        fill_direction=np.array(direction(other * rng.uniform(20, 70), rng.uniform(-10, 30))),
        rim_direction=np.array(direction(rng.choice([-1, 1]) * rng.uniform(115, 160), 25)),
        sky=(0.85 * ambient * around).astype(np.float32),
        ground=(0.85 * ambient * around * ground).astype(np.float32),
        hardness=float(hardness),
        shadow=float(rng.uniform(0.6, 0.95)) * (kind not in ("overcast", "flash")),
        illuminant=colour,
    )
    return towards, lighting


def _ground_tint(rng: np.random.Generator, kind: str) -> np.ndarray:
    """(3,) colour that the ground gives to reflected light."""
    tints = ((1, 0.97, 0.92), (1.05, 0.95, 0.82), (0.9, 1.02, 0.82), (1, 1, 1))
    tint = np.array(tints[rng.integers(4 if kind in OUTDOORS else 2)])
    return (tint * np.exp(rng.normal(0, 0.05, 3))).astype(np.float32)
