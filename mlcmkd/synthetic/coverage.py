"""How much hair, brow, beard, lip and cloth covers the head's surface at each visible pixel."""

from dataclasses import dataclass

import numpy as np

from mlcmkd.synthetic.head.basis import Material
from mlcmkd.synthetic.scene import Scene
from mlcmkd.synthetic.styling import Styling


@dataclass(frozen=True)
class Coverage:
    """Shares of cover at the pixels of `Scene.solid`, each (M,) float32 from 0 to 1.

    Attributes:
        scalp: short hair on the skin of the scalp, and the roots of longer hair.
        brow, beard, lashes: hair of the face.
        lips: red of the lips, soft at its border.
        strands: about zero mean and unit deviation, streaks along the hair, for the brightness of
            hair (material HAIR), scalp, brows and beard.
    """

    scalp: np.ndarray
    brow: np.ndarray
    beard: np.ndarray
    lashes: np.ndarray
    lips: np.ndarray
    strands: np.ndarray


def cover(scene: Scene, styling: Styling) -> Coverage:
    """The cover of the head's surface in a scene."""
    nothing = np.zeros(len(scene.solid), np.float32)
    lips = (scene.solid.materials == Material.LIPS).astype(np.float32)
    return Coverage(nothing, nothing, nothing, nothing, lips, nothing)
