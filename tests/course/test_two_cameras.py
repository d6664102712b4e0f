"""The two cameras of the lesson on registration: what a face looks like in each of them."""

import numpy as np
import pytest

from data_prep.registration import Stereo, ThroughPlane
from mlcmkd.course.two_cameras import FOCAL, RGB_SIZE, SIZE, photograph, two_cameras
from mlcmkd.synthetic.faces import make_faces


@pytest.fixture(scope="module")
def face():
    return make_faces(1, seed=0, size=320, faces_per_identity=1, workers=1)


def seen(face, apart, metres):
    return photograph(face, 0, ThroughPlane(Stereo(**two_cameras(apart)), metres).pixels, metres)


def test_both_images_show_the_landmarks_at_the_place_of_a_pinhole_camera(face):
    view = seen(face, 0.0, 0.65)
    assert view.rgb.shape == (*RGB_SIZE[::-1], 3) and view.celsius.shape == SIZE[::-1]
    zoom = RGB_SIZE[1] / SIZE[1]
    from_centre = view.marks - (np.array(SIZE) - 1) / 2
    np.testing.assert_allclose(view.rgb_marks - (np.array(RGB_SIZE) - 1) / 2, zoom * from_centre)


@pytest.mark.parametrize("metres", [0.5, 0.65, 0.9])
def test_the_parallax_is_baseline_times_focal_length_over_distance(face, metres):
    near, apart = seen(face, 0.0, metres), seen(face, 0.04, metres)
    np.testing.assert_array_equal(near.marks, apart.marks)
    shift = (near.rgb_marks - apart.rgb_marks) * SIZE[1] / RGB_SIZE[1]  # thermal pixels
    np.testing.assert_allclose(
        shift, np.broadcast_to([0.04 * FOCAL / metres, 0], shift.shape), atol=1e-4
    )


def test_a_nearer_face_is_larger_around_the_same_centre(face):
    far, near = (seen(face, 0.04, metres).marks - 79.5 for metres in (1.3, 0.65))
    np.testing.assert_allclose(near, 2 * far, atol=1e-4)
