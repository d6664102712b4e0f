"""Emissivity of what the camera sees, by material and by angle."""

import numpy as np

from mlcmkd.synthetic.part import Worn
from mlcmkd.synthetic.surface import Surface
from mlcmkd.synthetic.thermal import emissivity
from mlcmkd.synthetic.thermal.covers import CoverLook

_MATT = 0.95  # emissivity of hair and cloth, whatever the direction


def emissivities(solid: Surface, look: CoverLook) -> np.ndarray:
    """Emissivity towards the camera at the pixels of the visible surface, (M,) float32."""
    index = emissivity.index_from_emissivity(look.skin_emissivity)
    cosine = np.maximum(solid.normals[:, 2], np.float32(look.roughness))
    emitted = emissivity.directional_emissivity(cosine, np.float32(index))
    # Everything but skin is rough and emits alike in all directions.
    rough = (solid.materials >= Worn.HAIR) & (solid.materials != Worn.HAND)
    np.copyto(emitted, _MATT, where=rough)
    np.copyto(emitted, look.frame_emissivity, where=solid.materials == Worn.FRAME)
    return emitted


def lens_emissivities(lens: Surface, look: CoverLook) -> np.ndarray:
    """Emissivity of the lenses towards the camera, (M,) float32."""
    index = emissivity.index_from_emissivity(look.lens_emissivity)
    cosine = np.maximum(lens.normals[:, 2], 0.05)
    return emissivity.directional_emissivity(cosine, np.float32(index))
