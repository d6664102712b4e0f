"""Parts of the rendering that can be switched off, to see what each of them contributes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Realism:
    """What the renderer includes; everything by default.

    Attributes:
        yaw_deviation: standard deviation of the head's yaw, degrees.
        expressions: faces show expressions; otherwise all are neutral.
        worn: hair, beards, glasses, hats, masks, hands and clothes.
        anatomy: the pattern of warm and cold places of a face; otherwise the skin has one temperature.
        warm_orbit: the warm region around the eyes.
        curvature: ridges lose heat and hollows keep it.
        emissivity: skin emits less at grazing angles, and glass reflects.
        scene: warm and cold things behind the head; otherwise the background is as warm as the air.
        optics: blur of the thermal lens, and low resolution of the sensor.
        noise: noise, stripes and dead pixels of the thermal sensor.
    """

    yaw_deviation: float = 24
    expressions: bool = True
    worn: bool = True
    anatomy: bool = True
    warm_orbit: bool = True
    curvature: bool = True
    emissivity: bool = True
    scene: bool = True
    optics: bool = True
    noise: bool = True
