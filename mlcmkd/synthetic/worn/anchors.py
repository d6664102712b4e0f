"""Named places on the mean head, to which things that are worn are fitted on a person's head."""

from functools import lru_cache

import numpy as np

from mlcmkd.synthetic.head.basis import Material, load_head

# Positions on the mean head with x >= 0; the mirrored ones belong to the other side.
_POSITIONS = {
    "sellion": (0, 0.03, 0.24),  # the root of the nose
    "nose ridge": (0, -0.3, 0.38),
    "nose tip": (0, -0.58, 0.55),
    "chin": (0, -1.5, 0.2),
    "chin below": (0, -1.74, -0.1),
    "mouth corner": (0.4, -1.1, 0.17),
    "cheek": (0.6, -0.5, 0.1),
    "cheekbone": (0.9, -0.4, -0.35),
    "jaw": (0.85, -1.1, -0.6),
    "jaw angle": (0.98, -1.05, -0.8),
    "temple": (0.98, 0.3, -0.45),
    "ear top": (1.13, 0.08, -1.05),
    "ear bottom": (1.08, -0.75, -1.0),
    "forehead": (0, 0.9, 0.2),
}


@lru_cache(maxsize=1)
def _vertices() -> dict[str, int]:
    """The vertex of skin that is nearest to each place."""
    head = load_head()
    skin = np.unique(head.triangles[head.materials == Material.SKIN])
    return {
        name: int(skin[np.linalg.norm(head.mean[skin] - place, axis=1).argmin()])
        for name, place in _POSITIONS.items()
    }


def anchor(vertices: np.ndarray, name: str, side: int = 1) -> np.ndarray:
    """Position (3,) of a named place on a person's head.

    Args:
        vertices: (V, 3) of the head.
        name: of the place.
        side: -1 for the place at the left of the image, 1 at the right.
    """
    vertex = _vertices()[name]
    return vertices[vertex if side > 0 else load_head().mirror[vertex]]
