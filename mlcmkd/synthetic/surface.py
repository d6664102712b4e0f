"""What the camera sees: for every pixel the point of the nearest surface."""

from dataclasses import dataclass

import numpy as np

from mlcmkd.synthetic.part import Part
from mlcmkd.synthetic.rasterise import (
    FAR,
    blend_corners,
    covered_pixels,
    face_viewer,
    rasterise,
    vertex_normals,
)


@dataclass(frozen=True)
class Surface:
    """The visible surface of some bodies.

    All arrays but `depth` have a row for each of the M pixels that show a body.

    Attributes:
        size: side S of the canvas, pixels.
        pixels: (M,) int64, flat index of each pixel in the canvas (row * S + column).
        materials: (M,) int8, a `Material` or `Worn` value.
        places: (M, 3) float32, see `Part.places`.
        normals: (M, 3) float32, unit, camera axes; turned towards the viewer.
        positions: (M, 3) float32, camera axes, head units.
        depth: (S, S) float32, z of the surface, `FAR` where there is none.
        corners: (M, 3) int32, the three vertices around each pixel.
        weights: (M, 3) float32, their barycentric weights.
    """

    size: int
    pixels: np.ndarray
    materials: np.ndarray
    places: np.ndarray
    normals: np.ndarray
    positions: np.ndarray
    depth: np.ndarray
    corners: np.ndarray
    weights: np.ndarray

    def __len__(self) -> int:
        return len(self.pixels)

    def interpolate(self, values: np.ndarray) -> np.ndarray:
        """Interpolates values of vertices at the pixels.

        Args:
            values: (N,) or (N, C), one row for each vertex of the bodies, or for those of the first
                body (the head) only; pixels of other bodies then get 0.

        Returns:
            (M,) or (M, C) float32.
        """
        table = np.asarray(values, np.float32).reshape(len(values), -1)
        highest = int(self.corners.max(initial=0))
        if highest >= len(table):
            table = np.pad(table, ((0, highest + 1 - len(table)), (0, 0)))
        blended = blend_corners(self.corners, self.weights, np.ascontiguousarray(table))
        return blended[:, 0] if np.ndim(values) == 1 else blended

    def canvas(self, values: np.ndarray, background: np.ndarray | float = 0) -> np.ndarray:
        """Puts values (M,) or (M, C) of the pixels on a canvas (S, S) or (S, S, C), float32."""
        shape = (self.size * self.size, *values.shape[1:])
        whole = np.empty(shape, np.float32)
        whole[:] = np.reshape(background, shape) if np.ndim(background) > 1 else background
        whole[self.pixels] = values
        return whole.reshape(self.size, self.size, *values.shape[1:])

    def sample(self, canvas: np.ndarray) -> np.ndarray:
        """Reads a canvas (S, S) or (S, S, C) at the pixels; (M,) or (M, C)."""
        return canvas.reshape(self.size * self.size, *canvas.shape[2:])[self.pixels]


def see(
    body: Part,
    turned: np.ndarray,
    projected: np.ndarray,
    size: int,
    depth: np.ndarray | None = None,
    closed: int = 0,
) -> Surface:
    """The visible surface of a body.

    Args:
        body: one or several parts (`part.join`).
        turned: (N, 3) float32, its vertices in camera axes.
        projected: (N, 3) float32, its vertices in pixels, z in head units.
        size: side of the canvas, pixels.
        depth: (size, size) float32, depth of a surface in front of which the body must be; None for
            none.
        closed: number of the first triangles of the body, which are never seen from inside.
    """
    triangle = np.full((size, size), -1, np.int32)
    shares = np.zeros((size, size, 2), np.float32)
    buffer = np.full((size, size), FAR, np.float32) if depth is None else depth.copy()
    triangles = np.ascontiguousarray(body.triangles, np.int32)
    rasterise(
        np.ascontiguousarray(projected, np.float32), triangles, triangle, shares, buffer, closed
    )
    pixels, shown, corners, weights = covered_pixels(triangle, shares, triangles)
    turned = np.ascontiguousarray(turned, np.float32)
    normals = blend_corners(corners, weights, vertex_normals(turned, triangles))
    face_viewer(normals)
    return Surface(
        size=size,
        pixels=pixels,
        materials=body.materials[shown],
        places=blend_corners(corners, weights, body.places),
        normals=normals,
        positions=blend_corners(corners, weights, turned),
        depth=buffer,
        corners=corners,
        weights=weights,
    )
