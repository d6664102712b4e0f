"""The z-buffer against NumPy's, and against triangles computed by hand."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from mlcmkd.synthetic.rasterise import FAR, blend_corners, rasterise, vertex_normals

_spec = importlib.util.spec_from_file_location(
    "rasteriser", Path(__file__).parents[2] / "benchmarks/rasteriser.py"
)
benchmark = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(benchmark)


def draw(points, triangles, size, depth=None):
    """Triangle, weights and depth of each pixel."""
    triangle = np.full((size, size), -1, np.int32)
    weights = np.zeros((size, size, 2), np.float32)
    depth = np.full((size, size), FAR, np.float32) if depth is None else depth
    rasterise(np.array(points, np.float32), np.array(triangles, np.int32), triangle, weights, depth)
    return triangle, weights, depth


def test_a_triangle_covers_the_pixels_whose_centres_it_contains():
    points = [(0.9, 0.9, 0), (4.2, 0.9, 3.3), (0.9, 4.2, 6.6)]
    triangle, weights, depth = draw(points, [(0, 1, 2)], 6)
    rows, columns = np.mgrid[:6, :6]
    inside = (rows >= 1) & (columns >= 1) & (rows + columns <= 5)
    assert np.array_equal(triangle == 0, inside)
    # z rises by 1 a pixel to the right and by 2 a pixel downwards.
    np.testing.assert_allclose(depth[inside], (columns + 2 * rows - 2.7)[inside], atol=1e-5)
    # Pixel (3, 1) is 2.1 / 3.3 of the way to the second corner, 0.1 / 3.3 of that to the third.
    np.testing.assert_allclose(weights[1, 3], [1.1 / 3.3, 2.1 / 3.3], atol=1e-6)
    assert (depth[~inside] == FAR).all()


def test_the_nearer_triangle_hides_the_farther_one_in_any_order():
    near, far = [(0, 0, 1), (8, 0, 1), (0, 8, 1)], [(0, 0, 0), (8, 0, 0), (0, 8, 0)]
    for points, expected in ((near + far, 0), (far + near, 1)):
        triangle, _, depth = draw(points, [(0, 1, 2), (3, 4, 5)], 6)
        assert (triangle[depth > FAR] == expected).all() and depth.max() == depth[0, 0] == 1


def test_both_faces_are_drawn_and_flat_triangles_are_not():
    points = [(0, 0, 0), (4, 0, 0), (0, 4, 0), (2, 0, 0)]
    front = draw(points, [(0, 1, 2)], 5)[0]
    assert np.array_equal(front, draw(points, [(0, 2, 1)], 5)[0]) and (front == 0).sum() == 15
    assert (draw(points, [(0, 1, 3)], 5)[0] == -1).all()


def test_a_surface_that_is_already_there_keeps_hiding():
    depth = np.full((6, 6), FAR, np.float32)
    depth[:, 3:] = 2
    triangle, _, after = draw([(-1, -1, 1), (15, -1, 1), (-1, 15, 1)], [(0, 1, 2)], 6, depth)
    assert (triangle[:, :3] == 0).all() and (triangle[:, 3:] == -1).all()
    assert (after[:, 3:] == 2).all()


def test_triangles_outside_the_image_are_cut():
    triangle = draw([(-50, -50, 0), (100, -50, 0), (-50, 100, 0)], [(0, 1, 2)], 8)[0]
    assert (triangle == 0).all()
    outside = draw([(-9, -9, 0), (-2, -9, 0), (-9, -2, 0)], [(0, 1, 2)], 8)[0]
    assert (outside == -1).all()


@pytest.mark.parametrize("size", [48, 130])
def test_the_head_is_that_of_numpy(size):
    points, triangles = benchmark.mean_head(size)
    triangle, weights, depth = draw(points, triangles, size)
    expected = benchmark.numpy_zbuffer(points, triangles, size)
    assert 0.4 < np.mean(triangle >= 0) < 0.8
    # Rounding may decide between two triangles on an edge; their depths are then equal.
    assert np.mean(triangle == expected[0]) > 0.999
    same = triangle == expected[0]
    np.testing.assert_allclose(weights[same], expected[1][same], atol=1e-3)
    np.testing.assert_allclose(depth, expected[2], atol=1e-3)


def test_corners_are_blended_by_their_weights():
    corners, weights = np.array([[0, 1, 2]], np.int32), np.array([[0.5, 0.25, 0.25]], np.float32)
    values = np.array([[1, 10], [2, 20], [4, 40]], np.float32)
    np.testing.assert_allclose(blend_corners(corners, weights, values), [[2, 20]])


def test_normals_of_a_box_point_outwards_and_weigh_by_area():
    # Two triangles at a right angle that share an edge; the one in z = 0 has twice the area.
    points = np.array([(0, 0, 0), (0, 1, 0), (2, 0, 0), (0, 0, 1)], np.float32)
    normals = vertex_normals(points, np.array([(0, 2, 1), (0, 1, 3)], np.int32))
    np.testing.assert_allclose(normals[2], [0, 0, 1], atol=1e-6)
    np.testing.assert_allclose(normals[3], [1, 0, 0], atol=1e-6)
    np.testing.assert_allclose(normals[0], np.array([1, 0, 2]) / np.sqrt(5), atol=1e-6)
