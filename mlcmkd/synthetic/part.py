"""The bodies that a scene is made of: the head and what a person wears or holds."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from mlcmkd.synthetic.head.basis import Material


class Worn(IntEnum):
    """Materials of everything but the head; they continue the numbers of `head.basis.Material`."""

    HAIR = 20
    LENS = 21
    FRAME = 22
    HAT = 23
    MASK = 24
    HAND = 25
    CLOTH = 26
    HELD = 27  # a phone or cup


class Occluder(IntEnum):
    """What hides a landmark from the camera."""

    NOTHING = 0
    HEAD = 1
    HAIR = 2
    GLASSES = 3
    CLOTH = 4
    HAND = 5


OCCLUDER_OF = {material: Occluder.HEAD for material in Material} | {
    Worn.HAIR: Occluder.HAIR,
    Worn.LENS: Occluder.GLASSES,
    Worn.FRAME: Occluder.GLASSES,
    Worn.HAT: Occluder.CLOTH,
    Worn.MASK: Occluder.CLOTH,
    Worn.CLOTH: Occluder.CLOTH,
    Worn.HAND: Occluder.HAND,
    Worn.HELD: Occluder.HAND,
}


@dataclass(frozen=True)
class Part:
    """One body in head coordinates, before the head is turned.

    Attributes:
        vertices: (N, 3) float32.
        triangles: (T, 3) int32.
        materials: (T,) int8, a `Material` or `Worn` value.
        places: (N, 3) float32, coordinates that its look refers to: the vertex on the mean head for
            the head, coordinates of its own for anything else (each accessory says which).
        follows: (N,) float32, how far a vertex follows the head's rotation: 1 with the head, 0 with
            the trunk.
    """

    vertices: np.ndarray
    triangles: np.ndarray
    materials: np.ndarray
    places: np.ndarray
    follows: np.ndarray


def join(parts: list[Part]) -> Part:
    """One part of several; vertices and triangles keep their order."""
    starts = np.cumsum([0] + [len(part.vertices) for part in parts[:-1]])
    return Part(
        vertices=np.concatenate([part.vertices for part in parts]).astype(np.float32),
        triangles=np.concatenate(
            [part.triangles + start for part, start in zip(parts, starts, strict=True)]
        ).astype(np.int32),
        materials=np.concatenate([part.materials for part in parts]).astype(np.int8),
        places=np.concatenate([part.places for part in parts]).astype(np.float32),
        follows=np.concatenate([part.follows for part in parts]).astype(np.float32),
    )
