"""The bodies that a scene is made of: the head and what a person wears or holds."""

from collections.abc import Sequence
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
    HEAD = 1  # the head itself, such as the nose in front of the far eye
    HAIR = 2
    GLASSES = 3
    CLOTH = 4  # hats, masks and clothes
    HAND = 5  # and what it holds


# The kind of occluder of each material.
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
        places: (N, 3) float32, coordinates for the patterns of its colour and temperature: the vertex on
            the mean head for the head; the functions that make other bodies say which theirs are.
        follows: (N,) float32, how far a vertex follows the head's rotation: 1 with the head, 0 with
            the trunk.
    """

    vertices: np.ndarray
    triangles: np.ndarray
    materials: np.ndarray
    places: np.ndarray
    follows: np.ndarray


def renumber(triangles: Sequence[np.ndarray], counts: Sequence[int]) -> np.ndarray:
    """Triangles of several bodies as indices of their concatenated vertices.

    Args:
        triangles: (T, 3) of each body, indices of its own vertices.
        counts: number of vertices of each body.

    Returns:
        (sum of T, 3) int32.
    """
    starts = np.cumsum([0, *counts[:-1]])
    return np.concatenate(
        [own + start for own, start in zip(triangles, starts, strict=True)]
    ).astype(np.int32)


def join(parts: Sequence[Part]) -> Part:
    """One part of several; vertices and triangles keep their order."""
    return Part(
        vertices=np.concatenate([part.vertices for part in parts]).astype(np.float32),
        triangles=renumber(
            [part.triangles for part in parts], [len(part.vertices) for part in parts]
        ),
        materials=np.concatenate([part.materials for part in parts]).astype(np.int8),
        places=np.concatenate([part.places for part in parts]).astype(np.float32),
        follows=np.concatenate([part.follows for part in parts]).astype(np.float32),
    )
