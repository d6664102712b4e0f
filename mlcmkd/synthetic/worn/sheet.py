"""The outside of a person's head as a distance in every direction, so that things can lie on it."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numba import njit
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from mlcmkd.synthetic.head.basis import Material, load_head
from mlcmkd.synthetic.rasterise import FAR, rasterise

# Inside the skull, from where all of the skin of face and skull can be seen.
CENTRE = np.array([0, 0.18, -1.12], np.float32)
_STEP = 4  # degrees between two directions
_COLUMNS, _ROWS, _BORDER = 360 // _STEP, 180 // _STEP, 3
_CELLS_PER_RADIAN = 180 / np.pi / _STEP


@dataclass(frozen=True)
class Sheet:
    """Distance of the skin from `CENTRE` by direction.

    Ears are cut off and the openings of eyes, mouth and neck are closed, so that the sheet has no
    holes.

    Attributes:
        radii: (rows, columns) float32, head units; rows go from straight up to straight down, columns
            once around the head, with a border that repeats the other end.
    """

    radii: np.ndarray

    def radius(self, offsets: np.ndarray) -> np.ndarray:
        """Distance of the skin in the directions of offsets (..., 3) from `CENTRE`; (...)."""
        flat = np.ascontiguousarray(offsets.reshape(-1, 3), np.float32)
        return _skin_radii(self.radii, flat).reshape(offsets.shape[:-1])

    def at(
        self, longitude: np.ndarray, latitude: np.ndarray, height: np.ndarray | float
    ) -> np.ndarray:
        """Points (..., 3) above the skin.

        Args:
            longitude, latitude: (...) direction from `CENTRE`, degrees; longitude 0 is the front and
                positive is the viewer's right, latitude positive is up.
            height: (...) above the skin, head units.
        """
        direction = directions(longitude, latitude)
        radius = self.radius(direction) + height
        return CENTRE + direction * np.asarray(radius, np.float32)[..., None]

    def push_out(self, points: np.ndarray, height: np.ndarray | float) -> np.ndarray:
        """Points (..., 3) moved away from `CENTRE` until they are `height` above the skin."""
        offsets = points - CENTRE
        distance = np.sqrt((offsets * offsets).sum(-1)) + np.float32(1e-9)
        factor = np.maximum((self.radius(offsets) + height) / distance, 1)
        return CENTRE + offsets * factor[..., None].astype(np.float32)

    def outer(self) -> "Sheet":
        """A sheet that also contains what lies between two directions, such as the tip of the nose."""
        return Sheet(cv2.dilate(self.radii, np.ones((3, 3), np.uint8)))

    def height(self, points: np.ndarray) -> np.ndarray:
        """Height (...) of points (..., 3) above the skin; negative inside."""
        offsets = points - CENTRE
        return np.sqrt((offsets * offsets).sum(-1)) - self.radius(offsets)


def directions(longitude: np.ndarray, latitude: np.ndarray) -> np.ndarray:
    """Unit vectors (..., 3) float32 of directions in degrees, see `Sheet.at`."""
    around, up = np.broadcast_arrays(np.deg2rad(longitude), np.deg2rad(latitude))
    flat = np.cos(up)
    return np.stack((np.sin(around) * flat, np.sin(up), np.cos(around) * flat), -1).astype(
        np.float32
    )


def angles(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Longitude and latitude (...) in degrees of points (..., 3), see `Sheet.at`."""
    offsets = points - CENTRE
    longitude = np.arctan2(offsets[..., 0], offsets[..., 2])
    latitude = np.arctan2(offsets[..., 1], np.hypot(offsets[..., 0], offsets[..., 2]))
    return np.rad2deg(longitude), np.rad2deg(latitude)


@njit(cache=True)
def skin_radius(radii, x, y, z):
    """Distance of the skin in the direction (x, y, z) from `CENTRE`; radii: `Sheet.radii`."""
    longitude, latitude = np.arctan2(x, z), np.arctan2(y, np.sqrt(x * x + z * z))
    column = longitude * _CELLS_PER_RADIAN + (_COLUMNS / 2 + _BORDER - 0.5)
    row = min(max(_ROWS / 2 - 0.5 - latitude * _CELLS_PER_RADIAN, 0.0), _ROWS - 1.001)
    left, top = int(column), int(row)
    right_share, low_share = column - left, row - top
    upper = radii[top, left] + right_share * (radii[top, left + 1] - radii[top, left])
    lower = radii[top + 1, left] + right_share * (radii[top + 1, left + 1] - radii[top + 1, left])
    return upper + low_share * (lower - upper)


@njit(cache=True)
def _skin_radii(radii, offsets):
    """`skin_radius` of offsets (N, 3) float32; (N,) float32."""
    found = np.empty(len(offsets), np.float32)
    for n in range(len(offsets)):
        found[n] = skin_radius(radii, offsets[n, 0], offsets[n, 1], offsets[n, 2])
    return found


def _cell(longitude: np.ndarray, latitude: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Column and row of directions in radians, as fractions."""
    column = (np.rad2deg(longitude) + 180) / _STEP + _BORDER - 0.5
    return column, (90 - np.rad2deg(latitude)) / _STEP - 0.5


def head_sheet(vertices: np.ndarray) -> Sheet:
    """The sheet of a person.

    Args:
        vertices: (V, 3) of the head, head coordinates.
    """
    used, triangles, caps = _closed_skin()
    centres = np.stack([vertices[cap].sum(axis=0) / len(cap) for cap in caps])
    offsets = np.concatenate((vertices[used], centres)) - CENTRE
    flat = np.hypot(offsets[:, 0], offsets[:, 2])
    column, row = _cell(np.arctan2(offsets[:, 0], offsets[:, 2]), np.arctan2(offsets[:, 1], flat))
    radius = np.hypot(flat, offsets[:, 1])
    points = np.stack((column, row, radius), axis=1).astype(np.float32)

    side = _COLUMNS + 2 * _BORDER
    one, two, three = points[triangles.T, 0]
    half = _COLUMNS / 2
    crossing = (np.abs(one - two) > half) | (np.abs(one - three) > half)
    # Triangles across the seam behind the head are drawn at both ends.
    behind = points[triangles[crossing]].reshape(-1, 3)
    right, left = behind.copy(), behind
    right[right[:, 0] < side / 2, 0] += _COLUMNS
    left[left[:, 0] > side / 2, 0] -= _COLUMNS
    corners = np.concatenate((points, right, left))
    extra = np.arange(len(points), len(corners), dtype=np.int32).reshape(-1, 3)
    drawn = np.concatenate((triangles[~crossing], extra))

    shown = np.full((_ROWS, side), -1, np.int32)
    depth = np.full((_ROWS, side), FAR, np.float32)
    rasterise(corners, drawn, shown, np.empty((_ROWS, side, 2), np.float32), depth)
    depth[:, :_BORDER] = depth[:, _COLUMNS : _COLUMNS + _BORDER]
    depth[:, -_BORDER:] = depth[:, _BORDER : 2 * _BORDER]
    return Sheet(_filled(depth))


def _filled(depth: np.ndarray) -> np.ndarray:
    """Empty cells, all close to the poles, get the mean of the next row towards the horizon."""
    empty = depth == FAR
    rows = np.flatnonzero(empty.any(axis=1))
    middle = len(depth) // 2
    for row in sorted(rows, key=lambda row: abs(row - middle)):
        depth[row, empty[row]] = depth[row + (1 if row < middle else -1)].mean()
    return depth


@lru_cache(maxsize=1)
def _closed_skin() -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, ...]]:
    """Vertices of skin and lips, triangles with the openings closed, and the border of each opening.

    The triangles number these vertices. The openings are closed by fans around new vertices, numbered
    after them, one for each opening.
    """
    head = load_head()
    skin = head.triangles[np.isin(head.materials, (Material.SKIN, Material.LIPS))]
    edges = np.concatenate((skin[:, [0, 1]], skin[:, [1, 2]], skin[:, [2, 0]]))
    _, first, count = np.unique(
        np.sort(edges, axis=1), axis=0, return_index=True, return_counts=True
    )
    border = edges[first[count == 1]]
    fans, caps = [], []
    for edge_numbers in _loops(border):
        fan = border[edge_numbers]
        new = np.full(len(fan), len(head.mean) + len(caps), np.int32)
        fans.append(np.column_stack((fan[:, 1], fan[:, 0], new)))
        caps.append(np.unique(fan))
    # The new vertices have the highest numbers, and so they come last here as well.
    used, triangles = np.unique(np.concatenate([skin, *fans]), return_inverse=True)
    triangles = triangles.reshape(-1, 3).astype(np.int32)
    return used[used < len(head.mean)], triangles, tuple(caps)


def _loops(edges: np.ndarray) -> list[np.ndarray]:
    """Numbers of the edges of each connected group."""
    count = edges.max() + 1
    graph = csr_matrix((np.ones(len(edges)), tuple(edges.T)), shape=(count, count))
    of_edge = connected_components(graph, directed=False)[1][edges[:, 0]]
    return [np.flatnonzero(of_edge == name) for name in np.unique(of_edge)]
