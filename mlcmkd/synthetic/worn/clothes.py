"""Clothes on shoulders and neck: a copy of the body's skin, moved outwards and cut at the collar."""

from functools import lru_cache

import numpy as np

from mlcmkd.synthetic.head.basis import Material, load_head
from mlcmkd.synthetic.noise import draw_waves
from mlcmkd.synthetic.part import Part, Worn
from mlcmkd.synthetic.rasterise import vertex_normals
from mlcmkd.synthetic.sizes import ClothSize
from mlcmkd.synthetic.styling import Styling
from mlcmkd.synthetic.worn.follow import follows_head
from mlcmkd.synthetic.worn.mesh import Mesh, clip, tube


def clothes_parts(vertices: np.ndarray, styling: Styling) -> list[Part]:
    """Clothes of material CLOTH, or nothing; their places are coordinates on the mean head.

    Args:
        vertices: (V, 3) the person's head.
        styling: its `collar` and `cloth_size` are used.
    """
    if styling.collar == "none":
        return []
    size = styling.cloth_size
    used, triangles = _trunk()
    skin, places = vertices[used], load_head().mean[used]
    normals = vertex_normals(skin, triangles)
    depth = _below_collar(places, styling.collar, size.collar_height)
    folds = draw_waves(np.random.default_rng(size.seed), 2, 7, 8).at(places)
    away = size.collar_width + (0.01 + 0.01 * np.clip(folds, -1, 2)) * np.clip(depth / 0.5, 0, 1)
    parts = [_layer(Mesh(skin + normals * away[:, None], triangles), depth, places)]
    if styling.collar == "shirt":
        band, fold = _shirt_collar(places, size.collar_height)
        away = 0.05 + size.collar_width + 0.35 * np.clip(fold, 0, 0.4)
        parts.append(_layer(Mesh(skin + normals * away[:, None], triangles), band, places))
    if styling.collar == "hoodie":
        parts.append(_hood(skin, places, size))
    return parts


@lru_cache(maxsize=1)
def _trunk() -> tuple[np.ndarray, np.ndarray]:
    """Vertices of neck and shoulders, and their triangles, numbered among these."""
    head = load_head()
    low = head.mean[head.triangles][..., 1].max(axis=1) < -1.6
    body = np.isin(head.materials, (Material.SKIN, Material.BODY))
    used, triangles = np.unique(head.triangles[low & body], return_inverse=True)
    return used, triangles.reshape(-1, 3).astype(np.int32)


def _below_collar(places: np.ndarray, collar: str, lift: float) -> np.ndarray:
    """How far places (N, 3) on the mean head lie below the collar's line, head units."""
    x, y, z = np.abs(places[:, 0]), places[:, 1], places[:, 2]
    heights = {
        "round": (-2.15, -2.28, -2.63),
        "v": (-2.13, -2.28, -2.58),
        "shirt": (-1.89, -2.04, -2.31),
        "turtleneck": (-1.62, -1.83, -2.04),
        "hoodie": (-2.04, -2.2, -2.47),
    }[collar]
    line = np.interp(z, (-2.39, -1.54, -0.59), heights) + lift
    if collar in ("v", "shirt"):
        depth = 3.35 if collar == "v" else 2.8
        cut = np.where(z > -1.44, -depth + 1.5 * x, 0)
        line = np.minimum(line, cut)
    return (line - y).astype(np.float32)


def _shirt_collar(places: np.ndarray, lift: float) -> tuple[np.ndarray, np.ndarray]:
    """Where the folded collar of a shirt is (positive), and the distance below its fold."""
    x, y, z = np.abs(places[:, 0]), places[:, 1], places[:, 2]
    fold = np.interp(z, (-2.39, -1.54, -0.59), (-1.83, -1.99, -2.24)) + lift - y
    deep = np.interp(z, (-2.39, -1.12, -0.59), (0.4, 0.45, 0.62))
    open_front = np.where(z > -1.44, x - (2.36 + y) * 0.3 - 0.12 - 0.25 * fold, 1)
    return np.minimum.reduce((fold, deep - fold, open_front)).astype(np.float32), fold


def _layer(mesh: Mesh, keep: np.ndarray, places: np.ndarray) -> Part:
    """The part of a layer of cloth where `keep` is positive."""
    kept, (its_places,) = clip(mesh, keep, places)
    return kept.part(Worn.CLOTH, follows_head(its_places), its_places)


def _hood(skin: np.ndarray, places: np.ndarray, size: ClothSize) -> Part:
    """The hood that lies behind the neck."""
    turn = np.deg2rad(np.linspace(-150, 150, 17))
    shift = (skin - places).mean(axis=0)
    back = np.cos(turn / 2) ** 2  # 1 behind the neck, 0 in front
    path = np.stack((1.19 * np.sin(turn), -2.63 + 0.58 * back, -1.44 - 1.0 * np.cos(turn)), axis=1)
    radii = 0.1 + 0.24 * back
    radii[[0, -1]] = 0.02
    mesh = tube(path + shift, radii + 0.5 * size.collar_width, 10)
    return mesh.part(Worn.CLOTH, follows_head(mesh.vertices))
