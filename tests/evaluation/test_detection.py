"""Average precision, recall and false alarms, against values computed by hand."""

import numpy as np
import pytest

from mlcmkd.deployment.face_maps import FoundFace
from mlcmkd.evaluation.detection import TrueFaces, match_faces

BOX, FAR = (0.0, 0.0, 10.0, 10.0), (50.0, 50.0, 60.0, 60.0)


def truth(*boxes, counted=None):
    counted = [True] * len(boxes) if counted is None else counted
    return TrueFaces(np.array(boxes, float).reshape(-1, 4), np.array(counted, bool))


def test_average_precision_by_hand():
    # Right at 0.9, wrong at 0.8, right at 0.7; three faces: 1/3 * 1 + 1/3 * 2/3 = 5/9.
    found = [[FoundFace(BOX, 0.9), FoundFace(FAR, 0.8)], [FoundFace(BOX, 0.7)], []]
    matches = match_faces(found, [truth(BOX), truth(BOX), truth(BOX)])
    assert matches.average_precision == pytest.approx(5 / 9)
    assert matches.recall(0.75) == pytest.approx(1 / 3)
    assert matches.false_alarms(0.75) == pytest.approx(1 / 3)
    assert matches.false_alarms(0.85) == 0


def test_a_face_that_is_found_twice_counts_once():
    found = [[FoundFace(BOX, 0.9), FoundFace((0.5, 0.0, 10.5, 10.0), 0.8)]]
    matches = match_faces(found, [truth(BOX)])
    assert matches.right.tolist() == [True, False]


def test_a_face_that_does_not_count_is_neither_right_nor_wrong():
    found = [[FoundFace(BOX, 0.9), FoundFace(FAR, 0.5)]]
    matches = match_faces(found, [truth(BOX, FAR, counted=[False, True])])
    assert matches.scores.tolist() == [0.5]
    assert matches.faces == 1
    assert matches.average_precision == 1


def test_without_faces_there_is_no_recall_but_false_alarms():
    matches = match_faces([[FoundFace(BOX, 0.9)], []], [truth(), truth()])
    assert np.isnan(matches.average_precision)
    assert np.isnan(matches.recall(0.5))
    assert matches.false_alarms(0.5) == 0.5


def test_overlap_below_a_half_is_no_match():
    # IoU of two squares of side 10, shifted by 4: 60 / 140.
    matches = match_faces([[FoundFace((4.0, 0.0, 14.0, 10.0), 0.9)]], [truth(BOX)])
    assert matches.right.tolist() == [False]
