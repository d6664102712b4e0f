"""Identities over sequences whose truth is known."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlcmkd.deployment.box_motion import FADING, BoxMotion
from mlcmkd.deployment.faces import FaceLandmarks
from mlcmkd.deployment.smoothing import Smoother
from mlcmkd.deployment.tracking import FORGET, Tracker
from mlcmkd.utils.errors import InputError

FPS = 30


def box(x: float, y: float = 100.0, side: float = 50.0) -> tuple[float, float, float, float]:
    return x - side / 2, y - side / 2, x + side / 2, y + side / 2


def numbers(frames: list[list[tuple]], fps: float = FPS, cuts: tuple[int, ...] = ()) -> list[list]:
    tracker = Tracker()
    return [tracker.persons(found, n / fps, n in cuts) for n, found in enumerate(frames)]


def crossing(hidden: float, noise: float = 0.0) -> list[list[tuple]]:
    """Two people who walk past each other; the far one is hidden for some seconds around the middle.

    The order of the boxes changes from frame to frame; the far one is the first of even frames.
    """
    rng = np.random.default_rng(0)
    frames = []
    for n in range(4 * FPS):
        t = n / FPS
        shifts = rng.normal(0, noise, 4)
        near = box(40 + 60 * t + shifts[0], 100 + shifts[1], 60)
        far = box(280 - 60 * t + shifts[2], 95 + shifts[3], 50)
        both = [far, near] if n % 2 == 0 else [near, far]
        frames.append([near] if abs(t - 2) < hidden / 2 else both)
    return frames


@pytest.mark.parametrize("hidden", [0.0, 0.3, 0.7])
@pytest.mark.parametrize("noise", [0.0, 2.0])
def test_people_who_cross_keep_their_numbers(hidden, noise):
    found = numbers(crossing(hidden, noise))
    for n, persons in enumerate(found):
        if len(persons) == 2:
            assert persons == ([1, 2] if n % 2 == 0 else [2, 1])
        else:
            assert persons == [2]


def test_a_lost_face_is_found_again_under_its_number_and_a_late_one_is_new():
    steps = round(FORGET * FPS)
    for gap, wanted in ((steps - 2, 1), (steps + 4, 2)):
        frames = [[box(100 + 0.5 * n)] for n in range(10)] + [[]] * gap + [[box(108)]]
        assert numbers(frames)[-1] == [wanted]


def test_someone_who_leaves_and_enters_again_is_a_new_person_and_the_others_stay():
    """The one who leaves stays away for three seconds."""
    stays, away = box(80), [[box(80)]] * (3 * FPS)
    leaves = [[stays, box(250 + 3 * n)] for n in range(20)]
    enters = [[box(310 - 3 * n), stays] for n in range(20)]
    found = numbers(leaves + away + enters)
    assert found[0] == [1, 2] and found[19] == [1, 2]
    assert all(persons == [1] for persons in found[20 : 20 + 3 * FPS])
    assert all(persons == [3, 1] for persons in found[20 + 3 * FPS :])


def test_a_cut_ends_all_tracks():
    frames = [[box(100), box(220)]] * 20
    found = numbers(frames, cuts=(10,))
    assert found[9] == [1, 2] and found[10] == [3, 4] == found[-1]


def test_a_moving_face_keeps_its_number_where_some_frames_are_missing():
    """Half of the frames have no detection, at random, while the face accelerates."""
    rng = np.random.default_rng(3)
    frames = [
        [box(160 + 100 * np.sin(2 * n / FPS))] if rng.random() < 0.5 else [] for n in range(5 * FPS)
    ]
    assert {person for persons in numbers(frames) for person in persons} == {1}


@pytest.mark.parametrize("fps", [0.2, 1.0, 5.0, 240.0])
def test_a_face_keeps_its_number_at_every_frame_rate(fps):
    rng = np.random.default_rng(4)
    frames = [[box(100 + rng.normal(0, 5)), box(250 + rng.normal(0, 5))] for _ in range(20)]
    assert numbers(frames, fps) == [[1, 2]] * 20


def test_a_box_that_is_not_finite_has_no_number_and_changes_nothing():
    nan = (np.nan,) * 4
    frames = [[box(100), box(200)], [nan, box(200), box(100)], [box(200), (0, 0, np.inf, 9)]]
    assert numbers(frames) == [[1, 2], [None, 2, 1], [2, None]]


def test_a_false_alarm_elsewhere_takes_no_number_from_a_person():
    frames = [
        [box(100)] if n % 5 else [box(100), box(20 + 13 * n % 280, 30, 25)] for n in range(60)
    ]
    assert all(persons[0] == 1 for persons in numbers(frames))


def test_a_much_larger_face_at_the_same_place_is_someone_else():
    assert numbers([[box(100)], [box(100, side=120)]]) == [[1], [2]]


@settings(max_examples=50)
@given(
    st.lists(
        st.lists(st.tuples(st.floats(0, 300), st.floats(0, 200), st.floats(0, 90)), max_size=5),
        max_size=12,
    ),
    st.floats(0.001, 3),
)
def test_numbers_are_unique_in_a_frame_and_count_up(frames, dt):
    tracker, highest = Tracker(), 0
    for n, found in enumerate(frames):
        persons = tracker.persons([box(*each) for each in found], n * dt)
        assert len(set(persons)) == len(persons)
        new = sorted(person for person in persons if person > highest)
        assert new == list(range(highest + 1, highest + 1 + len(new)))
        highest += len(new)


def test_faces_get_numbers_by_their_landmarks_or_else_by_their_box():
    shape = np.array([[0.0, 0], [40, 0], [20, 20], [10, 40], [30, 40]])
    face = FaceLandmarks(shape, "face5", np.zeros((2, 2)), box=(0, 0, 40, 40))
    partly = replace(face, landmarks=np.where([[True]] * 4 + [[False]], shape, np.nan))
    lost = replace(face, landmarks=shape * np.nan)
    tracker = Tracker()
    found = [tracker([each], n / FPS)[0].person for n, each in enumerate((face, partly, lost))]
    assert found == [1, 1, 1]
    assert tracker([replace(lost, box=None)], 1.0)[0].person is None
    smoother = Smoother()
    for n, each in enumerate((face, partly, lost, replace(lost, box=None), face)):
        (smoothed,) = smoother([each], n / FPS)
        assert np.array_equal(np.isnan(smoothed.landmarks), np.isnan(each.landmarks))
    assert smoothed.person == 1 and smoothed.landmarks == pytest.approx(shape)


def test_a_cut_restarts_the_filter():
    shape = np.array([[0.0, 0], [40, 0], [20, 20], [10, 40], [30, 40]])
    faces = [FaceLandmarks(shape + x, "face5", np.zeros((2, 2))) for x in (0, 0, 4)]
    for cut, exact in ((False, False), (True, True)):
        smoother = Smoother(0.5, 0)
        smoother([faces[0]], 0.0), smoother([faces[1]], 0.1)
        (last,) = smoother([faces[2]], 0.2, cut)
        assert np.allclose(last.landmarks, faces[2].landmarks) == exact


def test_the_prediction_is_that_of_a_speed_that_fades():
    """Mean and covariance against a simulation of the process in small steps."""
    motion = BoxMotion(box(100))
    motion._mean[0, 1] = 50.0
    motion._covariance[:] = 0
    motion.predict(0.3)
    one, two = BoxMotion(box(100)), BoxMotion(box(100))
    one.predict(0.3)
    for _ in range(300):
        two.predict(0.001)
    assert motion._mean[0, 0] == pytest.approx(100 + 50 * FADING * (1 - np.exp(-0.3 / FADING)))
    assert one._covariance == pytest.approx(two._covariance, rel=1e-6)
    rng = np.random.default_rng(0)
    x, speed, dt = np.zeros(20000), np.zeros(20000), 0.002
    scale = motion._covariance[0, 1, 1] / (1 - np.exp(-0.6 / FADING))  # variance of the speed
    for _ in range(150):
        speed += -speed * dt / FADING + rng.normal(0, np.sqrt(2 * scale * dt / FADING), len(x))
        x += speed * dt
    assert x.var() == pytest.approx(motion._covariance[0, 0, 0], rel=0.05)


def test_times_must_rise():
    tracker = Tracker()
    tracker.persons([], 1.0)
    with pytest.raises(InputError, match="must rise"):
        tracker.persons([], 1.0)
    with pytest.raises(InputError, match="forget"):
        Tracker(forget=-1)
