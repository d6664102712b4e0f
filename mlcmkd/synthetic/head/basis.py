"""The head as a linear basis: a mean mesh, identity modes and 52 expressions, from `head.npz`.

`scripts/bake_head.py` makes the file; `NOTICE` says where its shapes come from and their licences.

Head coordinates: x to the viewer's right, y up, z towards the viewer; the unit is the distance of the
eye centres of the mean head, the origin is midway between them. Triangles are counter-clockwise seen
from outside, so (b - a) x (c - a) points outwards.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from pathlib import Path

import numpy as np

from mlcmkd.utils.errors import InputError, suggestion

ASSET = Path(__file__).with_name("head.npz")
BLINKS = ("eyeBlinkRight", "eyeBlinkLeft")  # the person's own right eye is at the left of the image
_MOST_BLINK = 1.6  # of the full expression, for the widest eyes
_OVERLAP = 0.01  # of closed lids, head units


class Material(IntEnum):
    """What a triangle of the head is made of. Hair, glasses and clothes continue from 20."""

    SKIN = 0
    EAR = 1
    LIPS = 2
    EYE_SOCKET = 3  # lining between the lids and the eyeball
    EYE = 4
    MOUTH = 5  # lining of the mouth
    TONGUE = 6
    TEETH = 7
    BODY = 8  # shoulders and chest


@dataclass(frozen=True)
class HeadBasis:
    """A linear model of the head: mean + identity @ modes + expression @ expressions.

    Only blinks are not linear: eyes are open to different degrees, so a blink is scaled to the person.

    Attributes:
        mean: (V, 3) float32, head units.
        modes: (K, V, 3) float32, the displacement by one standard deviation each, the largest first.
        mode_parity: (K,) float32, +1 for symmetric modes and -1 for antisymmetric ones: the mirrored
            head has the identity `mode_parity * identity`.
        expressions: (E, V, 3) float32, the displacement of the full expression.
        expression_names: their names after ARKit; Left and Right are the person's own.
        triangles: (T, 3) int32, counter-clockwise seen from outside.
        materials: (T,) int8, values of `Material`.
        mirror: (V,) int32, the vertex that mirroring at x = 0 exchanges with each vertex.
        occlusion: (V,) float32 from 0 (no light reaches the vertex) to 1 (nothing hides it), the
            ambient light on the mean head.
        eye_vertices: (2, M) int32, the vertices of the eyeballs, the one at the left of the image
            first; the second row is the mirror of the first.
        lid_vertices: (2, 2, L) int32, vertices on the rims of the lids: eye (the left of the image
            first), upper and lower lid, from the outer corner.
    """

    mean: np.ndarray
    modes: np.ndarray
    mode_parity: np.ndarray
    expressions: np.ndarray
    expression_names: tuple[str, ...]
    triangles: np.ndarray
    materials: np.ndarray
    mirror: np.ndarray
    occlusion: np.ndarray
    eye_vertices: np.ndarray
    lid_vertices: np.ndarray

    def vertices(self, identity: np.ndarray, expression: np.ndarray) -> np.ndarray:
        """The mesh of one head.

        Args:
            identity: (K,) in standard deviations, or fewer values for the first modes.
            expression: (E,) from 0 (none) to 1 (full), in the order of `expression_names`.

        Returns:
            (V, 3) float32, head units.

        Raises:
            InputError: wrong number of values.
        """
        identity = np.asarray(identity, np.float32)
        expression = np.asarray(expression, np.float32)
        if identity.ndim != 1 or len(identity) > len(self.modes):
            raise InputError(
                f"identity: shape {identity.shape}; give at most {len(self.modes)} values"
            )
        if expression.shape != (len(self.expressions),):
            raise InputError(
                f"expression: shape {expression.shape}; give {len(self.expressions)} values"
            )
        flat_modes = self.modes.reshape(len(self.modes), -1)[: len(identity)]
        shape = (self.mean.ravel() + identity @ flat_modes).reshape(-1, 3)
        blinks = [self.expression_names.index(name) for name in BLINKS]
        for index in np.flatnonzero(expression):  # most expressions are 0
            if index not in blinks:
                shape += expression[index] * self.expressions[index]
        for blink, lids in zip(blinks, self.lid_vertices, strict=True):
            if expression[blink]:
                closing = -_opening(self.expressions[blink], lids)
                full = np.clip((_opening(shape, lids) + _OVERLAP) / closing, 0, _MOST_BLINK)
                shape += expression[blink] * full * self.expressions[blink]
        return shape

    def expression(self, **amounts: float) -> np.ndarray:
        """The (E,) float32 vector of named expressions, e.g. `expression(jawOpen=0.5)`.

        Raises:
            InputError: an unknown name.
        """
        values = np.zeros(len(self.expression_names), np.float32)
        for name, amount in amounts.items():
            if name not in self.expression_names:
                raise InputError(
                    f"unknown expression '{name}'" + suggestion(name, self.expression_names)
                )
            values[self.expression_names.index(name)] = amount
        return values

    def eyes(self, vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Centres and radii of both eyeballs.

        Args:
            vertices: (V, 3), in any rotated frame.

        Returns:
            (2, 3) centres and (2,) radii, the eye at the left of the image first, in the unit of the
            vertices.
        """
        balls = vertices[self.eye_vertices]
        centres = balls.mean(1)
        radii = np.linalg.norm(balls - centres[:, None], axis=2).mean(1)
        return centres, radii


def _opening(shape: np.ndarray, lids: np.ndarray) -> np.float32:
    """Mean height of the upper lid above the lower one; also of their displacements."""
    return (shape[lids[0], 1] - shape[lids[1], 1]).mean()


def mirrored_expressions(names: Sequence[str]) -> np.ndarray:
    """(E,) int32: the index of the expression with Left and Right exchanged, or the same index."""
    swap = {name: name for name in names}
    for name in names:
        if name.endswith("Left"):
            other = name.removesuffix("Left") + "Right"
            swap[name], swap[other] = other, name
    return np.array([list(names).index(swap[name]) for name in names], np.int32)


@lru_cache(maxsize=1)
def load_head() -> HeadBasis:
    """The packaged head, read once per process."""
    with np.load(ASSET, allow_pickle=False) as stored:
        return head_from(stored)


def head_from(asset: Mapping[str, np.ndarray]) -> HeadBasis:
    """The head from the arrays of an asset."""
    return HeadBasis(
        mean=_floats(asset["mean"], asset["mean_scale"]),
        modes=_floats(asset["modes"], asset["modes_scale"][:, None, None]),
        mode_parity=asset["mode_parity"].astype(np.float32),
        expressions=_floats(asset["expressions"], asset["expressions_scale"][:, None, None]),
        expression_names=tuple(str(name) for name in asset["expression_names"]),
        triangles=asset["triangles"].astype(np.int32),
        materials=asset["materials"],
        mirror=asset["mirror"].astype(np.int32),
        occlusion=asset["occlusion"].astype(np.float32) / 255,
        eye_vertices=asset["eye_vertices"].astype(np.int32),
        lid_vertices=asset["lid_vertices"].astype(np.int32),
    )


def _floats(whole: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Integers times their step."""
    return whole.astype(np.float32) * scale.astype(np.float32)
