"""Named places on the mean head, to which things that are worn are fitted on a person's head."""

from functools import lru_cache

import numpy as np

from mlcmkd.synthetic.head.basis import Material, load_head

# Positions on the mean head with x >= 0; the mirrored ones belong to the other side.
_POSITIONS = {
    "sellion": (0, 0, 0.41),  # the root of the nose
    "nose ridge": (0, -0.35, 0.56),
    "chin below": (0, -1.88, 0.05),
    "mouth corner": (0.4, -1.15, 0.33),
    "cheekbone": (0.95, -0.46, -0.22),
    "jaw": (0.9, -1.2, -0.48),
    "temple": (1.04, 0.29, -0.32),
    "ear top": (1.2, 0.05, -0.96),
    "ear bottom": (1.14, -0.83, -0.91),
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
