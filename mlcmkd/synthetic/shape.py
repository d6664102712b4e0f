"""Geometry of one person in one picture: identity, expression, gaze and pose."""

from dataclasses import dataclass

import numpy as np

from mlcmkd.synthetic.expression import draw_expression
from mlcmkd.synthetic.head.basis import load_head
from mlcmkd.synthetic.realism import Realism
from mlcmkd.synthetic.view import Pose, draw_pose


@dataclass(frozen=True)
class Shape:
    """Parameters of the geometry.

    Attributes:
        identity: (K,) amounts of the head's identity modes, standard deviations.
        stretch: (2,) factors of width and height.
        kind: kind of the expression, one of `expression.KINDS`.
        expression: (52,) amounts of the facial actions.
        gaze: (2,) direction of the eyes in the head, degrees to the viewer's right and up.
        pose: pose and framing.
    """

    identity: np.ndarray
    stretch: tuple[float, float]
    kind: str
    expression: np.ndarray
    gaze: tuple[float, float]
    pose: Pose

    def vertices(self) -> np.ndarray:
        """The mesh (V, 3) float32 in head coordinates, before the head is turned."""
        plain = load_head().vertices(self.identity, self.expression)
        return plain * np.array([*self.stretch, 1], np.float32)


def draw_shape(
    of_identity: np.random.Generator,
    of_sample: np.random.Generator,
    realism: Realism = Realism(),  # noqa: B008 (frozen)
) -> Shape:
    """Random geometry: the head's form from the identity, expression and pose from the sample."""
    head = load_head()
    identity = np.clip(of_identity.standard_normal(len(head.modes)), -2.5, 2.5).astype(np.float32)
    stretch = tuple((1 + 0.045 * of_identity.standard_normal(2)).tolist())
    kind, expression = draw_expression(of_sample)
    gaze = (float(np.clip(of_sample.normal(0, 10), -25, 25)), float(of_sample.normal(0, 5)))
    pose = draw_pose(of_sample, realism.yaw_deviation)
    if not realism.expressions:
        kind, expression = "neutral", np.zeros_like(expression)
    # The lids follow the eyes when these turn down or up.
    lids = head.expression(
        eyeLookDownLeft=max(0, -gaze[1]) / 30, eyeLookDownRight=max(0, -gaze[1]) / 30,
        eyeLookUpLeft=max(0, gaze[1]) / 30, eyeLookUpRight=max(0, gaze[1]) / 30,
    )  # fmt: skip
    return Shape(identity, stretch, kind, expression + lids, gaze, pose)
