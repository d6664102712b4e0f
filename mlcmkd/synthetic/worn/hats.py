"""Hats: a dome over the skull with a brim, a cuff, or a scarf around the face."""

from collections.abc import Callable

import numpy as np

from mlcmkd.synthetic.noise import draw_waves
from mlcmkd.synthetic.part import Part, Worn
from mlcmkd.synthetic.sizes import ClothSize
from mlcmkd.synthetic.styling import Styling
from mlcmkd.synthetic.worn.follow import follows_head
from mlcmkd.synthetic.worn.mesh import Mesh, grid, merge
from mlcmkd.synthetic.worn.sheet import CENTRE, Sheet, angles, directions

_COLUMNS = 40


def hat_parts(sheet: Sheet, styling: Styling) -> list[Part]:
    """A hat of material HAT, or nothing; its places are its vertices.

    Args:
        sheet: the person's skin.
        styling: its `hat` and `cloth_size` are used.
    """
    size = styling.cloth_size
    if styling.hat == "none":
        return []
    if styling.hat == "headscarf":  # lies on neck and shoulders as well
        mesh = _headscarf(sheet, size)
        return [mesh.part(Worn.HAT, follows_head(mesh.vertices))]
    mesh = {"cap": _cap, "beanie": _beanie, "helmet": _helmet}[styling.hat](sheet, size)
    return [mesh.part(Worn.HAT)]


def hat_cover(styling: Styling) -> Callable[[np.ndarray], np.ndarray] | None:
    """A function of places (N, 3) on the mean head, positive under the hat; None without a hat."""
    if styling.hat == "none":
        return None
    if styling.hat == "headscarf":
        return lambda places: np.ones(len(places), np.float32)

    def above(places: np.ndarray) -> np.ndarray:
        longitude, latitude = angles(places)
        return (latitude - _border(longitude, styling.cloth_size, styling.hat)) / 40

    return above


def _front(size: ClothSize) -> float:
    """Latitude of the lower border of a hat at the forehead, degrees."""
    return np.rad2deg(np.arctan2(size.hat_line - CENTRE[1], 1.48))


def _around() -> np.ndarray:
    """Longitudes (C,) of the columns of a hat, degrees."""
    return np.linspace(-180, 180, _COLUMNS, endpoint=False)


def _border(longitude: np.ndarray, size: ClothSize, hat: str) -> np.ndarray:
    """Latitude of the lower border of a hat at longitudes, degrees."""
    front = _front(size)
    side, back = {"cap": (11, -4), "beanie": (6, -14), "helmet": (6, -8)}[hat]
    turn = np.deg2rad(longitude)
    # Front, sides and back by a cosine series of two terms.
    even = (front + back) / 2
    return (
        (even + side) / 2 + (front - back) / 2 * np.cos(turn) + (even - side) / 2 * np.cos(2 * turn)
    )


def _dome(sheet: Sheet, size: ClothSize, hat: str, shares, heights) -> np.ndarray:
    """Points (R, C, 3) of rows between a hat's border (share 0) and the crown (share 1)."""
    longitude = _around()[None]
    border = _border(longitude, size, hat)
    share = np.asarray(shares, np.float32)[:, None]
    latitude = border + share * (90 - border)
    return sheet.at(longitude + 0 * latitude, latitude, np.asarray(heights, np.float32)[:, None])


def _cap(sheet: Sheet, size: ClothSize) -> Mesh:
    tall = size.hat_height
    dome = _dome(
        sheet, size, "cap", (0, 0, 0.1, 0.3, 0.55, 0.8, 1),
        (0.02, 0.05, 0.06 + 0.2 * tall, 0.05 + 0.7 * tall, 0.05 + tall, 0.04 + 0.8 * tall,
         0.03 + 0.7 * tall),
    )  # fmt: skip
    return merge([grid(dome, closed=True), _brim(sheet, size)])


def _brim(sheet: Sheet, size: ClothSize) -> Mesh:
    """The brim of a cap: it bends down at its sides."""
    across = np.linspace(-1, 1, 15, dtype=np.float32)
    longitude = across * 52 + size.hat_turn
    begin = sheet.at(longitude, _border(longitude, size, "cap") + 1.5, 0.04)
    ahead = directions(np.array([size.hat_turn]), np.array([0.0]))[0]
    length = size.brim * np.sqrt(np.clip(1 - 0.9 * across**2, 0, 1))
    rows = []
    for share, drop in ((0, 0.03), (0, 0), (0.35, 0.0), (0.7, 0.0), (1, 0.0), (0.98, 0.04)):
        row = begin + (share * length)[:, None] * ahead
        row[:, 1] -= 0.22 * share * size.brim + 0.16 * across**2 * share + drop
        rows.append(row)
    return grid(np.stack(rows))


def _beanie(sheet: Sheet, size: ClothSize) -> Mesh:
    tall = 0.5 * size.hat_height
    dome = _dome(
        sheet, size, "beanie", (0.0, 0.0, 0.04, 0.2, 0.27, 0.29, 0.45, 0.7, 0.9, 1),
        (0.02, 0.09, 0.13, 0.14, 0.12, 0.07, 0.08 + 0.4 * tall, 0.08 + tall, 0.1 + 2 * tall,
         0.12 + 2 * tall),
    )  # fmt: skip
    knitted = 0.012 * np.cos(np.arange(_COLUMNS) * np.pi)[None, :, None]
    outward = dome - CENTRE
    folds = draw_waves(np.random.default_rng(size.seed), 2, 6, 6).at(dome.reshape(-1, 3))
    factor = 1 + knitted + 0.012 * folds.reshape(dome.shape[:2])[..., None]
    return grid(CENTRE + outward * factor, closed=True)


def _helmet(sheet: Sheet, size: ClothSize) -> Mesh:
    tall = 0.2 + 0.5 * size.hat_height
    heights = (0.2, 0.08, 0.12, tall, 1.1 * tall, 1.15 * tall, 1.15 * tall)
    dome = _dome(sheet, size, "helmet", (-0.02, 0.02, 0.1, 0.35, 0.6, 0.8, 1), heights)
    # A shell is rounder than a skull: take each row halfway to its mean distance.
    offsets = dome - CENTRE
    distance = np.linalg.norm(offsets, axis=-1, keepdims=True)
    rounder = np.maximum(distance, 0.4 * distance.mean(axis=1, keepdims=True) + 0.6 * distance)
    dome = CENTRE + offsets / distance * rounder
    ahead = np.clip(np.cos(np.deg2rad(_around())), 0, 1)
    dome[0, :, 2] += 0.35 * ahead**2
    return grid(dome, closed=True)


def _headscarf(sheet: Sheet, size: ClothSize) -> Mesh:
    """A scarf over the hair and around face and neck, down to the shoulders."""
    around = np.linspace(0, 360, _COLUMNS, endpoint=False)  # 0 is up, 90 the viewer's right
    turn = np.deg2rad(around)
    top = _front(size) + 4
    opening = np.interp(
        around, (0, 45, 90, 135, 180, 225, 270, 315, 360),
        (top, 40, 54, 56, 61, 56, 54, 40, top),
    )  # fmt: skip
    rows = []
    for share, height in ((0, 0.02), (0, 0.08), (0.08, 0.1), (0.25, 0.12), (0.5, 0.14), (0.8, 0.15),
                          (1, 0.15)):  # fmt: skip
        polar = np.deg2rad(opening + share * (175 - opening))
        direction = np.stack(
            (np.sin(polar) * np.sin(turn), np.sin(polar) * np.cos(turn), np.cos(polar)), axis=1
        ).astype(np.float32)
        # Near straight down there is the neck, which the scarf's drape covers.
        radius = np.minimum(sheet.radius(direction), 2.2)
        rows.append(CENTRE + direction * (radius + height)[:, None])
    hood = grid(np.stack(rows), closed=True)
    folds = draw_waves(np.random.default_rng(size.seed), 3, 8, 8)
    drape = []
    for y, wide, deep, middle in ((-1.36, 1.04, 0.8, -1.07), (-1.89, 1.0, 0.9, -1.22),
                                  (-2.26, 1.22, 1.11, -1.38), (-2.68, 1.85, 1.32, -1.6),
                                  (-3.2, 2.75, 1.48, -1.75)):  # fmt: skip
        ring = np.stack((wide * np.sin(turn), y + 0 * turn, middle + deep * np.cos(turn)), axis=1)
        wave = folds.at(np.stack((ring[:, 0], 0.4 * ring[:, 1], ring[:, 2]), 1).astype(np.float32))
        drape.append(
            ring + 0.05 * wave[:, None] * np.stack((np.sin(turn), 0 * turn, np.cos(turn)), 1)
        )
    return merge([hood, grid(np.stack(drape), closed=True)])
