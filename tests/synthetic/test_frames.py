"""Rendered frames with several people: determinism, truth of boxes and visibility, bad arguments."""

import numpy as np
import pytest

from mlcmkd.synthetic.frames import things
from mlcmkd.synthetic.frames.frame import render_frame
from mlcmkd.synthetic.frames.frames import make_frames
from mlcmkd.synthetic.frames.layout import LARGEST, REFERENCE, SMALLEST, draw_places
from mlcmkd.utils.errors import InputError

SIZE = (96, 128)


@pytest.fixture(scope="module")
def frames():
    return make_frames(12, size=SIZE, first=3, workers=1)


def test_a_frame_depends_on_its_number_alone(frames):
    alone = render_frame(0, 7, SIZE)
    np.testing.assert_array_equal(alone.thermal, frames.thermal[4])
    np.testing.assert_array_equal(alone.rgb, frames.rgb[4])
    np.testing.assert_array_equal(alone.boxes, frames.boxes[4])


def test_the_number_of_processes_changes_no_byte(frames):
    two = make_frames(12, size=SIZE, first=3, workers=2)
    np.testing.assert_array_equal(two.thermal, frames.thermal)
    np.testing.assert_array_equal(two.rgb, frames.rgb)


def test_thermal_frames_do_not_depend_on_the_rgb_camera(frames):
    thermal = make_frames(4, size=SIZE, first=3, workers=1, rgb=False)
    assert thermal.rgb is None
    np.testing.assert_array_equal(thermal.thermal, frames.thermal[:4])


def test_boxes_are_those_of_the_landmarks(frames):
    for boxes, points in zip(frames.boxes, frames.landmarks, strict=True):
        assert boxes.shape == (len(points), 4)
        for box, face in zip(boxes, points, strict=True):
            np.testing.assert_allclose(box, [*face.min(axis=0), *face.max(axis=0)])


def test_landmarks_outside_of_the_frame_are_hidden(frames):
    height, width = SIZE
    for points, hidden in zip(frames.landmarks, frames.hidden, strict=True):
        x, y = points[..., 0], points[..., 1]
        outside = (x < -1) | (y < -1) | (x > width) | (y > height)
        assert hidden[outside].all()


def test_a_face_is_warmer_than_the_frame_around_it():
    """The face is where the landmarks say: its middle is warmer than most of the frame indoors."""
    warmer = []
    for number in range(20):
        frame = render_frame(1, number, SIZE, heads=1, rgb=False)
        for face, hidden in zip(frame.landmarks, frame.hidden, strict=True):
            if not hidden[27:36].any():
                x, y = np.rint(face[27:36]).astype(int).T
                warmer.append(np.median(frame.thermal[y, x]) > np.median(frame.thermal))
    assert len(warmer) >= 8
    assert np.mean(warmer) > 0.8


def test_frames_without_people_have_no_faces():
    frames = make_frames(6, size=SIZE, heads=0, workers=1, rgb=False)
    assert all(len(boxes) == 0 for boxes in frames.boxes)
    assert frames.boxes[0].shape == (0, 4)
    assert frames.landmarks[0].shape == (0, 68, 2)


def test_sizes_of_faces_stay_in_their_range():
    rng = np.random.default_rng(0)
    sides = [place.side for _ in range(200) for place in draw_places(rng, 3, 0.75)]
    assert min(sides) >= SMALLEST / REFERENCE - 1e-9
    assert max(sides) <= LARGEST / REFERENCE + 1e-9


@pytest.mark.parametrize("kind", things.KINDS)
def test_every_thing_is_painted_at_its_place(kind):
    thing = things.Thing(kind, tuple(things.KINDS[kind](np.random.default_rng(0), 20.0)),
                         (0.5, 0.5), 0.3, 0.0, 0.0, True)  # fmt: skip
    apparent, owner = np.full((90, 120), 20.0, np.float32), np.ones((90, 120), np.int16)
    light = np.zeros((90, 120, 3), np.float32)
    things.paint_thing(thing, apparent, light, owner)
    changed = apparent != 20
    assert changed.any()
    assert (owner[changed & (owner == 0)] == 0).all()
    assert (owner == 0).any()
    assert (light[owner == 0].sum(axis=-1) > 0).any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"count": 0}, "count=0 is out of range"),
        ({"count": 1, "size": (40, 128)}, "height=40 is out of range"),
        ({"count": 1, "size": (128, 96)}, "higher than wide"),
        ({"count": 1, "heads": 7}, "heads=7 is out of range"),
        ({"count": 1.5}, "count=1.5 is not an integer"),
    ],
)
def test_bad_arguments_get_one_line(arguments, message):
    with pytest.raises(InputError, match=message):
        make_frames(**arguments)
