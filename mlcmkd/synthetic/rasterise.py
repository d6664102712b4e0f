"""A z-buffer for triangle meshes, compiled by numba.

Most of the renderer is NumPy; such loops over triangles and pixels are compiled, because NumPy needs
ten times as long for them (benchmarks/rasteriser.py). No `fastmath`: it would let the compiler change
the order of sums, and so the pixels.
"""

import numpy as np
from numba import njit

FAR = np.float32(-1e9)  # depth of a pixel without a surface


@njit(cache=True)
def rasterise(points, triangles, triangle, weights, depth, closed=0):
    """Draws triangles into a z-buffer; surfaces that are already in it hide what is behind them.

    Args:
        points: (N, 3) float32; x and y in pixels with pixel centres at integers, y down; z towards
            the viewer, any unit.
        triangles: (T, 3) int32, indices of points; both sides are drawn, except for the first `closed`.
        triangle: (S, S) int32, index of the triangle that each pixel shows, changed in place.
        weights: (S, S, 2) float32, barycentric weights of its first two corners, changed in place.
        depth: (S, S) float32, z of the surface, `FAR` without one, changed in place.
        closed: the first `closed` triangles belong to closed bodies and are counter-clockwise seen
            from outside, so those that are seen from inside are left out.
    """
    height, width = depth.shape
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ax, ay, az = points[a, 0], points[a, 1], points[a, 2]
        bx, by, bz = points[b, 0], points[b, 1], points[b, 2]
        cx, cy, cz = points[c, 0], points[c, 1], points[c, 2]
        area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        if area == 0 or (t < closed and area > 0):
            continue
        left, right = max(0, int(np.ceil(min(ax, bx, cx)))), min(width - 1, int(max(ax, bx, cx)))
        top, bottom = max(0, int(np.ceil(min(ay, by, cy)))), min(height - 1, int(max(ay, by, cy)))
        scale = np.float32(1) / area
        for y in range(top, bottom + 1):
            for x in range(left, right + 1):
                wa = ((bx - x) * (cy - y) - (cx - x) * (by - y)) * scale
                wb = ((cx - x) * (ay - y) - (ax - x) * (cy - y)) * scale
                wc = 1 - wa - wb
                if wa >= 0 and wb >= 0 and wc >= 0:
                    z = wa * az + wb * bz + wc * cz
                    if z > depth[y, x]:
                        depth[y, x] = z
                        triangle[y, x] = t
                        weights[y, x, 0] = wa
                        weights[y, x, 1] = wb


@njit(cache=True)
def covered_pixels(triangle, weights, triangles):
    """Lists the pixels of a z-buffer that show a triangle.

    Args:
        triangle, weights: as filled by `rasterise`.
        triangles: (T, 3) int32.

    Returns:
        (M,) int64 flat indices of the pixels, (M,) int32 their triangles, (M, 3) int32 the corners of
        these, (M, 3) float32 barycentric weights.
    """
    height, width = triangle.shape
    count = 0
    for y in range(height):
        for x in range(width):
            count += triangle[y, x] >= 0
    pixels, shown = np.empty(count, np.int64), np.empty(count, np.int32)
    corners, shares = np.empty((count, 3), np.int32), np.empty((count, 3), np.float32)
    m = 0
    for y in range(height):
        for x in range(width):
            t = triangle[y, x]
            if t >= 0:
                pixels[m], shown[m] = y * width + x, t
                corners[m] = triangles[t]
                shares[m, 0], shares[m, 1] = weights[y, x, 0], weights[y, x, 1]
                shares[m, 2] = 1 - shares[m, 0] - shares[m, 1]
                m += 1
    return pixels, shown, corners, shares


@njit(cache=True)
def face_viewer(normals):
    """Scales normals (M, 3) to unit length in place and makes them face the viewer (z >= 0).

    Normals on the back of thin sheets are reversed. At a silhouette the mean of the corners' normals can
    point away a little. Reversed, it would get the light of the opposite side, so its z is set to 0.
    """
    for m in range(normals.shape[0]):
        x, y, z = normals[m, 0], normals[m, 1], normals[m, 2]
        length = np.sqrt(x * x + y * y + z * z)
        sign = np.float32(1)
        if z < np.float32(-0.35) * length:
            sign = np.float32(-1)
        elif z < 0:
            z = np.float32(0)
            length = np.sqrt(x * x + y * y)
        scale = sign / (length + np.float32(1e-9))
        normals[m, 0], normals[m, 1], normals[m, 2] = x * scale, y * scale, z * scale


@njit(cache=True)
def blend_corners(corners, weights, values):
    """Interpolates values of vertices at pixels.

    Args:
        corners: (M, 3) int32, the vertices of each pixel's triangle.
        weights: (M, 3) float32, barycentric weights.
        values: (N, C) float32.

    Returns:
        (M, C) float32.
    """
    blended = np.empty((corners.shape[0], values.shape[1]), np.float32)
    for m in range(corners.shape[0]):
        a, b, c = corners[m, 0], corners[m, 1], corners[m, 2]
        wa, wb, wc = weights[m, 0], weights[m, 1], weights[m, 2]
        for k in range(values.shape[1]):
            blended[m, k] = wa * values[a, k] + wb * values[b, k] + wc * values[c, k]
    return blended


@njit(cache=True)
def vertex_normals(points, triangles):
    """Unit normals (N, 3) float32 of vertices: the mean of their triangles', weighted by area."""
    normals = np.zeros_like(points)
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ux, uy, uz = (
            points[b, 0] - points[a, 0],
            points[b, 1] - points[a, 1],
            points[b, 2] - points[a, 2],
        )
        vx, vy, vz = (
            points[c, 0] - points[a, 0],
            points[c, 1] - points[a, 1],
            points[c, 2] - points[a, 2],
        )
        for corner in (a, b, c):
            normals[corner, 0] += uy * vz - uz * vy
            normals[corner, 1] += uz * vx - ux * vz
            normals[corner, 2] += ux * vy - uy * vx
    for n in range(normals.shape[0]):
        x, y, z = normals[n, 0], normals[n, 1], normals[n, 2]
        length = np.sqrt(x * x + y * y + z * z) + np.float32(1e-12)
        normals[n, 0], normals[n, 1], normals[n, 2] = x / length, y / length, z / length
    return normals
