"""An RGB camera beside the thermal one: the shift of every point, and what stays as it is."""

import numpy as np
import pytest
import torch

from mlcmkd.data.config import DataConfig
from mlcmkd.synthetic.faces import make_faces
from mlcmkd.synthetic.scene import build_scene
from mlcmkd.synthetic.second_camera import UNIT_CM, SecondCamera, seen_beside
from mlcmkd.utils.errors import InputError
from tests.synthetic.test_scene import frontal

SIZE = 128
SMALL = {"synthetic_train": 4, "synthetic_held": 2}


def test_the_shift_of_a_point_is_that_of_two_pinholes():
    # b = 1 unit, d = 10, D = 10: a point 1 unit before the head's centre is 9 from the cameras. It is
    # projected to 10 / 9 units to the left by the RGB camera; the registration adds 1 unit.
    second = SecondCamera(UNIT_CM, 10 * UNIT_CM)
    np.testing.assert_allclose(second.shift(np.array([1.0, 0, -1]), 10), [-1 / 9, 0, 1 / 11])


def test_a_face_at_the_registered_distance_agrees_and_a_nearer_one_is_shifted_to_the_left():
    second = SecondCamera(4, 100)
    zero, near, far = (second.shift(np.zeros(1), cm / UNIT_CM)[0] for cm in (100, 60, 200))
    assert zero == pytest.approx(0, abs=1e-9)
    assert near < 0 < far
    # In head units: b (d / D - 1).
    assert near == pytest.approx(4 / UNIT_CM * (0.6 - 1))


def test_the_vertices_of_a_scene_are_shifted_by_the_formula_and_only_along_x():
    scene = build_scene(frontal(distance=12), SIZE)
    second = SecondCamera(5, 110)
    beside = seen_beside(scene, second)
    moved = beside.camera.project(beside.turned) - scene.camera.project(scene.turned)
    expected = scene.camera.scale * second.shift(scene.turned[:, 2], 12)
    np.testing.assert_allclose(moved[:, 0], expected, atol=1e-3)
    np.testing.assert_allclose(moved[:, 1:], 0, atol=1e-4)
    nose, ears = expected[scene.turned[:, 2].argmax()], expected[scene.turned[:, 2].argmin()]
    assert nose < ears - 1  # parallax within the face: more than a pixel


def test_the_second_camera_sees_the_surface_where_its_landmarks_are():
    scene = seen_beside(build_scene(frontal(distance=12), SIZE), SecondCamera(5, 110))
    found = scene.landmarks()
    inner = found.points[17:].round().astype(int)  # the jaw lies on the silhouette
    depth = scene.solid.depth[inner[:, 1], inner[:, 0]]
    assert np.abs(depth - found.positions[17:, 2]).max() < 0.3


def test_without_a_baseline_the_pairs_are_the_aligned_ones():
    aligned = make_faces(2, size=64, workers=1)
    same = make_faces(2, size=64, workers=1, rgb_camera=SecondCamera(0, 110))
    np.testing.assert_array_equal(same.rgb, aligned.rgb)


def test_only_the_rgb_image_changes():
    aligned = make_faces(2, size=64, workers=1, maps=True)
    beside = make_faces(2, size=64, workers=1, maps=True, rgb_camera=SecondCamera(4, 110))
    assert (beside.rgb != aligned.rgb).any(axis=(1, 2, 3)).all()
    for name in ("thermal", "landmarks", "positions", "hidden_by", "depth", "temperature"):
        np.testing.assert_array_equal(getattr(beside, name), getattr(aligned, name))


def test_training_pairs_of_a_rig_with_a_baseline_have_other_rgb_images():
    aligned = DataConfig(**SMALL).load_training(48, 0, progress=False)
    config = DataConfig(**SMALL, rig={"baseline_cm": 4})
    beside = config.load_training(48, 0, progress=False)
    assert torch.equal(beside.thermal, aligned.thermal)
    assert torch.equal(beside.landmarks, aligned.landmarks)
    assert (beside.rgb != aligned.rgb).any(dim=3).any(dim=2).any(dim=1).all()
    held = config.load("val", 48, progress=False)
    assert torch.equal(held.rgb, DataConfig(**SMALL).load("val", 48, progress=False).rgb)


def test_the_baseline_is_not_written_while_it_is_the_default():
    assert "baseline" not in DataConfig(rig={"rotation": 3}).model_dump_json()


def test_pairs_without_depth_are_refused():
    config = DataConfig(source="some/folder", rig={"baseline_cm": 4})
    with pytest.raises(InputError, match="some/folder has no depth"):
        config._rgb_from_beside(48, progress=False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((4, 0), "registered_cm=0"), ((4, -3), "above 0"), ((float("nan"), 100), "finite")],
)
def test_impossible_cameras_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        SecondCamera(*arguments)


def test_the_camera_on_the_left_shifts_the_other_way():
    right, left = SecondCamera(4, 100), SecondCamera(-4, 100)
    z = np.linspace(-1, 1, 5)
    np.testing.assert_allclose(right.shift(z, 12), -left.shift(z, 12))
