"""Time of three z-buffers on the head's mesh: `python benchmarks/rasteriser.py [--repeats 20]`.

Numba (`mlcmkd.synthetic.rasterise`), NumPy alone (`numpy_zbuffer` below, also the reference of the
tests) and OpenCV's `cv2.triangleRasterize` (OpenCV 5 and newer), one thread each. All draw the mean
head, about 10,000 triangles, and return the index of the triangle that each pixel shows. OpenCV fills
a triangle with a colour, so the index is written into the red channel.
"""

import argparse
import time
from collections.abc import Callable

import cv2
import numpy as np

from mlcmkd.synthetic.head import load_head
from mlcmkd.synthetic.rasterise import FAR, rasterise

_HEAD_UNITS = 4.2  # side of the image: head, neck and the upper part of the shoulders


def numpy_zbuffer(
    points: np.ndarray, triangles: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The z-buffer of `rasterise` without compiled code.

    Lists every pair of a triangle and a pixel of its bounding box, keeps the pairs whose pixel lies in
    the triangle, and writes them from back to front.

    Args:
        points: (N, 3) float32, x and y in pixels, z towards the viewer.
        triangles: (T, 3) int32.
        size: side S of the image.

    Returns:
        (S, S) int32 triangle of each pixel, -1 for none; (S, S, 2) float32 weights of its first two
        corners; (S, S) float32 depth, `FAR` for none.
    """
    x, y, z = np.moveaxis(points[triangles], 2, 0)
    area = _doubled_area(x[:, 0], y[:, 0], x[:, 1], y[:, 1], x[:, 2], y[:, 2])
    left, right = np.maximum(np.ceil(x.min(1)), 0), np.minimum(np.floor(x.max(1)), size - 1)
    top, bottom = np.maximum(np.ceil(y.min(1)), 0), np.minimum(np.floor(y.max(1)), size - 1)
    widths = np.maximum(right - left + 1, 0).astype(np.int64)
    heights = np.maximum(bottom - top + 1, 0).astype(np.int64)
    counts = np.where(area == 0, 0, widths * heights)

    owner = np.repeat(np.arange(len(triangles)), counts)
    number = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    row = top[owner].astype(np.int64) + number // widths[owner]
    column = left[owner].astype(np.int64) + number % widths[owner]

    (ax, bx, cx), (ay, by, cy) = x[owner].T, y[owner].T
    first = _doubled_area(column, row, bx, by, cx, cy) / area[owner]
    second = _doubled_area(column, row, cx, cy, ax, ay) / area[owner]
    third = 1 - first - second
    inside = np.flatnonzero((first >= 0) & (second >= 0) & (third >= 0))[::-1]
    owner, row, column = owner[inside], row[inside], column[inside]
    weights = np.stack([first, second, third], axis=1)[inside]
    depths = (weights * z[owner]).sum(1)

    # The list is in reverse: at equal depth the first triangle is written last.
    order = np.argsort(depths, kind="stable")
    pixels = (row[order], column[order])
    triangle = np.full((size, size), -1, np.int32)
    shares = np.zeros((size, size, 2), np.float32)
    depth = np.full((size, size), FAR, np.float32)
    triangle[pixels], depth[pixels] = owner[order], depths[order]
    shares[pixels] = weights[order, :2]
    return triangle, shares, depth


def _doubled_area(ax, ay, bx, by, cx, cy):
    """Twice the signed area of triangles a, b, c."""
    return (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)


def numba_triangles(points: np.ndarray, triangles: np.ndarray, size: int) -> np.ndarray:
    """The triangle of each pixel, (S, S) int32, by numba."""
    triangle = np.full((size, size), -1, np.int32)
    weights = np.zeros((size, size, 2), np.float32)
    rasterise(points, triangles, triangle, weights, np.full((size, size), FAR, np.float32))
    return triangle


def numpy_triangles(points: np.ndarray, triangles: np.ndarray, size: int) -> np.ndarray:
    """The triangle of each pixel by NumPy."""
    return numpy_zbuffer(points, triangles, size)[0]


def opencv_drawing(
    points: np.ndarray, triangles: np.ndarray, size: int
) -> Callable[[np.ndarray, np.ndarray, int], np.ndarray]:
    """A function that returns the triangle of each pixel by OpenCV; it ignores its arguments.

    OpenCV has a perspective camera with y up that looks along negative z. The points are moved
    outwards by what its perspective will move them inwards, so the picture is the same.
    """
    far = 1000.0  # pixels
    angle = 2 * np.arctan(size / 2 / far)
    middle = (size - 1) / 2
    x, y, z = points[:, 0] - middle, middle - points[:, 1], points[:, 2] - far
    seen = np.stack([-x * z / far, -y * z / far, z], axis=1)
    corners = seen[triangles].reshape(-1, 3).astype(np.float32)
    indices = np.arange(len(corners), dtype=np.int32).reshape(-1, 3)
    colours = np.zeros((len(corners), 3), np.float32)
    colours[:, 0] = np.repeat(np.arange(len(triangles)), 3)
    settings = cv2.TriangleRasterizeSettings()
    settings.setShadingType(cv2.RASTERIZE_SHADING_FLAT).setCullingMode(cv2.RASTERIZE_CULLING_NONE)

    def draw(*_) -> np.ndarray:
        colour = np.full((size, size, 3), -1, np.float32)
        depth = np.full((size, size), 2 * far, np.float32)
        cv2.triangleRasterize(
            corners, indices, colours, colour, depth,
            np.eye(4, dtype=np.float32)[:3], float(angle), 1.0, 2 * far, settings,
        )  # fmt: skip
        return colour[..., 0].astype(np.int32)

    return draw


def mean_head(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Points in pixels and triangles of the mean head, from the front."""
    head = load_head()
    scale = size / _HEAD_UNITS
    x, y, z = head.mean.T
    middle = (size - 1) / 2
    points = np.stack([middle + scale * x, middle - scale * (y + 0.7), scale * z], axis=1)
    return points.astype(np.float32), head.triangles


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--sizes", nargs="+", type=int, default=[96, 192])
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    print("| size (px) | z-buffer | ms | pixels as numba (%) |")
    print("| --- | --- | --- | --- |")
    for size in arguments.sizes:
        points, triangles = mean_head(size)
        drawings = {"numba": numba_triangles, "NumPy": numpy_triangles}
        if hasattr(cv2, "triangleRasterize"):
            drawings[f"OpenCV {cv2.__version__}"] = opencv_drawing(points, triangles, size)
        expected = numba_triangles(points, triangles, size)  # compiles
        for name, draw in drawings.items():
            same = 100 * np.mean(draw(points, triangles, size) == expected)
            started = time.process_time()
            for _ in range(arguments.repeats):
                draw(points, triangles, size)
            milliseconds = 1000 * (time.process_time() - started) / arguments.repeats
            print(f"| {size} | {name} | {milliseconds:.2f} | {same:.1f} |")


if __name__ == "__main__":
    main()
