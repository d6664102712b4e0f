"""Rendered clips: the same people move before the same background, by the seed alone."""

import numpy as np
import pytest

from mlcmkd.synthetic.frames.clips import make_clip
from mlcmkd.synthetic.frames.frame import render_frame
from mlcmkd.synthetic.frames.layout import draw_places
from mlcmkd.synthetic.frames.motion import draw_motion
from mlcmkd.utils.errors import InputError

SIZE = (96, 128)


@pytest.fixture(scope="module")
def clip():
    return make_clip(4, size=SIZE, number=5, heads=2, fps=5)


def test_the_same_seed_gives_the_same_bytes(clip):
    again = make_clip(4, size=SIZE, number=5, heads=2, fps=5)
    np.testing.assert_array_equal(again.thermal, clip.thermal)
    np.testing.assert_array_equal(again.rgb, clip.rgb)
    other = make_clip(1, size=SIZE, number=6, heads=2, rgb=False)
    assert (other.thermal[0] != clip.thermal[0]).any()


def test_a_frame_depends_on_its_time_alone(clip):
    """Not on how many frames there are before it, nor on the RGB camera."""
    shorter = make_clip(3, size=SIZE, number=5, heads=2, fps=5, rgb=False)
    np.testing.assert_array_equal(shorter.thermal, clip.thermal[:3])


def test_the_first_frame_is_that_of_make_frames(clip):
    frame = render_frame(0, 5, SIZE, heads=2)
    np.testing.assert_array_equal(frame.thermal, clip.thermal[0])
    np.testing.assert_array_equal(frame.rgb, clip.rgb[0])
    np.testing.assert_array_equal(frame.landmarks, clip.landmarks[0])


def test_people_move_and_the_noise_changes(clip):
    moved = [np.abs(b - a).max() for a, b in zip(clip.landmarks, clip.landmarks[1:], strict=False)]
    assert min(moved) > 0.1 and max(moved) < 40
    assert all((a != b).mean() > 0.5 for a, b in zip(clip.thermal, clip.thermal[1:], strict=False))


def test_each_row_is_the_same_person_in_all_frames(clip):
    """Faces keep their sizes, which differ between people."""
    sides = np.array([(box[:, 2:] - box[:, :2]).max(axis=1) for box in clip.boxes])
    assert sides.shape == (4, 2)
    assert np.ptp(sides, axis=0).max() < 0.15 * sides.min()


@pytest.mark.parametrize("number", range(8))
def test_places_change_smoothly_and_stay_near_the_frame(number):
    rng = np.random.default_rng(number)
    (place,) = draw_places(rng, 1, 0.75)
    motion = draw_motion(rng, place)
    assert motion.at(0, 0.75) is place
    places = [motion.at(n / 30, 0.75) for n in range(900)]
    x, y = np.array([place.centre for place in places]).T
    room = 0.1 + 0.5 * place.side
    assert -room <= x.min() and x.max() <= 1 + room
    assert np.ptp(y) <= 0.4 * place.side / 0.75
    assert max(np.abs(np.diff(x)).max(), np.abs(np.diff(y)).max()) < 0.2 * place.side
    if place.faces_camera:
        assert all(abs(each.pose.yaw) <= 90 and abs(each.pose.roll) <= 45 for each in places)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"count": 0}, "count=0 is out of range"),
        ({"count": 1, "fps": 0}, "fps=0 must be above 0"),
        ({"count": 1, "heads": 7}, "heads=7 is out of range"),
        ({"count": 1, "size": (128, 96)}, "higher than wide"),
        ({"count": 1, "number": -1}, "number=-1 is out of range"),
    ],
)
def test_bad_arguments_get_one_line(arguments, message):
    with pytest.raises(InputError, match=message):
        make_clip(**arguments)
