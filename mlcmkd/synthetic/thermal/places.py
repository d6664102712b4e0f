"""Where on the head the warm and cold places of a face lie: smooth weights on the mean head."""

from functools import lru_cache

import numpy as np

from mlcmkd.synthetic.head.basis import Material, load_head
from mlcmkd.synthetic.smooth import Lobe

# Positions were read off the mean head; which places are warm or cold is in `physiology`.
LOBES = {
    "inner canthus": Lobe((0.32, -0.05, 0.20), (0.085, 0.085, 0.40)),
    "outer canthus": Lobe((0.72, -0.03, 0.10), (0.085, 0.085, 0.25)),
    "lids": Lobe((0.50, -0.02, 0.20), (0.25, 0.15, 0.40)),
    "supratrochlear": Lobe((0.17, 0.23, 0.44), (0.10, 0.16, 0.40)),
    "forehead": Lobe((0.00, 0.75, 0.36), (0.65, 0.35, 0.60), mirrored=False),
    "temple": Lobe((1.02, 0.17, -0.30), (0.22, 0.28, 0.30)),
    "bridge": Lobe((0.00, -0.27, 0.52), (0.12, 0.25, 0.25), mirrored=False),
    "nose side": Lobe((0.24, -0.30, 0.36), (0.09, 0.18, 0.20)),
    "nostril": Lobe((0.11, -0.74, 0.62), (0.055, 0.045, 0.12)),
    "cheek": Lobe((0.64, -0.62, 0.20), (0.30, 0.33, 0.45)),
    "cheekbone": Lobe((0.52, -0.45, 0.32), (0.19, 0.17, 0.45)),
    "nasolabial": Lobe((0.37, -0.85, 0.36), (0.09, 0.16, 0.40)),
    "midface": Lobe((0.00, -0.80, 0.57), (0.55, 0.30, 0.50), mirrored=False),
    "mouth": Lobe((0.00, -1.13, 0.50), (0.40, 0.22, 0.45), mirrored=False),
    "mouth corner": Lobe((0.43, -1.11, 0.34), (0.075, 0.075, 0.30)),
    "lower lip": Lobe((0.00, -1.24, 0.50), (0.17, 0.07, 0.20), mirrored=False),
    "chin": Lobe((0.00, -1.56, 0.38), (0.28, 0.20, 0.45), mirrored=False),
    "jaw": Lobe((0.90, -1.20, -0.35), (0.25, 0.25, 0.35)),
    "neck": Lobe((0.00, -2.20, -0.20), (0.70, 0.35, 0.60), mirrored=False),
    "ear canal": Lobe((1.18, -0.37, -1.10), (0.09, 0.10, 0.12)),
}


def _nose(points: np.ndarray) -> np.ndarray:
    """Tip and wings of the nose."""
    tip = Lobe((0, -0.57, 0.66), (0.19, 0.17, 0.25), mirrored=False).at(points)
    wings = Lobe((0.2, -0.64, 0.52), (0.10, 0.10, 0.20)).at(points)
    return np.minimum(tip + 0.8 * wings, 1.1)


def _orbit(points: np.ndarray) -> np.ndarray:
    """The orbit, an ellipse around the eye with a soft border, weaker at the outer canthus."""
    across, up = (np.abs(points[:, 0]) - 0.49) / 0.32, (points[:, 1] + 0.03) / 0.20
    radius = np.sqrt(across**2 + up**2)
    inside = 1 / (1 + np.exp(np.minimum((radius - 1) * 9, 30))) * (points[:, 2] > -0.3)
    return inside * (1 - 0.6 * LOBES["outer canthus"].at(points))


def vertices_of(*materials: Material) -> np.ndarray:
    """(V,) bool: vertices of the head all of whose triangles are of these materials."""
    head = load_head()
    chosen = np.isin(head.materials, materials)
    inside = np.zeros(len(head.mean), bool)
    inside[head.triangles[chosen]] = True
    inside[head.triangles[~chosen]] = False
    return inside


def _ear(points: np.ndarray) -> np.ndarray:
    return vertices_of(Material.EAR).astype(float)


def _scalp(points: np.ndarray) -> np.ndarray:
    """Top and back of the head."""
    above = points[:, 1] - 0.95 - 0.9 * np.clip(points[:, 2], -0.6, 0.4)
    return 1 / (1 + np.exp(-8 * above))


def _cornea(points: np.ndarray) -> np.ndarray:
    return vertices_of(Material.EYE).astype(float)


def _body(points: np.ndarray) -> np.ndarray:
    """Shoulders and chest."""
    return np.clip((-points[:, 1] - 2.35) / 0.4, 0, 1)


def _side(points: np.ndarray) -> np.ndarray:
    """From -1 to 1 across the face, for a difference of its sides."""
    return np.clip(points[:, 0], -1, 1)


_SHAPES = {
    "nose": _nose,
    "orbit": _orbit,
    "ear": _ear,
    "scalp": _scalp,
    "cornea": _cornea,
    "body": _body,
    "side": _side,
} | {name: lobe.at for name, lobe in LOBES.items()}

PLACES = tuple(_SHAPES)


@lru_cache(maxsize=1)
def place_weights() -> np.ndarray:
    """Weights of all PLACES at the vertices of the mean head, (len(PLACES), V) float32."""
    mean = load_head().mean.astype(np.float64)
    return np.stack([_SHAPES[name](mean) for name in PLACES]).astype(np.float32)
