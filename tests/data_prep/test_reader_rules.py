"""Format readers: known files, round trips, hostile files."""

import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_prep.readers import READERS, ibug_pts, yolo_pose
from mlcmkd.data.thermal.radiometry import GREY8
from mlcmkd.utils.errors import InputError

SHARED = Path(__file__).parents[3] / "shared" / "data"
QUIET = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


def shared(name):
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"the shared data set {name} is not on this machine")
    return path


def photo(path, width=8, height=6):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((height, width, 3), 90, np.uint8))


def pts(path, points, braces=True):
    """Write 0-based points the way iBUG does, 1-based."""
    path.parent.mkdir(parents=True, exist_ok=True)
    body = "".join(f"{x!r} {y!r}\n" for x, y in (np.asarray(points) + 1.0).tolist())
    head = "version: 1\nn_points:  68\n{\n" if braces else ""
    path.write_text(head + body + ("}\n" if braces else ""))


def face(folder, name, **keywords):
    photo(folder / f"{name}.jpg")
    pts(folder / f"{name}.pts", np.arange(136.0).reshape(68, 2), **keywords)


def label(path, points, confidence=1.0, line=None):
    """Write a YOLO label of normalised points (54, 2)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    numbers = [v for x, y in np.asarray(points).tolist() for v in (x, y, confidence)]
    path.write_text(line or f"0 0.5 0.5 1 1 {' '.join(map(repr, numbers))}\n")


def frame(folder, sequence, name, points=None, **keywords):
    photo(folder / sequence / "images" / f"{name}.jpg")
    points = np.full((54, 2), 0.5) if points is None else points
    label(folder / sequence / "labels" / f"{name}.txt", points, **keywords)


def messages(reader, source):
    """(name, reason) of all that a reader complains of."""
    bad = []
    list(reader(source, lambda name, error: bad.append((name, str(error)))))
    return bad


# --- iBUG .pts


@pytest.mark.parametrize("braces", [True, False])
def test_pts_are_one_based(tmp_path, braces):
    face(tmp_path / "afw", "1051618982_1", braces=braces)
    (annotation,) = ibug_pts.read(tmp_path)
    np.testing.assert_array_equal(annotation.landmarks[0], [0, 1])
    np.testing.assert_array_equal(annotation.landmarks[67], [134, 135])
    assert annotation.landmarks.dtype == np.float64
    assert annotation.id == "afw/1051618982_1"
    assert annotation.subject == "afw/1051618982"
    assert annotation.rgb_path == tmp_path / "afw" / "1051618982_1.jpg"
    assert (annotation.thermal_path, annotation.radiometry) == (None, None)
    assert (annotation.scheme, annotation.labels, annotation.split) == ("ibug68", "hand", None)


def test_first_pixel_of_the_owners_text(tmp_path):
    photo(tmp_path / "a.png")
    lines = ["1.000000 1.000000"] * 67 + ["3.5 2.25"]
    (tmp_path / "a.pts").write_text(
        "version: 1\r\nn_points:  68\r\n{\r\n" + "\r\n".join(lines) + "\r\n}"
    )
    marks = next(ibug_pts.read(tmp_path)).landmarks
    assert marks[0].tolist() == [0.0, 0.0]
    assert marks[67].tolist() == [2.5, 1.25]


coordinates = st.floats(-1e4, 1e4, allow_nan=False)


@QUIET
@given(
    points=st.lists(st.tuples(coordinates, coordinates), min_size=68, max_size=68),
    braces=st.booleans(),
)
def test_written_points_are_read_back(tmp_path, points, braces):
    pts(tmp_path / "a.pts", points, braces)
    np.testing.assert_allclose(ibug_pts.read_points(tmp_path / "a.pts"), points, atol=1e-9)


def test_subjects_and_splits_follow_names(tmp_path):
    for name in (
        "afw/134212_1",
        "afw/134212_2",
        "helen/trainset/100032540_1",
        "helen/testset/30427236_2",
        "ibug/image_008_1",
        "lfpw_test/image_0001",
        "lfpw_train/image_0001",
        "lfpw_train/image_0001_mirror",
    ):
        face(tmp_path / Path(name).parent, Path(name).name)
    found = {a.id: (a.subject, a.split) for a in ibug_pts.read(tmp_path)}
    assert found == {
        "afw/134212_1": ("afw/134212", None),
        "afw/134212_2": ("afw/134212", None),
        "helen/trainset/100032540_1": ("helen/trainset/100032540", None),
        "helen/testset/30427236_2": ("helen/testset/30427236", "test"),
        "ibug/image_008_1": ("ibug/image_008", "test"),
        "lfpw_test/image_0001": ("lfpw_test/image_0001", "test"),
        "lfpw_train/image_0001": ("lfpw_train/image_0001", None),
        "lfpw_train/image_0001_mirror": ("lfpw_train/image_0001", None),
    }
    assert {a.split for a in ibug_pts.read(tmp_path / "lfpw_test")} == {"test"}


def test_300w_test_faces_have_groups_if_ibug_is_present(tmp_path):
    names = (
        *("afw/134212_1", "helen/trainset/1", "helen/testset/2", "Helen_test/3"),
        *("lfpw_train/image_0001", "lfpw_test/image_0001", "own_test/1"),
    )
    for name in names:
        face(tmp_path / Path(name).parent, Path(name).name)
    assert {a.group for a in ibug_pts.read(tmp_path)} == {None}
    face(tmp_path / "ibug", "image_003_1")
    assert {a.id: a.group for a in ibug_pts.read(tmp_path)} == {
        **dict.fromkeys(names, None),
        **dict.fromkeys(("helen/testset/2", "Helen_test/3", "lfpw_test/image_0001"), "common"),
        "ibug/image_003_1": "challenge",
    }
    (alone,) = ibug_pts.read(tmp_path / "ibug")
    assert (alone.id, alone.split, alone.group) == ("image_003_1", "test", "challenge")


POINTS = "1 2\n" * 68


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a.pts: empty"),
        (" \n \n", "a.pts: empty"),
        ("1 2\n" * 67, "a.pts: 67 points instead of 68"),
        ("1 2\n" * 69, "a.pts: 69 points instead of 68"),
        ("version: 1\nn_points: 68\n{\n" + POINTS, "a.pts: the closing brace is missing"),
        ("version: 1\nn_points: 29\n{\n" + POINTS + "}", "line 2: n_points is 29, but"),
        ("{\n" + POINTS + "}\nmore", "line 71: text after the closing brace"),
        ("1 2\nnan 4\n" + POINTS, "line 2: 'nan' is not a finite number"),
        ("1 2\n1 -inf\n" + POINTS, "line 2: '-inf' is not a finite number"),
        ("1 1_000\n", "line 1: '1_000' is not a finite number"),
        ("1 2\n3 four\n", "line 2: 'four' is not a finite number"),
        ("1 2 3\n", "line 1: '1 2 3' is not a point; write it as `x y`"),
        ("1 2\n{\n", "line 2: '{' is not a point"),
        ("1 2\0\n", "a.pts: not a text file"),
        (b"\xff\xd8\xff\xe0 jpeg", "a.pts: not a text file"),
        ("1 2\n" * 300_000, "a.pts: too large for an annotation of one face"),
    ],
)
def test_invalid_pts_name_file_line_and_fix(tmp_path, text, message):
    face(tmp_path, "a")
    path = tmp_path / "a.pts"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError) as caught:
        list(ibug_pts.read(tmp_path))
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


@QUIET
@given(data=st.binary(max_size=200) | st.text("{}0123456789. \nevrsion:-", max_size=200))
def test_garbage_ends_in_input_errors_only(tmp_path, data):
    path = tmp_path / "a.pts"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    with pytest.raises(InputError, match=re.escape(str(path))):
        ibug_pts.read_points(path)


def test_photo_and_points_must_come_together(tmp_path):
    photo(tmp_path / "alone.jpg")
    pts(tmp_path / "lonely.pts", np.zeros((68, 2)))
    face(tmp_path, "whole")
    assert [a.id for a in ibug_pts.read(tmp_path, lambda *_: None)] == ["whole"]
    bad = dict(messages(ibug_pts.read, tmp_path))
    assert "no .pts beside it; add one, or leave the photo out" in bad["alone.jpg"]
    assert "no photo of the same name beside it" in bad["lonely.pts"]
    with pytest.raises(InputError, match=r"alone\.jpg: no \.pts beside it"):
        list(ibug_pts.read(tmp_path))


def test_links_out_of_the_source_are_refused(tmp_path):
    face(tmp_path / "outside", "a")
    source = tmp_path / "source"
    face(source, "b")
    (source / "a.jpg").symlink_to(tmp_path / "outside" / "a.jpg")
    pts(source / "a.pts", np.zeros((68, 2)))
    (source / "folder").symlink_to(tmp_path / "outside")
    (source / "c.pts").symlink_to("b.pts")
    photo(source / "c.jpg")
    with pytest.raises(InputError, match="leads out of the data folder"):
        list(ibug_pts.read(source))
    bad = messages(ibug_pts.read, source)
    assert {name for name, _ in bad} == {"a.jpg", "a.pts", "folder"}
    assert all("leads out of the data folder" in reason for _, reason in bad)
    assert [a.id for a in ibug_pts.read(source, lambda *_: None)] == ["b", "c"]


def test_source_must_be_a_folder(tmp_path):
    for reader in READERS.values():
        with pytest.raises(InputError, match="nowhere: no such folder"):
            list(reader(tmp_path / "nowhere"))


def test_both_dialects_of_the_samples():
    folder = shared("format_samples/ibug_pts")
    braced = ibug_pts.read_points(folder / "lfpw_braced.pts")
    np.testing.assert_allclose(braced[0], [86.050020, 154.053441], atol=1e-9)
    bare = ibug_pts.read_points(folder / "helen_bare_xy.pts")
    np.testing.assert_allclose(bare[1], [270.506630, 392.106776], atol=1e-9)


def test_counts_of_the_300w_crops():
    found = list(ibug_pts.read(shared("visible_300w")))
    assert len(found) == 2236
    assert sum(a.split == "test" for a in found) == 224
    assert len({a.subject for a in found if a.id.startswith("afw/")}) == 185  # photos


# --- YOLO pose


def test_yolo_measures_from_the_corner(tmp_path):
    points = np.full((54, 2), 0.5)
    points[0] = [0.0625, 0.25]  # 0.5 of 8 pixels, 1.5 of 6 pixels
    frame(tmp_path, "s", "f", points)
    (annotation,) = yolo_pose.read(tmp_path)
    np.testing.assert_allclose(annotation.landmarks[0], [0, 1])
    np.testing.assert_allclose(annotation.landmarks[53], [3.5, 2.5])  # the middle of 8 x 6 pixels
    assert (annotation.id, annotation.subject, annotation.split) == ("s/f", "s", None)
    assert (annotation.scheme, annotation.labels) == ("sf_tl54", "unknown")
    assert annotation.radiometry == GREY8
    assert annotation.rgb_path is None


def test_a_yolo_point_at_the_corner_is_not_labelled(tmp_path):
    points = np.full((54, 2), 0.5)
    points[[3, 7]] = 0
    numbers = " ".join(map(str, points.ravel().tolist()))
    frame(tmp_path, "s", "f", line=f"0 0.5 0.5 1 1 {numbers}")
    (annotation,) = yolo_pose.read(tmp_path)
    assert np.flatnonzero(np.isnan(annotation.landmarks).all(axis=1)).tolist() == [3, 7]


def test_drivers_and_their_splits(tmp_path):
    for sequence in ("1_Man_NoGlasses_Normal", "1_Man_Glasses1_Yawning", "2_Woman_Glasses1_Normal"):
        frame(tmp_path, sequence, "Imag_00000")
    found = [(a.id, a.subject, a.split, a.group) for a in yolo_pose.read_knapik54(tmp_path)]
    assert found == [
        ("1_Man_Glasses1_Yawning/Imag_00000", "1_Man", "val", None),
        ("1_Man_NoGlasses_Normal/Imag_00000", "1_Man", "val", None),
        ("2_Woman_Glasses1_Normal/Imag_00000", "2_Woman", "test", None),
    ]


def test_further_drivers_are_test_groups_of_their_own(tmp_path):
    for sequence in ("1_Man_A_Normal", "2_Man_A_Normal", "3_Man_A_Normal", "10_Woman_A_Normal"):
        frame(tmp_path, sequence, "f")
    found = {a.subject: (a.split, a.group) for a in yolo_pose.read_knapik54(tmp_path)}
    assert found == {
        "1_Man": ("val", None),
        "2_Man": ("test", "drivers 2"),
        "3_Man": ("test", "drivers 3"),
        "10_Woman": ("test", "drivers 10"),
    }


@pytest.mark.parametrize("sequence", ["x_Man_Normal", "1_Man", "driver"])
def test_a_sequence_without_driver(tmp_path, sequence):
    frame(tmp_path, sequence, "f")
    with pytest.raises(InputError, match=f"{sequence}: the sequence's name does not begin"):
        list(yolo_pose.read_knapik54(tmp_path))


GOOD = "0 .5 .5 1 1" + " .5 .5 1" * 54


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (f"{GOOD}\n{GOOD}\n", "line 2: the same points as another face"),
        (GOOD[:-6], "line 1: 165 numbers, expected 5 (class, box) and x, y"),
        (GOOD[:-1] + "nan", "line 1: 'nan' is not a finite number"),
        (GOOD.replace("0 ", "x ", 1), "line 1: 'x' is not a finite number"),
        ("\0\1\2", "f.txt: not a text file"),
    ],
)
def test_invalid_labels_name_file_line_and_fix(tmp_path, line, message):
    frame(tmp_path, "1_Man_x", "f", line=line)
    for reader in (yolo_pose.read, yolo_pose.read_knapik54):
        with pytest.raises(InputError) as caught:
            list(reader(tmp_path))
        assert message in str(caught.value)
        assert "f.txt" in str(caught.value)


def test_frames_and_labels_must_come_together(tmp_path):
    frame(tmp_path, "s", "good")
    frame(tmp_path, "s", "unlabelled")
    (tmp_path / "s" / "labels" / "unlabelled.txt").unlink()
    label(tmp_path / "s" / "labels" / "lonely.txt", np.zeros((54, 2)))
    frame(tmp_path, "s", "broken")
    (tmp_path / "s" / "images" / "broken.jpg").write_bytes(b"not a jpeg")
    assert [a.id for a in yolo_pose.read(tmp_path, lambda *_: None)] == ["s/good"]
    reasons = dict(messages(yolo_pose.read, tmp_path))
    assert "unlabelled.txt is missing" in reasons["s/images/unlabelled.jpg"]
    assert "no frame of the same name in ../images" in reasons["s/labels/lonely.txt"]
    assert "broken.jpg: not a complete image: it is a text file" in reasons["s/labels/broken.txt"]


@QUIET
@given(data=st.binary(max_size=300) | st.text("0123456789. \n-e", max_size=300))
def test_garbage_labels_end_in_input_errors_only(tmp_path, data):
    path = tmp_path / "f.txt"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    try:
        found = list(yolo_pose.read_faces(path, 320, 240))
    except InputError as error:
        found = [error]
    assert all(str(path) in str(error) for error in found)


def test_counts_of_the_drivers():
    found = list(yolo_pose.read_knapik54(shared("thermal_knapik54")))
    assert sum(a.split == "val" for a in found) == 935
    assert sum(a.split == "test" for a in found) == 363
    assert {a.subject for a in found} == {"1_Man", "1_Woman", "2_Man", "2_Woman"}
