"""The bodies of a scene: the head and everything worn on it or held before it."""

import numpy as np

from mlcmkd.synthetic.head.basis import HeadBasis
from mlcmkd.synthetic.part import Part
from mlcmkd.synthetic.styling import Styling
from mlcmkd.synthetic.worn.follow import follows_head
from mlcmkd.synthetic.worn.glasses import glasses_parts
from mlcmkd.synthetic.worn.hair import hair_parts
from mlcmkd.synthetic.worn.sheet import head_sheet


def head_part(head: HeadBasis, vertices: np.ndarray) -> Part:
    """The head itself as a part of the scene."""
    return Part(vertices, head.triangles, head.materials, head.mean, follows_head(head.mean))


def dress(head: HeadBasis, vertices: np.ndarray, styling: Styling) -> list[Part]:
    """A person's head and everything that the person wears or holds.

    Args:
        head: the parametric head.
        vertices: (V, 3) float32, the person's head in head coordinates.
        styling: what is worn.

    Returns:
        The head first, then the other bodies, all in head coordinates.
    """
    sheet = head_sheet(vertices)
    parts = [head_part(head, vertices)]
    parts += hair_parts(head, vertices, sheet, styling)
    parts += glasses_parts(head, vertices, sheet, styling)
    return parts
