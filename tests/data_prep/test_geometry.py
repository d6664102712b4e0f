"""What annotations declare or imply of their image is compared with it, in every format of faces."""

import json
import re

import numpy as np
import pytest

from data_prep.prepare import prepare
from data_prep.verification.check_manifest import verify
from mlcmkd.data.manifest import read_rows
from mlcmkd.schemes import SCHEMES
from mlcmkd.utils.errors import InputError
from tests.data_prep import sources
from tests.data_prep.sources import CARL_PARTS, HEIGHT, WIDTH, flagged, points
from tests.data_prep.test_verification import face

SIZE = {"width": WIDTH, "height": HEIGHT}
HALF = {"width": WIDTH // 2, "height": HEIGHT // 2}


def coco(folder, size, **annotation):
    """One face of `folder` in a COCO file that gives a size of its image."""
    sources.image(folder / "a/a.png")
    path = folder / "faces.json"
    sources.coco(path, [("a/a.png", flagged(68))])
    table = json.loads(path.read_text())
    table["images"][0].update(size)
    table["annotations"][0].update(annotation)
    path.write_text(json.dumps(table))


def labelme(folder, size):
    sources.image(folder / "a/a.png")
    shapes = [{"label": str(n), "points": [mark]} for n, mark in enumerate(points(68).tolist())]
    given = {"imageWidth": size.get("width"), "imageHeight": size.get("height")}
    sources.text(folder / "a/a.json", json.dumps({"imagePath": "a.png", "shapes": shapes, **given}))


def xml(folder, size):
    sources.image(folder / "a/a.png")
    marks = {str(n): mark for n, mark in enumerate(points(68))}
    attributes = " ".join(f'{side}="{length}"' for side, length in size.items())
    text = sources.dlib_face("a/a.png", marks).replace("<image ", f"<image {attributes} ")
    sources.text(folder / "faces.xml", "<images>", text, "</images>")


def carl(folder, size):
    sources.image(folder / "01/TH/a.bmp", kind="grey")
    marks = dict(zip(CARL_PARTS, points(6), strict=True))
    attributes = " ".join(f'{side}="{length}"' for side, length in size.items())
    text = sources.dlib_face("01/TH/a.bmp", marks).replace("<image ", f"<image {attributes} ")
    sources.text(folder / "faces.xml", "<images>", text, "</images>")


def tfd68(folder, size):
    sources.tfd68(folder)
    table = json.loads((folder / "tfd68.json").read_text())
    table["images"][1].update(size)
    (folder / "tfd68.json").write_text(json.dumps(table))


def sf_tl54(folder, size):
    sources.sf_tl54(folder)
    path = folder / "dataset/gray/train/json/111_1_2_1_120_100_1.json"
    given = {"imageWidth": size.get("width"), "imageHeight": size.get("height")}
    path.write_text(json.dumps({**json.loads(path.read_text()), **given}))


DECLARED = {
    "coco": (coco, "folder"),
    "labelme": (labelme, "folder"),
    "xml": (xml, "folder"),
    "carl": (carl, "carl_eurecom"),
    "tfd68": (tfd68, "tfd68"),
    "sf_tl54": (sf_tl54, "sf_tl54"),
}


@pytest.mark.parametrize("kind", DECLARED)
def test_a_declared_size_is_compared_with_the_image(tmp_path, kind):
    write, name = DECLARED[kind]
    for size in ({}, SIZE, {"width": 0, "height": 0}):
        write(tmp_path / "good", size)
        prepare(name, tmp_path / "good", tmp_path / "out", progress=False)
    write(tmp_path / "half", HALF)
    with pytest.raises(InputError, match="an image of 24 x 20 pixels, but the image has 48 x 40"):
        prepare(name, tmp_path / "half", tmp_path / "other", progress=False)
    write(tmp_path / "turned", {"width": HEIGHT, "height": WIDTH})
    with pytest.raises(InputError, match="has 48 x 40 .turned by a quarter.; use the image that"):
        prepare(name, tmp_path / "turned", tmp_path / "other", progress=False)


def refused(tmp_path, marks, box=None):
    """The reason why a face of a COCO file and of a CSV is refused; it is the same."""
    keypoints = np.column_stack([marks, np.full(len(marks), 2)]).ravel().tolist()
    coco(tmp_path / "coco", {}, keypoints=keypoints, bbox=box)
    reasons = []
    sources.image(tmp_path / "csv/a/a.png")
    header = ",".join(f"{axis}{n}" for n in range(68) for axis in "xy")
    row = ",".join(map(repr, np.ravel(marks).tolist()))
    sources.text(tmp_path / "csv/faces.csv", f"image,{header}", f"a/a.png,{row}")
    for kind in ("coco", "csv")[: 1 if box else 2]:
        with pytest.raises(InputError) as caught:
            prepare("folder", tmp_path / kind, tmp_path / "out", progress=False)
        reasons.append(str(caught.value))
        with pytest.raises(InputError, match="no row to write; the first error: row 'a/a'"):
            prepare("folder", tmp_path / kind, tmp_path / "out", progress=False, skip_bad=True)
    assert set(reasons) == {reasons[0]}
    return reasons[0]


def test_shares_and_marks_of_missing_points_are_refused(tmp_path):
    assert "row 'a/a': the coordinates look like shares of the image size" in refused(
        tmp_path, points(68) / [WIDTH, HEIGHT]
    )
    assert "68 of 68 points are at (-1, -1)" in refused(tmp_path, np.full((68, 2), -1.0))
    marks = points(68)
    marks[[3, 4, 5]] = 0
    assert "3 of 68 points are at (0, 0), so they were not found" in refused(tmp_path, marks)


def test_exchanged_x_and_y_are_refused(tmp_path):
    marks = face(SCHEMES["ibug68"]) * 0.2 + [20, 18]
    assert "upright only with x and y exchanged" in refused(tmp_path, marks[:, ::-1])


def test_exchanged_left_and_right_are_said(tmp_path):
    scheme = SCHEMES["ibug68"]
    marks = face(scheme) * 0.2 + [20, 18]
    for order, said in ((list(scheme.flip), True), (slice(None), False)):
        folder = tmp_path / str(said)
        sources.image(folder / "a/a.png")
        faces = [("a/a.png", np.column_stack([marks[order], [2] * 68]))]
        sources.coco(folder / "faces.json", faces)
        report = prepare("folder", folder, tmp_path / f"out {said}", progress=False)
        notice = "1 faces have left and right exchanged, the first of them 'a/a'"
        assert any(notice in line for line in report.notices) == said


@pytest.mark.parametrize(
    ("box", "message"),
    [
        ([0.2, 0.2, 0.5, 0.6], "the box 0.2 0.2 0.7 0.8 looks like shares of the image size"),
        ([10, 10, 2, 3], "the box 10 10 12 13 is smaller than 4 pixels"),
        ([40, 2, 30, 30], "the box 40 2 70 32 has only 2. % of its area inside the image of 48 x"),
        ([2, 2, 8, 8], "the box 2 2 10 10 contains . of 68 landmarks; correct it"),
    ],
)
def test_boxes_that_are_not_of_the_face_are_refused(tmp_path, box, message):
    assert re.search(message, refused(tmp_path, points(68), box))


def test_an_empty_box_of_coco_is_none(tmp_path):
    marks = face(SCHEMES["ibug68"]) * 0.2 + [20, 18]
    keypoints = np.column_stack([marks, np.full(68, 2)]).ravel().tolist()
    coco(tmp_path / "in", SIZE, bbox=[0, 0, 0, 0], keypoints=keypoints)
    prepare("folder", tmp_path / "in", tmp_path / "out", progress=False)
    assert read_rows(tmp_path / "out")[0].box is None
    assert verify(tmp_path / "out", progress=False).ok
