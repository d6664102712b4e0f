"""Masks over nose and mouth: a grid on the lower face, stretched over its hollows."""

import numpy as np

from mlcmkd.synthetic.noise import draw_waves
from mlcmkd.synthetic.part import Part, Worn
from mlcmkd.synthetic.sizes import ClothSize
from mlcmkd.synthetic.styling import Styling
from mlcmkd.synthetic.worn.anchors import anchor
from mlcmkd.synthetic.worn.follow import follows_head
from mlcmkd.synthetic.worn.mesh import Mesh, grid, merge, tube
from mlcmkd.synthetic.worn.sheet import CENTRE, Sheet, angles, directions

_ROWS, _COLUMNS = 15, 25
_GAP = 0.05  # between mask and skin, head units
# Longitude of the ends of each mask, degrees; a scarf continues around the neck.
_ENDS = {"surgical": 62.0, "respirator": 52.0, "scarf": 125.0}


def mask_parts(vertices: np.ndarray, sheet: Sheet, styling: Styling) -> list[Part]:
    """A mask of material MASK, or nothing; its places are its vertices.

    Args:
        vertices: (V, 3) the person's head.
        sheet: the person's skin.
        styling: its `mask` and `cloth_size` are used.
    """
    if styling.mask == "none":
        return []
    size = styling.cloth_size
    points = _stretched(sheet.outer(), *_window(vertices, styling.mask, size), styling.mask)
    if styling.mask == "scarf":
        front, around = grid(_folded(points, size)), _wrap(vertices, size)
        # The turns around the neck move with the neck.
        follows = np.ones(len(front.vertices), np.float32), follows_head(around.vertices)
        return [merge([front, around]).part(Worn.MASK, np.concatenate(follows))]
    meshes = [grid(points)]
    for side, column in ((-1, 0), (1, -1)):
        meshes += _loops(points[[1, -2], column], vertices, sheet, side)
    return [merge(meshes).part(Worn.MASK)]


def _window(vertices: np.ndarray, mask: str, size: ClothSize) -> tuple[np.ndarray, np.ndarray]:
    """Longitude and latitude (rows, columns) of the grid, degrees, the top row first."""
    nose, cheek, chin, jaw, ear = (
        np.stack(angles(anchor(vertices, name)))
        for name in ("nose ridge", "cheekbone", "chin below", "jaw", "ear bottom")
    )
    lower = np.rad2deg(size.mask_top / 1.5)
    wide = _ENDS[mask]
    longitude = np.linspace(-wide, wide, _COLUMNS)
    at = np.abs(longitude)
    heights = (nose[1] + 2, nose[1] - 4, cheek[1] - 1, cheek[1] - 3, cheek[1] - 3)
    top = np.interp(at, (0, 12, cheek[0], ear[0], 125), heights) - lower
    bottom = np.interp(at, (0, 15, jaw[0], 75, 125), (chin[1] - 3, chin[1] - 3, jaw[1], -48, -48))
    if mask == "scarf":
        bottom = bottom - 9
    else:  # the ends of a mask are narrower than its middle
        end = np.clip((at - 0.6 * wide) / (0.4 * wide), 0, 1) ** 2
        bottom = bottom + end * 0.3 * (top - bottom)
    share = np.linspace(0, 1, _ROWS)[:, None]
    return np.broadcast_to(longitude, (_ROWS, _COLUMNS)), top + share * (bottom - top)


def _stretched(sheet: Sheet, longitude: np.ndarray, latitude: np.ndarray, mask: str) -> np.ndarray:
    """Points (rows, columns, 3) of a cloth that is stretched over the skin.

    A taut cloth is straight where it does not touch the skin. On a straight line the inverse of the
    distance from a centre is about linear in the angle, so the inverse distance becomes the mean of its
    neighbours wherever that lies outside the skin.
    """
    direction = directions(longitude, latitude)
    skin = sheet.radius(direction) + _GAP
    inverse = 1 / skin
    taut = inverse.copy()
    for _ in range(14):
        inner = taut[1:-1]
        sides = (taut[1:-1, :-2] + taut[1:-1, 2:]) / 2
        upright = (taut[:-2] + taut[2:]) / 2
        inner[:, 1:-1] = np.minimum(inverse[1:-1, 1:-1], 0.25 * sides + 0.75 * upright[:, 1:-1])
    radius = 1 / taut
    if mask == "respirator":
        across = np.abs(longitude) / np.abs(longitude).max()
        down = np.linspace(-1, 1, _ROWS)[:, None]
        radius = radius + 0.22 * np.sqrt(np.clip((1 - across**2) * (1 - down**2), 0, 1))
    return CENTRE + direction * radius[..., None].astype(np.float32)


def _folded(points: np.ndarray, size: ClothSize) -> np.ndarray:
    """The points with folds across, for a scarf."""
    waves = draw_waves(np.random.default_rng(size.seed), 5, 12, 8)
    flat = points.reshape(-1, 3) * np.array([0.4, 1, 0.4], np.float32)
    wave = waves.at(flat.astype(np.float32)).reshape(points.shape[:2])
    outward = points - CENTRE
    outward = outward / np.linalg.norm(outward, axis=-1, keepdims=True)
    return points + outward * (0.06 + 0.03 * np.maximum(wave, -1.5))[..., None]


def _wrap(vertices: np.ndarray, size: ClothSize) -> Mesh:
    """A scarf's turns around the neck."""
    turn = np.linspace(0, 2 * np.pi, 25)
    waves = draw_waves(np.random.default_rng(size.seed + 1), 2, 5, 6)
    low = anchor(vertices, "chin below")[1]
    rings = []
    for share in np.linspace(-0.5 * np.pi, 0.6 * np.pi, 7):
        wide = 1.08 + 0.34 * np.cos(share)
        y = low - 0.27 - 0.42 * np.sin(share)
        ring = np.stack(
            (wide * np.sin(turn), y - 0.12 * np.cos(turn), -1.28 + wide * np.cos(turn)), axis=1
        ).astype(np.float32)
        ring *= 1 + 0.03 * waves.at(ring)[:, None]
        rings.append(ring)
    return grid(np.stack(rings))


def _loops(corners: np.ndarray, vertices: np.ndarray, sheet: Sheet, side: int) -> list[Mesh]:
    """The bands from the mask's ends to the ear."""
    shares = np.linspace(0, 1, 5, dtype=np.float32)[:, None]
    bands = []
    for corner, name in zip(corners, ("ear top", "ear bottom"), strict=True):
        end = anchor(vertices, name, side) + np.array([0.05 * side, 0, -0.15], np.float32)
        path = sheet.push_out(corner * (1 - shares) + end * shares, 0.02)
        bands.append(tube(path, 0.022, 4))
    return bands
