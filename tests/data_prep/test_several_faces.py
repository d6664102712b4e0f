"""Kinds: several faces of one image, and one face that is annotated twice, in every format."""

import json
from pathlib import Path

import numpy as np
import pytest

from data_prep.prepare import prepare
from data_prep.readers import get_reader
from mlcmkd.data.landmark_files import read_landmarks
from mlcmkd.data.manifest import read_rows
from mlcmkd.deployment.faces import FaceLandmarks
from mlcmkd.deployment.outputs import CsvWriter
from mlcmkd.utils.errors import InputError
from tests.data_prep import sources

FIRST = sources.points(68) / 3
SECOND = FIRST + [26, 20]


def coco(folder: Path, *faces: np.ndarray) -> None:
    marks = [("a.png", np.column_stack([face, np.full(68, 2)])) for face in faces]
    sources.coco(folder / "a.json", marks)
    table = json.loads((folder / "a.json").read_text())
    for annotation in table["annotations"]:
        del annotation["bbox"]
        annotation["image_id"] = 0
    sources.text(folder / "a.json", json.dumps(table))


def labelme(folder: Path, *faces: np.ndarray) -> None:
    shapes = [
        {"label": str(n), "points": [mark.tolist()], "shape_type": "point", "group_id": group}
        for group, face in enumerate(faces)
        for n, mark in enumerate(face)
    ]
    sources.text(folder / "a.json", json.dumps({"shapes": shapes, "imagePath": "a.png"}))


def dlib(folder: Path, *faces: np.ndarray) -> None:
    lines = [
        sources.dlib_face("a.png", {str(n): mark for n, mark in enumerate(face)}) for face in faces
    ]
    sources.text(folder / "a.xml", "<x>", *lines, "</x>")


def wide_csv(folder: Path, *faces: np.ndarray) -> None:
    header = "image," + ",".join(f"{axis}{n}" for n in range(68) for axis in "xy")
    rows = [f"a.png,{','.join(map(repr, face.ravel().tolist()))}" for face in faces]
    sources.text(folder / "a.csv", header, *rows)


def long_csv(folder: Path, *faces: np.ndarray) -> None:
    """As `mlcmkd predict` writes it."""
    writer = CsvWriter(folder)
    image = np.zeros((sources.HEIGHT, sources.WIDTH))
    boxed = [FaceLandmarks(face, "ibug68", image, box=(0, 0, 9, 9)) for face in faces]
    writer.add("a.png", Path("a"), boxed)
    writer.close()
    (folder / "faces.csv").unlink()


@pytest.mark.parametrize("write", [coco, labelme, dlib, wide_csv, long_csv])
def test_a_second_face_of_an_image_has_an_id_of_its_own(tmp_path, write):
    sources.image(tmp_path / "a.png")
    write(tmp_path, FIRST, SECOND)
    one, two = get_reader("folder")(tmp_path)
    assert (one.id, two.id) == ("a", "a#2") and one.subject == two.subject
    decimals = 0.0051 if write is long_csv else 1e-3
    np.testing.assert_allclose([one.landmarks, two.landmarks], [FIRST, SECOND], atol=decimals)


@pytest.mark.parametrize("group", [None, 7])
@pytest.mark.parametrize("label", [str, "p{}".format, lambda n: "face"])
@pytest.mark.parametrize("scheme", ["", "scheme: ibug68"])
def test_faces_of_labelme_without_group_ids_are_an_error_with_the_fix(
    tmp_path, group, label, scheme
):
    for name, faces in (("a", [FIRST, SECOND]), ("b", [FIRST])):
        sources.image(tmp_path / f"in/{name}.png", seed=len(faces))
        shapes = [
            {"label": label(n), "points": [mark], "shape_type": "point", "group_id": group}
            for face in faces
            for n, mark in enumerate(face.tolist())
        ]
        table = {"shapes": shapes, "imagePath": f"{name}.png"}
        sources.text(tmp_path / f"in/{name}.json", json.dumps(table))
    sources.text(tmp_path / "in/dataset.yaml", scheme)
    message = "a.json: 136 points, as of 2 faces, with.* group_id; give the shapes of each face a "
    with pytest.raises(InputError, match=message):
        prepare("folder", tmp_path / "in", tmp_path / "out", progress=False)
    prepare("folder", tmp_path / "in", tmp_path / "out", progress=False, skip_bad=True)
    assert [row.id for row in read_rows(tmp_path / "out")] == ["b"]


def test_of_several_rectangles_of_a_labelme_face_none_is_the_box(tmp_path):
    sources.image(tmp_path / "a.png")
    labelme(tmp_path, FIRST)
    table = json.loads((tmp_path / "a.json").read_text())
    boxes = []
    for corners in ([[1, 1], [30, 30]], [[5, 5], [9, 9]]):
        table["shapes"].append({"label": "x", "points": corners, "shape_type": "rectangle"})
        sources.text(tmp_path / "a.json", json.dumps(table))
        boxes += [face.box for face in get_reader("folder")(tmp_path)]
    assert boxes == [(1, 1, 30, 30), None]


@pytest.mark.parametrize("write", [coco, labelme, dlib, wide_csv, long_csv])
def test_a_face_that_is_annotated_twice_is_one_row(tmp_path, write):
    sources.image(tmp_path / "in/a.png")
    write(tmp_path / "in", FIRST, FIRST + 0.5, SECOND)
    with pytest.raises(
        InputError, match="the same points as another face of .*a.png; leave it out"
    ):
        prepare("folder", tmp_path / "in", tmp_path / "out", progress=False)
    report = prepare("folder", tmp_path / "in", tmp_path / "out", progress=False, skip_bad=True)
    assert len(report.skipped) == 1
    assert [row.id for row in read_rows(tmp_path / "out")] == ["a", "a#2"]


@pytest.mark.parametrize("write", [coco, labelme, dlib, wide_csv, long_csv])
def test_faces_that_cover_each_other_are_kept_and_this_is_said(tmp_path, write):
    """Two annotators, or two people: only the user knows."""
    sources.image(tmp_path / "in/a.png")
    write(tmp_path / "in", FIRST, FIRST + 2)
    report = prepare("folder", tmp_path / "in", tmp_path / "out", progress=False)
    assert [row.id for row in read_rows(tmp_path / "out")] == ["a", "a#2"]
    assert "notice: 1 faces cover another face of their image, the first of them 'a#2'" in str(
        report
    )
    write(tmp_path / "in", FIRST, SECOND)
    assert "cover another" not in str(
        prepare("folder", tmp_path / "in", tmp_path / "apart", progress=False)
    )


def carl_eurecom(folder: Path) -> None:
    sources.carl_eurecom(folder)
    text = (folder / "faces.xml").read_text()
    sources.text(folder / "more.xml", text)


def tfd68(folder: Path) -> None:
    sources.tfd68(folder)
    sources.text(folder / "more.json", (folder / "tfd68.json").read_text())


def sf_tl54(folder: Path) -> None:
    sources.sf_tl54_xml(folder)
    path = folder / "gray/train/dlib_landmarks_train.xml"
    sources.text(path.with_name("more.xml"), path.read_text())


def charlotte(folder: Path) -> None:
    sources.charlotte(folder)
    for path in folder.glob("*.csv"):
        header, *rows = path.read_text().splitlines()
        sources.text(path, header, *rows, *rows)


def yolo_pose(folder: Path) -> None:
    sources.yolo_pose(folder)
    path = folder / "anna/labels/f1.txt"
    sources.text(path, path.read_text() + path.read_text())


def t_fake(folder: Path) -> None:
    sources.t_fake(folder)
    for path in list(folder.rglob("*_thermal.png")):
        (path.parent / path.name.replace(".png", "_2.png")).write_bytes(path.read_bytes())


def folder_csv(folder: Path) -> None:
    sources.own_folder(folder)
    path = folder / "landmarks.csv"
    sources.text(folder / "again.csv", path.read_text())


TWICE = {
    "carl_eurecom": carl_eurecom,
    "tfd68": tfd68,
    "sf_tl54": sf_tl54,
    "charlotte": charlotte,
    "charlotte_profiles": charlotte,
    "yolo_pose": yolo_pose,
    "t_fake": t_fake,
    "folder": folder_csv,
}


@pytest.mark.parametrize("name", TWICE)
def test_a_second_annotation_is_skipped_and_the_others_are_kept(tmp_path, name):
    """Not the whole set: every face is there once, and each repetition is reported."""
    once, twice = tmp_path / "once", tmp_path / "twice"
    {**sources.SOURCES, "sf_tl54": sources.sf_tl54_xml}[name](once)
    TWICE[name](twice)
    prepare(name, once, tmp_path / "expected", progress=False)
    with pytest.raises(InputError, match="same points|appears 2 times"):
        prepare(name, twice, tmp_path / "out", progress=False)
    report = prepare(name, twice, tmp_path / "out", progress=False, skip_bad=True)
    expected = [row.id for row in read_rows(tmp_path / "expected")]
    assert [row.id for row in read_rows(tmp_path / "out")] == expected
    labelled = sum(row.landmarks is not None for row in read_rows(tmp_path / "expected"))
    assert len(report.skipped) == labelled


def test_images_that_differ_in_their_suffix_only_have_ids_of_their_own(tmp_path):
    for n, name in enumerate(("a.png", "a.jpg")):
        sources.image(tmp_path / name, n)
    sources.coco(tmp_path / "a.json", [(name, sources.flagged(68)) for name in ("a.png", "a.jpg")])
    assert [found.id for found in get_reader("folder")(tmp_path)] == ["a", "a#2"]


def test_a_simulated_image_does_not_take_the_id_of_a_second_face(tmp_path):
    sources.image(tmp_path / "in/a.png")
    coco(tmp_path / "in", FIRST, SECOND)
    prepare(
        "folder",
        tmp_path / "in",
        tmp_path / "out",
        simulate_thermal=True,
        twins=2,
        progress=False,
    )
    assert [row.id for row in read_rows(tmp_path / "out")] == ["a", "a#1#2", "a#2", "a#2#2"]


@pytest.mark.parametrize("encoding", ["utf-8", "iso-8859-1"])
def test_names_in_an_xml_file_are_utf_8_whatever_it_declares_or_else_as_it_declares(
    tmp_path, encoding
):
    """imglab declares ISO-8859-1 and writes UTF-8."""
    sources.image(tmp_path / "müller/a.png")
    line = sources.dlib_face("müller/a.png", {str(n): mark for n, mark in enumerate(FIRST)})
    text = f"<?xml version='1.0' encoding='ISO-8859-1'?>\n<x>{line}</x>"
    (tmp_path / "faces.xml").write_bytes(text.encode(encoding))
    (found,) = get_reader("folder")(tmp_path)
    assert found.rgb_path == tmp_path / "müller/a.png"


def test_rows_of_a_csv_whose_images_differ_in_their_suffix_are_faces_of_their_images(tmp_path):
    for name in ("a.png", "a.jpg"):
        sources.image(tmp_path / name)
    wide_csv(tmp_path, FIRST, SECOND)
    path = tmp_path / "a.csv"
    path.write_text("a.jpg".join(path.read_text().rsplit("a.png", 1)))
    one, two = get_reader("folder")(tmp_path)
    assert (one.rgb_path.name, two.rgb_path.name) == ("a.png", "a.jpg")


def test_score_takes_one_face_an_image(tmp_path):
    """The order of the faces is that of a file, so two files cannot be compared face by face."""
    wide_csv(tmp_path, FIRST, SECOND)
    with pytest.raises(InputError, match="line 3: 'a.png' appears twice; keep one face per image"):
        read_landmarks(tmp_path / "a.csv", "ibug68")
