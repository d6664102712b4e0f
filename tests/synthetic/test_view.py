"""Pose and camera: the signs of the rotations, the neck, the perspective, the frame."""

from dataclasses import replace

import numpy as np
import pytest

from mlcmkd.synthetic.view import (
    NECK,
    Camera,
    Pose,
    draw_pose,
    flatten,
    frame,
    rotation,
    turn,
    up_in_image,
)

FRONTAL = Pose(yaw=0, pitch=0, roll=0, trunk=0.5, distance=10, shift=(0, 0), margin=1.6)
RIGHT, UP, VIEWER = np.eye(3)


def test_positive_angles_turn_right_up_and_clockwise():
    s, c = np.sin(np.deg2rad(30)), np.cos(np.deg2rad(30))
    near = {"atol": 1e-6}
    np.testing.assert_allclose(rotation(30, 0, 0) @ VIEWER, [s, 0, c], **near)  # the nose: right
    np.testing.assert_allclose(rotation(0, 30, 0) @ VIEWER, [0, s, c], **near)  # the nose: up
    np.testing.assert_allclose(rotation(0, 0, 30) @ UP, [s, c, 0], **near)  # the crown: right
    # The head first nods, then turns, then tilts.
    both = rotation(0, 0, 30) @ rotation(90, 0, 0) @ rotation(0, 20, 0)
    np.testing.assert_allclose(rotation(90, 20, 30), both, **near)


def test_up_in_the_image_is_that_of_a_tilted_head():
    np.testing.assert_allclose(up_in_image(rotation(0, 0, 0)), [0, -1], atol=1e-6)
    # Tilted clockwise by 30 degrees; a nod shortens the direction, which stays a unit vector.
    s, c = np.sin(np.deg2rad(30)), np.cos(np.deg2rad(30))
    np.testing.assert_allclose(up_in_image(rotation(0, 20, 30)), [s, -c], atol=1e-6)


@pytest.mark.parametrize("angles", [(0, 0, 0), (40, -20, 10), (-80, 35, -30)])
def test_rotations_keep_lengths_and_handedness(angles):
    matrix = rotation(*angles)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-6)
    assert np.linalg.det(matrix) == pytest.approx(1, abs=1e-6)


def test_mirrored_angles_are_the_mirrored_rotation():
    mirror = np.diag([-1.0, 1, 1])
    np.testing.assert_allclose(
        rotation(-25, 10, -7), mirror @ rotation(25, 10, 7) @ mirror, atol=1e-6
    )


def test_the_head_turns_about_the_neck_and_the_trunk_follows_by_its_share():
    pose = replace(FRONTAL, yaw=60, trunk=0.5)
    points = np.array([NECK, NECK + VIEWER, NECK + VIEWER, NECK + VIEWER], np.float32)
    turned = turn(points, np.array([1, 1, 0, 0.5], np.float32), pose) - NECK
    s, c = np.sin(np.deg2rad([60, 30])), np.cos(np.deg2rad([60, 30]))
    head, trunk = [s[0], 0, c[0]], [s[1], 0, c[1]]
    expected = [[0, 0, 0], head, trunk, np.mean([head, trunk], axis=0)]
    np.testing.assert_allclose(turned, expected, atol=1e-6)
    still = turn(points, np.ones(4, np.float32), FRONTAL)
    np.testing.assert_allclose(still, points, atol=1e-6)


def test_nearer_points_appear_larger_and_y_points_down():
    points = np.array([(1, 0, 0), (1, 0, 5), (0, 2, 5), (1, 1, -10)], np.float32)
    flat = flatten(points, 10)  # a point at z = 5 is half as far away: twice as large
    np.testing.assert_allclose(flat, [(1, 0), (2, 0), (0, -4), (0.5, -0.5)], atol=1e-6)


def test_the_camera_maps_its_centre_to_the_middle_of_the_image():
    camera = Camera(distance=10, centre=np.array([0.5, -0.25]), scale=20, size=96)
    points = np.array([(0.5, 0.25, 0), (1.5, 0.25, 0), (0.5, -0.75, 0)], np.float32)
    projected = camera.project(points)
    np.testing.assert_allclose(projected, [(47.5, 47.5, 0), (67.5, 47.5, 0), (47.5, 67.5, 0)])
    assert projected.dtype == np.float32
    (nearer,) = camera.project(np.array([(0.5, 0.25, 2)]))
    np.testing.assert_allclose(nearer, [47.5 + 20 * 0.125, 47.5 - 20 * 0.0625, 2], atol=1e-4)


def test_a_frame_has_the_margin_and_the_shift_of_the_pose():
    corners = np.array([(-1, -0.5), (2, 1.5)])  # 3 wide, 2 high
    centred = frame(corners, FRONTAL, 160)
    assert centred.scale == pytest.approx(160 / (3 * 1.6))
    np.testing.assert_allclose(centred.centre, [0.5, 0.5])
    moved = frame(corners, replace(FRONTAL, shift=(0.1, -0.2)), 160)
    np.testing.assert_allclose(moved.centre, [0.5 + 0.3, 0.5 - 0.6])


def test_poses_vary_within_their_limits_and_are_repeatable():
    rng = np.random.default_rng(0)
    poses = [draw_pose(rng, 24) for _ in range(2000)]
    for name, limit in (("yaw", 80), ("pitch", 35), ("roll", 30)):
        values = np.array([getattr(pose, name) for pose in poses])
        assert limit * 0.6 < np.abs(values).max() <= limit and abs(values.mean()) < 2, name
    assert np.std([pose.yaw for pose in poses]) == pytest.approx(24, rel=0.1)
    distances = np.array([pose.distance for pose in poses])
    assert distances.min() >= 8 and distances.max() <= 40
    assert all(1.56 <= pose.margin <= 1.87 for pose in poses)
    assert draw_pose(np.random.default_rng(5), 24) == draw_pose(np.random.default_rng(5), 24)
    still = [draw_pose(np.random.default_rng(n), 0).yaw for n in range(9)]
    assert still == [0] * 9
