"""Landmarks and boxes that cannot be pixels of a face; and faces that must not be refused."""

import numpy as np
import pytest

from mlcmkd.data.plausibility import (
    box_fault,
    collapsed,
    is_transposed,
    landmark_fault,
    outside_fault,
)
from mlcmkd.schemes import SCHEMES
from tests.data_prep.test_verification import JUDGED, face, turned

IBUG = SCHEMES["ibug68"]
FACE = face(IBUG) + [100, 90]


def kind(fault):
    return None if fault is None else fault.kind


@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=lambda scheme: scheme.name)
@pytest.mark.parametrize("offset", [0.0, -1.0, -0.5], ids=["from 0", "from 1", "centred"])
def test_shares_of_the_image_size_are_found_in_every_scheme(scheme, offset):
    points = np.random.default_rng(0).uniform(0, 1, (scheme.points, 2)) + offset
    assert kind(landmark_fault(scheme, points)) == "shares"
    assert "give pixels" in collapsed(points).what


@pytest.mark.parametrize("mark", [-2, -1, 0, 7.5])
def test_a_face_that_was_not_found_is_no_face(mark):
    fault = collapsed(np.full((68, 2), float(mark)))
    assert fault.kind == "coincident points"
    assert f"68 of 68 points are at ({mark:g}, {mark:g})" in fault.what


@pytest.mark.parametrize(
    ("count", "place", "found"),
    [(2, 0, True), (2, -1, True), (1, 0, True), (1, -1, True), (1, -2, True), (1, 3, False)],
)
def test_marks_of_single_points_that_were_not_found(count, place, found):
    points = FACE.copy()
    points[20 : 20 + count] = place
    assert (kind(collapsed(points)) == "coincident points") == found


@pytest.mark.parametrize("scheme", JUDGED, ids=lambda scheme: scheme.name)
def test_one_landmark_at_the_corner_of_the_image_is_accepted(scheme):
    points = face(scheme)
    points -= points.min(axis=0)  # a face at the corner of the image
    points[0] = 0
    assert landmark_fault(scheme, points) is None


def test_landmarks_of_another_image_size_are_found():
    assert kind(outside_fault(FACE * 3, (320, 240))) == "point outside"
    assert (
        "only 0 of 68 landmarks are inside the image of 320 x 240"
        in outside_fault(FACE + 900, (320, 240)).what
    )
    half = FACE - [np.quantile(FACE[:, 0], 0.3), 0]  # a face that the border of the image cuts
    assert outside_fault(half, (320, 240)) is None
    assert outside_fault(np.full((68, 2), np.nan), (320, 240)) is None


def test_half_of_the_points_at_one_place_are_no_face():
    points = FACE.copy()
    points[:34] = (50, 60)
    assert "34 of 68 points are at (50, 60)" in collapsed(points).what
    points[0] += 1
    assert collapsed(points) is None


def test_points_that_coincide_in_real_faces_are_accepted():
    points = FACE.copy()
    points[[61, 62, 63]] = points[[67, 66, 65]]  # a closed mouth
    points[[37, 38]] = points[[41, 40]]  # a closed eye
    assert landmark_fault(IBUG, points) is None
    small = face(SCHEMES["face5"]).round() / 30  # three pixels wide
    assert landmark_fault(SCHEMES["face5"], small + 20) is None


def test_points_without_label_are_ignored():
    points = FACE.copy()
    points[::2] = np.nan
    assert landmark_fault(IBUG, points) is None
    points[1::2] = 3.0
    assert kind(landmark_fault(IBUG, points)) == "coincident points"
    assert landmark_fault(IBUG, np.full((68, 2), np.nan)) is None


@pytest.mark.parametrize("scheme", JUDGED, ids=lambda scheme: scheme.name)
def test_exchanged_x_and_y_are_found_and_rolled_heads_are_not(scheme):
    for degrees in range(0, 360, 15):
        points = turned(face(scheme), degrees) + 200
        assert landmark_fault(scheme, points) is None
    for degrees in (-30, -15, 0, 15, 30):
        mirrored = turned(face(scheme), degrees) * [-1, 1] + 200
        assert not is_transposed(scheme, mirrored), "another problem, `is_flipped`"
        points = (turned(face(scheme), degrees) + 200)[:, ::-1]
        assert kind(landmark_fault(scheme, points)) == "x and y"


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((10, 10, 60, 60), None),
        ((-25, 10, 25, 60), None),  # half of it inside
        ((-500, -500, 900, 900), None),  # all of the image inside
        ((-26, 10, 24, 60), "box misses image"),
        ((-200, 40, 1, 200), "box misses image"),
        ((100, 0, 130, 50), "box misses image"),
        ((50, 30, 52, 32), "tiny box"),
        ((0.2, 0.2, 0.7, 0.8), "shares"),
        ((0, 0, 1, 1), "shares"),
    ],
)
def test_boxes_of_an_image_of_100_by_80_pixels(box, expected):
    assert kind(box_fault(box, (100, 80))) == expected


def test_a_box_must_contain_half_of_the_landmarks():
    points = np.array([[10, 10], [20, 10], [30, 10], [40, 10.0]])
    assert box_fault((5, 5, 25, 25), (100, 80), points) is None
    fault = box_fault((5, 5, 15, 25), (100, 80), points)
    assert fault.kind == "box misses face" and "contains 1 of 4 landmarks" in fault.what
    points[1:3] = np.nan
    assert box_fault((5, 5, 15, 25), (100, 80), points) is None


@pytest.mark.parametrize(
    ("x0", "alone", "with_landmarks"),
    [
        (-50.5, None, None),  # exactly half of it inside
        (-51.5, "box misses image", None),  # 49 %
        (-85, "box misses image", None),  # 15 %, and half of the landmarks
        (-96, "box misses image", "box misses image"),  # 4 %, and less than half of them
        (-101, "box misses image", "box misses image"),
    ],
)
def test_a_box_of_a_face_that_the_border_cuts_off(x0, alone, with_landmarks):
    """Without landmarks half of it must be inside; with them, it must contain half of them."""
    box = (x0, 10, x0 + 100, 60)
    points = np.array([[-20, 30], [5, 30], [13, 30], [14, 40.0]])
    assert kind(box_fault(box, (100, 80))) == alone
    assert kind(box_fault(box, (100, 80), points)) == with_landmarks
