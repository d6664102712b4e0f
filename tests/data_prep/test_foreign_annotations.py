"""Kind: annotation files of other programs, merged files, and fields that mean something else there."""

import json

import numpy as np
import pytest

from data_prep.readers import get_reader
from data_prep.readers.parsing.coco import _is_corners
from mlcmkd.utils.errors import InputError
from tests.data_prep import sources

MARKS = sources.points(68)
VIA = {"a.png99": {"filename": "a.png", "size": 99, "regions": [], "file_attributes": {}}}
LABEL_STUDIO = [{"id": 1, "data": {"img": "a.png"}, "annotations": []}]
SHORT = [{"img": "a.png", "points": [{"x": 30.0, "y": 40.0, "keypointlabels": ["0"]}]}]
CVAT = '<annotations><image id="0" name="a.png" width="48" height="40"/></annotations>'
VOC = "<annotation><filename>a.png</filename><object><name>face</name></object></annotation>"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", VIA, "VGG Image Annotator .VIA.; write its points as a CSV"),
        ("a.json", {"_via_settings": {}, "_via_img_metadata": VIA}, "VGG Image Annotator"),
        ("a.json", LABEL_STUDIO, "Label Studio, in percent of the image size; write its points"),
        ("a.json", SHORT, "Label Studio, in percent"),
        ("a.json", [{"image_id": 1, "keypoints": [1, 2, 2]}], "without the names of the images"),
        ("a.json", {"size": {"height": 40}, "objects": []}, "an annotation of Supervisely"),
        ("a.json", {"items": [], "categories": {}}, "Datumaro; convert it to COCO"),
        ("a.json", [1, 2], "a list instead of an object|no lists 'images' and 'annotations'"),
        ("a.json", {"fps": 30}, "no lists 'images' and 'annotations', so not a COCO file"),
        ("a.xml", CVAT, "CVAT for images; export the task as 'COCO Keypoints 1.0'"),
        ("a.xml", VOC, "Pascal VOC file, which has boxes but no points"),
        ("a.xml", "<svg/>", "contains no <image file='...'>, so not a file of dlib"),
    ],
)
def test_files_of_other_programs_are_named_with_a_way_out(tmp_path, name, content, message):
    sources.image(tmp_path / "a.png")
    sources.text(tmp_path / name, content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(InputError, match=f"^{tmp_path / name}: .*({message})"):
        list(get_reader("folder")(tmp_path))


def test_a_dlib_file_without_images_is_no_error(tmp_path):
    sources.image(tmp_path / "a.png")
    sources.text(tmp_path / "a.xml", "<dataset><images/></dataset>")
    assert list(get_reader("folder")(tmp_path)) == []


def read_coco(tmp_path, **extra):
    sources.image(tmp_path / "a.png")
    sources.image(tmp_path / "b.png", 1)
    sources.coco(tmp_path / "a.json", [("a.png", sources.flagged(68))], **extra)
    return [found.landmarks for found in get_reader("folder")(tmp_path)]


def category(number: int, names: list) -> dict:
    return {"id": number, "name": f"face {names[0]}", "keypoints": names}


FORWARD, BACKWARD = list(range(68)), list(range(67, -1, -1))


def test_an_id_of_two_images_or_categories_of_a_merged_file_is_an_error(tmp_path):
    images = [{"id": 0, "file_name": name} for name in ("a.png", "b.png")]
    with pytest.raises(
        InputError, match="annotation 0: its image_id 0 is the id of 'a.png' and 'b"
    ):
        read_coco(tmp_path, images=images)
    names = [category(1, FORWARD), category(1, BACKWARD)]
    with pytest.raises(InputError, match="its category_id 1 is the id of 'face 0' and 'face 67'"):
        read_coco(tmp_path, categories=names)
    assert len(read_coco(tmp_path, images=images[:1] * 2, categories=names[:1] * 2)) == 1


def test_names_of_points_that_are_numbers_or_of_an_unknown_category_are_not_ignored(tmp_path):
    (found,) = read_coco(tmp_path, categories=[category(1, BACKWARD)])
    np.testing.assert_array_equal(found, MARKS[::-1])
    with pytest.raises(
        InputError, match="no category with category_id 1, so the names of its points"
    ):
        read_coco(tmp_path, categories=[category(2, BACKWARD)])
    np.testing.assert_array_equal(read_coco(tmp_path, categories=[])[0], MARKS)


def test_a_coco_box_of_two_corners_is_an_error(tmp_path):
    shifted = MARKS + 400
    corners = (*shifted.min(axis=0), *shifted.max(axis=0))
    assert _is_corners(corners, shifted)
    x0, y0, x1, y1 = corners
    assert not _is_corners((x0, y0, x1 - x0, y1 - y0), shifted)
    assert not _is_corners(
        (x0, y0, 450, 450), np.where(np.arange(136).reshape(68, 2) < 40, shifted, np.nan)
    )
    for margin in (0, 5, 30):  # faces at the corner of the image, and loose boxes
        box = (max(0, 2 - margin), max(0, 2 - margin), 36 + 2 * margin, 36 + 2 * margin)
        assert not _is_corners(box, MARKS)
    sources.image(tmp_path / "a.png")
    sources.coco(tmp_path / "a.json", [("a.png", np.column_stack([shifted, [2] * 68]))])
    table = json.loads((tmp_path / "a.json").read_text())
    table["annotations"][0]["bbox"] = list(corners)
    (tmp_path / "a.json").write_text(json.dumps(table))
    with pytest.raises(
        InputError, match="fits the points as x0, y0, x1, y1, but COCO's is x, y, w"
    ):
        list(get_reader("folder")(tmp_path))


def test_boxes_that_dlib_ignores_are_passed_over_and_counted(tmp_path):
    sources.image(tmp_path / "a.png")
    face = sources.dlib_face("a.png", {str(n): mark for n, mark in enumerate(MARKS)})
    ignored = face.replace("<box ", "<box ignore='1' ")
    sources.text(tmp_path / "a.xml", "<dataset>", face, ignored, "</dataset>")
    bad: list[str] = []
    found = list(get_reader("folder")(tmp_path, lambda _, error: bad.append(str(error))))
    assert len(found) == 1 and len(bad) == 1 and "box 1: marked as to be ignored" in bad[0]


@pytest.mark.parametrize("kind", ["linestrip", "polygon", "points"])
def test_landmarks_in_one_shape_of_labelme_are_an_error(tmp_path, kind):
    sources.image(tmp_path / "a.png")
    outline = {"label": "face", "points": MARKS.tolist(), "shape_type": kind}
    sources.text(tmp_path / "a.json", json.dumps({"shapes": [outline], "imagePath": "a.png"}))
    with pytest.raises(
        InputError, match=f"68 points in one {kind} shape; make each landmark a shape"
    ):
        list(get_reader("folder")(tmp_path))


def test_a_labelme_rectangle_of_four_corners_is_a_box(tmp_path):
    sources.image(tmp_path / "a.png")
    corners = [[2, 3], [40, 3], [40, 38], [2, 38]]
    shapes = [{"label": "face", "points": corners, "shape_type": "rectangle"}]
    shapes += [{"label": str(n), "points": [m.tolist()]} for n, m in enumerate(MARKS)]
    sources.text(tmp_path / "a.json", json.dumps({"shapes": shapes, "imagePath": "a.png"}))
    (found,) = get_reader("folder")(tmp_path)
    assert found.box == (2, 3, 40, 38)
