"""Breath: air of the body's temperature flows out of nose and mouth, air of the room flows in."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mlcmkd.synthetic.head.basis import load_head
from mlcmkd.synthetic.scene import Scene
from mlcmkd.synthetic.view import turn
from mlcmkd.synthetic.worn.dress import follows_head

_OUTLET = (0.0, -0.80, 0.58)  # between the nostrils of the mean head
_DOWN = (0.0, -0.94, 0.34)  # direction in which breath leaves, head coordinates


@dataclass(frozen=True)
class BreathLook:
    """Parameters of the breath.

    Attributes:
        flow: 1 for the strongest breath out, -1 for the strongest breath in, 0 between.
        nostrils: how much a flow of 1 warms the rims of the nostrils, degrees C.
        plume: how much the plume of breath adds in front of a cold background, degrees C.
        length: of the plume, head units.
    """

    flow: float
    nostrils: float
    plume: float
    length: float


def draw_breath(of_sample: np.random.Generator) -> BreathLook:
    """A random moment of breathing."""
    uniform = of_sample.uniform
    return BreathLook(
        flow=float(np.sin(uniform(0, 2 * np.pi))),
        nostrils=float(uniform(0.3, 2.4)),
        plume=float(uniform(0, 0.4) if of_sample.random() < 0.5 else 0),
        length=float(uniform(0.3, 0.9)),
    )


def outlet(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """Where breath leaves the head and its direction, two (3,) in camera axes."""
    nearest = _outlet_vertex()
    chosen = slice(nearest, nearest + 1)
    follows = follows_head(load_head().mean[chosen])
    place = turn(scene.vertices[chosen], follows, scene.shape.pose)[0]
    return place, scene.rotation @ np.array(_DOWN, np.float32)


@lru_cache(maxsize=1)
def _outlet_vertex() -> int:
    """The vertex of the head that is nearest to the outlet."""
    return int(np.argmin(((load_head().mean - np.array(_OUTLET)) ** 2).sum(axis=1)))


def add_plume(apparent: np.ndarray, scene: Scene, look: BreathLook, warmth: float) -> None:
    """Adds the faint plume of a breath out to a picture, in place.

    Args:
        apparent: (S, S) degrees C.
        scene: the person.
        look: the breath.
        warmth: temperature of breath, degrees C; the plume never makes anything warmer than it.
    """
    strength = look.plume * look.flow
    if strength <= 0.01:
        return
    start, direction = outlet(scene)
    ends = np.stack((start + 0.1 * direction, start + look.length * direction))
    first, last = scene.camera.project(ends)[:, :2]
    middle, radius = (first + last) / 2, np.linalg.norm(last - first) / 2
    radius = max(radius, 0.15 * scene.camera.scale)
    reach = int(2 * radius) + 1
    left, top = np.maximum((middle - reach).astype(int), 0)
    right, bottom = np.minimum((middle + reach).astype(int) + 1, scene.camera.size)
    if right <= left or bottom <= top:
        return
    across = np.exp(-0.5 * ((np.arange(left, right) - middle[0]) / radius) ** 2)
    down = np.exp(-0.5 * ((np.arange(top, bottom) - middle[1]) / radius) ** 2)
    plume = (down[:, None] * across).astype(np.float32)
    window = apparent[top:bottom, left:right]
    window += strength * plume * np.clip((warmth - window) / 10, 0, 1)
