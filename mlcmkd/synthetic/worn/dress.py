"""The bodies of a scene: the head and everything worn on it or held in front of it."""

from functools import lru_cache

import numpy as np

from mlcmkd.synthetic.head.basis import Material, load_head
from mlcmkd.synthetic.part import Part
from mlcmkd.synthetic.styling import Styling
from mlcmkd.synthetic.worn.beard import beard_parts
from mlcmkd.synthetic.worn.clothes import clothes_parts
from mlcmkd.synthetic.worn.follow import follows_head
from mlcmkd.synthetic.worn.glasses import glasses_parts
from mlcmkd.synthetic.worn.hair import hair_parts
from mlcmkd.synthetic.worn.hands import hand_parts
from mlcmkd.synthetic.worn.hats import hat_cover, hat_parts
from mlcmkd.synthetic.worn.masks import mask_parts
from mlcmkd.synthetic.worn.sheet import CENTRE, Sheet, head_sheet


def head_part(vertices: np.ndarray) -> Part:
    """The head itself, with vertices (V, 3), as a part of the scene."""
    head = load_head()
    return Part(vertices, head.triangles, head.materials, head.mean, follows_head(head.mean))


@lru_cache(maxsize=1)
def _ear_vertices() -> np.ndarray:
    """Numbers of the vertices of the ears."""
    head = load_head()
    return np.unique(head.triangles[head.materials == Material.EAR])


def _flat_ears(vertices: np.ndarray, sheet: Sheet) -> np.ndarray:
    """The head with its ears close to the skull, as cloth and long hair press them."""
    ears = _ear_vertices()
    pressed = vertices.copy()
    height = np.maximum(sheet.height(vertices[ears]), 0)
    offsets = vertices[ears] - CENTRE
    distance = np.linalg.norm(offsets, axis=1)
    pressed[ears] = CENTRE + offsets * (1 - 0.7 * height / distance)[:, None]
    return pressed


def dress(vertices: np.ndarray, styling: Styling) -> list[Part]:
    """A person's head and everything that the person wears or holds.

    Args:
        vertices: (V, 3) float32, the person's head in head coordinates.
        styling: what is worn.

    Returns:
        The head first, then the other bodies, all in head coordinates.
    """
    sheet = head_sheet(vertices)
    covered = styling.hat == "headscarf" or styling.hair == "long"
    return [
        head_part(_flat_ears(vertices, sheet) if covered else vertices),
        *hair_parts(vertices, sheet, styling, hat_cover(styling)),
        *beard_parts(vertices, sheet, styling),
        *clothes_parts(vertices, styling),
        *hat_parts(sheet, styling),
        *mask_parts(vertices, sheet, styling),
        *glasses_parts(vertices, sheet, styling),
        *hand_parts(vertices, sheet, styling),
    ]
