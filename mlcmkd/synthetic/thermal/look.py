"""All parameters of the thermal appearance of one picture, drawn at random."""

from dataclasses import dataclass

import numpy as np

from mlcmkd.synthetic.thermal.background import BackgroundLook, draw_background
from mlcmkd.synthetic.thermal.breath import BreathLook, draw_breath
from mlcmkd.synthetic.thermal.camera import CameraLook, draw_camera
from mlcmkd.synthetic.thermal.covers import CoverLook, draw_cover
from mlcmkd.synthetic.thermal.physiology import (
    SkinLook,
    chill_of,
    draw_level,
    draw_patterns,
    draw_skin,
)
from mlcmkd.synthetic.thermal.surroundings import Surroundings, draw_surroundings

_HALF_LIFE = 6.0  # minutes after which half of what another climate did to the skin is gone


@dataclass(frozen=True)
class ThermalLook:
    """Parameters of the thermal appearance; temperatures and differences in degrees C.

    Attributes:
        ambient: temperature of the air.
        felt: temperature of the air to which the skin has adapted: `ambient` after enough time in it.
        skin: level of the face, to which the patterns are added.
        patterns: differences of the places of `places.PLACES` from that level.
        details: vessels, sweat, curvature, inside of the mouth.
        covers: hair, cloth, glasses and other covers.
        breath: the moment of breathing.
        background: what is behind the person.
        surroundings: what skin and glass mirror.
        camera: the camera.
    """

    ambient: float
    felt: float
    skin: float
    patterns: dict[str, float]
    details: SkinLook
    covers: CoverLook
    breath: BreathLook
    background: BackgroundLook
    surroundings: Surroundings
    camera: CameraLook

    @property
    def cover_air(self) -> float:
        """Temperature of the air to which hair and clothes have adapted: half as far as skin."""
        return (self.ambient + self.felt) / 2


@dataclass(frozen=True)
class Climate:
    """The air of a picture: see `ThermalLook`; `sky` is None indoors, else its apparent temperature."""

    ambient: float
    felt: float
    sky: float | None

    @property
    def settled(self) -> bool:
        """Whether the skin has adapted to the air."""
        return abs(self.felt - self.ambient) < 0.5


def draw_climate(rng: np.random.Generator) -> Climate:
    """Random air: mostly rooms and cars, some outdoors; some people have just come in."""
    outdoors = rng.random() < 0.12
    if outdoors:
        ambient = float(np.clip(rng.normal(14, 9), -8, 34))
        sky = ambient - float(rng.choice([4.0, 22.0, 45.0]) * rng.uniform(0.6, 1.2))
        return Climate(ambient, ambient, max(sky, -55.0))
    ambient = float(np.clip(rng.normal(23, 4), 10, 33))
    kind, minutes = rng.random(), rng.uniform(0, 20)
    elsewhere = ambient
    if kind < 0.2:
        elsewhere = float(rng.uniform(-12, 14))
    elif kind < 0.3:
        elsewhere = float(rng.uniform(28, 40))
    left = 0.5 ** (minutes / _HALF_LIFE)
    return Climate(ambient, ambient + left * (elsewhere - ambient), None)


def draw_thermal_look(
    of_identity: np.random.Generator, of_sample: np.random.Generator
) -> ThermalLook:
    """A random thermal appearance.

    Args:
        of_identity: for what the person keeps: vessels, hair, glasses.
        of_sample: for climate, breath, clothes, background and camera.
    """
    return look_in(draw_climate(of_sample), of_identity, of_sample)


def look_in(
    climate: Climate, of_identity: np.random.Generator, of_sample: np.random.Generator
) -> ThermalLook:
    """A random thermal appearance in a given climate."""
    felt = climate.felt
    breath = draw_breath(of_sample)
    skin = draw_level(of_identity, of_sample, felt)
    patterns = draw_patterns(of_identity, of_sample, felt, climate.settled)
    # Room air cools the rims of the nostrils on its way in, warm breath heats them on its way out.
    patterns["nostril"] = breath.flow * breath.nostrils * (chill_of(felt) if breath.flow < 0 else 1)
    above = climate.ambient if climate.sky is None else climate.sky
    return ThermalLook(
        ambient=climate.ambient,
        felt=felt,
        skin=skin,
        patterns=patterns,
        details=draw_skin(of_identity, of_sample, felt, breath.flow),
        covers=draw_cover(of_identity, of_sample, skin, climate.ambient, felt),
        breath=breath,
        background=draw_background(of_sample, climate.ambient, climate.sky),
        surroundings=draw_surroundings(of_sample, climate.ambient, above),
        camera=draw_camera(of_sample),
    )
