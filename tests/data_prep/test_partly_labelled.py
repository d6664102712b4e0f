"""Kind: faces of which some points, or all, have no label. The others are kept; nothing is guessed."""

import json

import numpy as np
import pytest

from data_prep.prepare import prepare
from data_prep.readers import get_reader
from data_prep.report_file import read_report
from data_prep.verification.check_manifest import verify
from mlcmkd.data.landmark_files import read_landmarks
from mlcmkd.data.manifest import points_of, read_rows
from mlcmkd.data.manifest_pairs import load_manifest
from mlcmkd.schemes import IBUG68
from mlcmkd.utils.errors import InputError
from tests.data_prep import sources
from tests.data_prep.test_point_names import write_dlib, write_labelme
from tests.data_prep.test_verification import face

MISSING = [0, 1, 2, 40]
MARKS = face(IBUG68) * 0.2 + [20, 20]
EXPECTED = np.where(np.isin(np.arange(68), MISSING)[:, None], np.nan, MARKS)


def coco(folder):
    flags = np.where(np.isin(np.arange(68), MISSING), 0, 2)
    marks = np.where((flags == 0)[:, None], 0, MARKS)
    sources.coco(folder / "faces.json", [("a.png", np.column_stack([marks, flags]))])


def labelme(folder):
    keep = [n for n in range(68) if n not in MISSING]
    write_labelme(folder, [f"p{n + 1}" for n in keep], MARKS[keep])


def dlib(folder):
    keep = [n for n in range(68) if n not in MISSING]
    write_dlib(folder, [IBUG68.names[n] for n in keep], MARKS[keep])


def wide(folder):
    header = "image," + ",".join(f"{axis}{n}" for n in range(68) for axis in "xy")
    cells = ["" if np.isnan(value) else f"{value!r}" for value in EXPECTED.ravel().tolist()]
    sources.text(folder / "faces.csv", header, ",".join(["a.png", *cells]))


def long(folder):
    rows = [f"a.png,ibug68,{n},{x!r},{y!r}" for n, (x, y) in enumerate(EXPECTED.tolist())]
    sources.text(folder / "faces.csv", "image,scheme,point,x,y", *rows)


def pts(folder):
    sources.text(folder / "a.pts", *(f"{x!r} {y!r}" for x, y in (EXPECTED + 1).tolist()))


WRITERS = [coco, labelme, dlib, wide, long, pts]


@pytest.fixture(params=WRITERS, ids=lambda write: write.__name__)
def source(request, tmp_path):
    folder = tmp_path / "in"
    sources.image(folder / "a.png")
    sources.text(folder / "dataset.yaml", "scheme: ibug68")
    request.param(folder)
    return folder


def test_points_without_a_label_are_missing_from_reader_to_pairs(source, tmp_path):
    (found,) = get_reader("folder")(source)
    np.testing.assert_allclose(found.landmarks, EXPECTED)
    report = prepare("folder", source, tmp_path / "out", progress=False)
    assert "1 faces have points without a label" in str(report)
    (row,) = read_rows(tmp_path / "out")
    assert [n for n, point in enumerate(row.landmarks) if point is None] == MISSING
    np.testing.assert_allclose(points_of(row), EXPECTED)
    assert verify(tmp_path / "out", progress=False).ok
    pairs = load_manifest(tmp_path / "out", row.split, 32, progress=False)
    np.testing.assert_allclose(pairs.pixels(pairs.landmarks.numpy())[0], EXPECTED, atol=1e-4)
    assert pairs.labelled.tolist() == [True] and pairs.fully_labelled.tolist() == [False]
    (scored,) = read_landmarks(tmp_path / "out", "ibug68", row.split).faces.values()
    np.testing.assert_allclose(scored, EXPECTED)


def test_a_yolo_point_of_confidence_0_has_no_label(tmp_path):
    marks = sources.points(68)
    sources.image(tmp_path / "s/images/f.jpg", kind="grey")
    confidence = np.where(np.isin(np.arange(68), MISSING), 0, 1)
    values = np.column_stack([(marks + 0.5) / (sources.WIDTH, sources.HEIGHT), confidence])
    sources.text(tmp_path / "s/labels/f.txt", f"0 .5 .5 .5 .5 {sources.flat(values, ' ')}")
    (found,) = get_reader("yolo_pose")(tmp_path)
    assert np.flatnonzero(np.isnan(found.landmarks).any(axis=1)).tolist() == MISSING
    assert found.box == (11.5, 9.5, 35.5, 29.5)


@pytest.mark.parametrize("name", ["carl_eurecom", "tfd68"])
def test_data_sets_with_named_or_flagged_points_may_lack_some(tmp_path, name):
    sources.SOURCES[name](tmp_path)
    if name == "tfd68":
        marks = sources.flagged(68)
        marks[:2, 2] = 0
        sources.coco(tmp_path / "tfd68.json", [("thermal_1_0_0.jpg", marks)])
    else:
        path = tmp_path / "faces.xml"
        text = path.read_text()
        start = text.index("<part")
        path.write_text(text[:start] + text[text.index("<part", start + 1) :])
    missing = [
        int(np.isnan(found.landmarks).any(axis=1).sum()) for found in get_reader(name)(tmp_path)
    ]
    assert missing == ([2] if name == "tfd68" else [1, 0])


def test_a_face_without_any_label_is_passed_over_and_counted(tmp_path):
    for n in range(3):
        sources.image(tmp_path / f"in/{n}.png", n)
    faces = [("0.png", sources.flagged(68)), ("1.png", np.zeros((68, 3)))]
    sources.coco(tmp_path / "in/a.json", faces)
    header = "image," + ",".join(f"{axis}{n}" for n in range(68) for axis in "xy")
    sources.text(tmp_path / "in/b.csv", header, "2.png" + ",nan" * 136)
    sources.text(tmp_path / "in/c.json", json.dumps({"shapes": [], "imagePath": "2.png"}))
    report = prepare("folder", tmp_path / "in", tmp_path / "out", progress=False)
    assert report.rows == 1 and not report.skipped and len(report.unlabelled) == 3
    assert "3 left out without a label (see report.json), the first: " in str(report)
    assert "annotation 1: no point is labelled" in str(report)
    assert len(read_report(tmp_path / "out")["unlabelled"]) == 3
    sources.text(tmp_path / "in/dataset.yaml", "{unlabelled: true, scheme: ibug68}")
    report = prepare("folder", tmp_path / "in", tmp_path / "all", progress=False)
    assert (report.images, report.labelled) == (3, 1)


def test_an_empty_yolo_file_is_a_frame_without_a_face(tmp_path):
    sources.yolo(tmp_path / "in", "anna", 68)
    sources.image(tmp_path / "in/anna/images/f2.jpg", 2, "grey")
    sources.text(tmp_path / "in/anna/labels/f2.txt", "")
    report = prepare("yolo_pose", tmp_path / "in", tmp_path / "out", progress=False)
    assert report.rows == 1 and len(report.unlabelled) == 1


def test_points_that_are_there_but_flagged_as_not_labelled_are_an_error(tmp_path):
    sources.image(tmp_path / "a.png")
    marks = sources.flagged(68) * [1, 1, 0]
    sources.coco(tmp_path / "a.json", [("a.png", marks)])
    table = json.loads((tmp_path / "a.json").read_text())
    table["annotations"][0]["num_keypoints"] = 68
    sources.text(tmp_path / "a.json", json.dumps(table))
    with pytest.raises(InputError, match="visibility of every point is 0 .* num_keypoints is 68"):
        list(get_reader("folder")(tmp_path))


def test_a_few_points_without_a_box_do_not_say_where_the_face_is(tmp_path):
    sources.image(tmp_path / "in/a.png")
    sources.text(tmp_path / "in/dataset.yaml", "scheme: ibug68")
    write_labelme(tmp_path / "in", IBUG68.names[36:48], MARKS[36:48])
    with pytest.raises(InputError, match="12 of 68 landmarks have a label.*give its box"):
        prepare("folder", tmp_path / "in", tmp_path / "out", progress=False)
    path = tmp_path / "in/a.json"
    table = json.loads(path.read_text())
    table["shapes"].append(
        {"label": "face", "points": [[2, 3], [40, 38]], "shape_type": "rectangle"}
    )
    sources.text(path, json.dumps(table))
    prepare("folder", tmp_path / "in", tmp_path / "out", progress=False)
    assert read_rows(tmp_path / "out")[0].box == (2, 3, 40, 38)
