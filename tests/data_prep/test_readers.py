"""Every reader on a small data set made by hand, on the owners' first rows, and on hostile files."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_prep.prepare import prepare
from data_prep.readers import READERS, get_reader
from data_prep.readers.base import already_reported, fail
from data_prep.readers.cofw import _points68
from data_prep.readers.image_index import FALSE_COLOURS, ImageIndex, eight_bit_radiometry
from data_prep.readers.parsing.dlib_xml import boxes
from data_prep.readers.parsing.matlab73 import Cell
from data_prep.verification.check_manifest import verify
from mlcmkd.data.manifest import read_rows
from mlcmkd.data.thermal.radiometry import FACE_CENTIKELVIN, GREY8
from mlcmkd.schemes import SCHEMES, register_scheme
from mlcmkd.utils.errors import InputError
from tests.data_prep import sources
from tests.data_prep.sources import SOURCES, points

SHARED = Path(__file__).parents[3] / "shared" / "data" / "format_samples"


def samples(name: str) -> Path:
    if not (SHARED / name).exists():
        pytest.skip(f"the owners' first rows of {name} are not beside the project")
    return SHARED / name


def found(name: str, folder: Path) -> dict:
    return {annotation.id: annotation for annotation in get_reader(name)(folder)}


def reasons(name: str, folder: Path) -> list[str]:
    """What the reader reports, and the images that it misses."""
    bad: list[str] = []
    annotations = list(get_reader(name)(folder, lambda _, error: bad.append(str(error))))
    return bad + [str(error) for face in annotations for error in face.absent.values()]


@pytest.fixture(params=sorted(SOURCES))
def source(request, tmp_path):
    folder = tmp_path / "source"
    folder.mkdir()
    SOURCES[request.param](folder)
    return request.param, folder


def test_every_reader_has_a_source_and_a_line_for_the_list():
    assert set(SOURCES) == set(READERS)
    for name, reader in READERS.items():
        assert len(reader.__doc__.strip().splitlines()[0]) <= 100, name
    with pytest.raises(
        InputError, match="format 'x' is unknown; use one of carl_eurecom, charlotte, "
    ):
        get_reader("x")


def test_a_source_becomes_a_manifest(source, tmp_path):
    """Whole: images read, landmarks inside, splits drawn; what was assumed is said, and no reason
    is given for anything."""
    name, folder = source
    report = prepare(name, folder, tmp_path / "out", progress=False)
    rows = read_rows(tmp_path / "out")
    assert report.rows == len(rows) >= 1 and not report.skipped
    for row in rows:
        assert row.subject and row.labels is not None
        assert row.landmarks is None or len(row.landmarks) == SCHEMES[row.scheme].points
    if name not in ("ibug_pts", "thermal_knapik54", "folder"):
        assert all(row.assumed for row in rows), "what the owners leave open is stated"


def test_a_folder_that_is_not_there(source, tmp_path):
    with pytest.raises(InputError, match="nowhere: no such folder"):
        list(get_reader(source[0])(tmp_path / "nowhere"))


def test_a_link_that_leads_out_is_refused(source, tmp_path):
    name, folder = source
    (tmp_path / "outside.png").write_bytes(b"secret")
    (folder / "link.png").symlink_to(tmp_path / "outside.png")
    (folder / "above").symlink_to(tmp_path)
    bad = reasons(name, folder)
    assert len([text for text in bad if "leads out of the data folder" in text]) == 2


# --- visible


def test_hrnet_lists_are_merged_and_begin_at_one(tmp_path):
    sources.hrnet_csv(tmp_path)
    faces = found("hrnet_csv", tmp_path)
    fields = {name: (face.split, face.group, face.subject) for name, face in faces.items()}
    assert fields == {
        "images/afw/134212_1": (None, None, "images/afw/134212"),
        "images/helen/testset/30427236_1": ("test", "common", "images/helen/testset/30427236"),
        "images/ibug/image_99": ("test", "challenge", "images/ibug/image_99"),
    }
    np.testing.assert_allclose(faces["images/ibug/image_99"].landmarks, points(68, 1))


def test_a_face_in_hrnet_lists_of_both_splits_is_an_error(tmp_path):
    sources.hrnet_csv(tmp_path)
    train = tmp_path / "face_landmarks_300w_train.csv"
    train.with_name("face_landmarks_300w_valid_extra.csv").write_text(train.read_text())
    message = (
        "valid_extra.csv, line 2: the face is in a list of the split train, too; keep it in one"
    )
    with pytest.raises(InputError, match=message):
        found("hrnet_csv", tmp_path)
    assert len(reasons("hrnet_csv", tmp_path)) == 1


def test_hrnet_first_rows_are_those_of_the_pts(tmp_path):
    """The owners' list repeats the .pts of the same face, so both begin at 1."""
    folder = samples("hrnet_csv")
    for name in ("helen/testset/296814969_3", "helen/testset/2968560214_1"):
        sources.image(tmp_path / f"{name}.jpg", 1)
    (tmp_path / "valid_common.csv").write_bytes(
        (folder / "face_landmarks_300w_valid_common_first3.csv").read_bytes()
    )
    bad = []
    faces = list(get_reader("hrnet_csv")(tmp_path, lambda _, error: bad.append(str(error))))
    assert [face.id for face in faces] == [
        "helen/testset/296814969_3",
        "helen/testset/2968560214_1",
    ]
    pts = [float(x) for x in (samples("ibug_pts") / "helen_bare_xy.pts").read_text().split()]
    np.testing.assert_allclose(faces[0].landmarks.ravel() + 1, pts, atol=1e-6)
    assert len(bad) == 1 and "2968784797_1.jpg' below" in bad[0] and "line 4" in bad[0]


def test_wflw_attributes_are_groups_and_faces_of_a_photo_share_a_subject(tmp_path):
    sources.wflw(tmp_path)
    faces = found("wflw", tmp_path)
    two = "WFLW_images/b/two faces"
    assert {name: (face.split, face.group) for name, face in faces.items()} == {
        "WFLW_images/a/one": (None, None),
        two: ("test", "pose+blur"),
        f"{two}#2": ("test", "occlusion"),
    }
    assert faces[f"{two}#2"].subject == two
    assert faces[two].box == (2, 3, 40, 38)
    np.testing.assert_array_equal(faces[two].landmarks, points(98, 1))


def test_wflw_first_rows(tmp_path):
    folder = samples("wflw")
    (tmp_path / "list_68pt_rect_attr_test.txt").write_bytes(
        (folder / "list_68pt_rect_attr_first4.txt").read_bytes()
    )
    sources.image(tmp_path / "WFLW_images/37--Soccer/37_Soccer_soccer_ball_37_45.jpg")
    bad = []
    (face,) = get_reader("wflw")(tmp_path, lambda _, error: bad.append(str(error)))
    assert face.scheme == "ibug68" and face.box == (198, 242, 331, 385)
    np.testing.assert_allclose(face.landmarks[0], [182.212006, 268.895996])
    assert len(bad) == 3 and all("no image '" in text for text in bad)


def test_cofw_photos_are_loaded_and_occluded_points_flagged(tmp_path):
    sources.cofw(tmp_path)
    faces = found("cofw", tmp_path)
    assert {name: face.split for name, face in faces.items()} == {
        "train/0001": None,
        "train/0002": None,
        "test/0001": "test",
    }
    face = faces["train/0002"]
    np.testing.assert_allclose(face.landmarks, points(29, 1))
    assert face.visible.tolist() == [False] * 3 + [True] * 26
    colour = np.random.default_rng(0).integers(0, 256, (40, 48, 3), dtype=np.uint8)
    np.testing.assert_array_equal(faces["train/0001"].rgb_path(), colour)
    grey = face.rgb_path()
    assert grey.shape == (40, 48, 3) and (grey[..., :1] == grey).all()


def test_cofw_does_not_follow_references_to_other_files(tmp_path):
    sources.cofw(tmp_path)
    outside = tmp_path / "elsewhere.h5"
    with h5py.File(outside, "w") as file:
        file["IsTr"] = np.zeros((1, 2))
    path = tmp_path / "COFW_train_color.mat"
    with h5py.File(path, "a") as file:
        del file["IsTr"]
        file["IsTr"] = h5py.ExternalLink(str(outside), "IsTr")
    (text,) = reasons("cofw", tmp_path)
    assert "'IsTr' is a link; download the file again" in text
    with h5py.File(path, "a") as file:
        del file["IsTr"]
        file.create_dataset("IsTr", (1, 2), "f8", external=[(str(outside), 0, 16)])
    assert "'IsTr' is stored in another file" in reasons("cofw", tmp_path)[0]


def test_cofw68_takes_its_photos_from_the_test_file(tmp_path):
    sources.cofw68(tmp_path)
    (face,) = found("cofw68", tmp_path).values()
    assert (face.id, face.split, face.scheme) == ("test/0001", "test", "ibug68")
    assert face.rgb_path == Cell(tmp_path / "COFW_test_color.mat", "IsT", 0)
    np.testing.assert_allclose(face.landmarks, points(68))
    assert face.visible.tolist() == [False] * 2 + [True] * 66
    (tmp_path / "COFW_test_color.mat").unlink()
    assert "no COFW_test_color.mat, the file of the photos" in reasons("cofw68", tmp_path)[0]


def test_cofw68_first_files():
    marks, hidden = _points68(samples("cofw68") / "1_points.mat")
    np.testing.assert_allclose(marks[0], [58.00626102, 31.04355995], atol=1e-6)
    assert hidden[:3].tolist() == [True, False, True]


def test_face_synthetics_leaves_segmentations_alone(tmp_path):
    sources.face_synthetics(tmp_path)
    faces = found("face_synthetics", tmp_path)
    assert {face.rgb_path.name for face in faces.values()} == {"000000.png", "000001.png"}
    np.testing.assert_array_equal(faces["000001"].landmarks, points(70, 1))


# --- thermal


def test_t_fake_has_a_row_a_condition(tmp_path):
    sources.t_fake(tmp_path)
    faces = found("t_fake", tmp_path)
    assert {name: (face.subject, face.facts["condition"]) for name, face in faces.items()} == {
        "000000/warm": ("000000", "warm"),
        "000000/cold": ("000000", "cold"),
        "000001/cold": ("000001", "cold"),
    }
    face = faces["000000/warm"]
    assert face.radiometry.celsius(np.array([[0, 65535]], np.uint16)) == pytest.approx(
        np.array([[20, 40]])
    )
    assert face.rgb_path.name == "000000.png" and face.aligned


def test_sf_tl54_takes_grey_before_iron_and_its_aligned_photo(tmp_path):
    sources.sf_tl54(tmp_path)
    faces = found("sf_tl54", tmp_path)
    name = "dataset/gray/train/images/111_1_2_1_120_100_1"
    assert set(faces) == {name, "dataset/gray/test/images/112_1_1_3_5_7_1"}
    face = faces[name]
    assert (face.subject, face.split, face.radiometry) == ("111", "train", GREY8)
    assert face.rgb_path == tmp_path / "dataset/rgb/train/111_1_2_1_120_100_3.png"
    assert face.box == (3, 4, 40, 38)
    np.testing.assert_array_equal(face.landmarks, points(54, 0))
    (iron,) = {f.radiometry for f in found("sf_tl54", tmp_path / "dataset/iron").values()}
    assert iron == FALSE_COLOURS


def test_sf_tl54_as_xml_loses_fractions_and_says_so(tmp_path):
    sources.sf_tl54_xml(tmp_path)
    faces = found("sf_tl54", tmp_path)
    assert {face.subject for face in faces.values()} == {"111", "112"}, "the mirrored one is left"
    face = faces["gray/train/images/111_1_2_1_120_100_1"]
    assert face.box == (2, 3, 40, 38) and face.split == "train" and face.rgb_path is None
    np.testing.assert_array_equal(face.landmarks, points(54).astype(int))
    assert "whole pixels" in face.assumed
    xml = tmp_path / "gray/train/dlib_landmarks_train.xml"
    relative = xml.read_text()
    for start in ("./", "C:\\data\\gray\\train\\"):
        xml.write_text(relative.replace('file="', f'file="{start}'))
        assert found("sf_tl54", tmp_path).keys() == faces.keys(), "the mirrored one is left out"


def test_sf_tl54_as_lines_is_read_by_the_names_of_parts(tmp_path):
    sources.sf_tl54_lines(tmp_path)
    faces = list(found("sf_tl54", tmp_path).values())
    assert [face.declared_size for face in faces] == [(sources.WIDTH, sources.HEIGHT)] * 2
    for n, face in enumerate(faces):
        np.testing.assert_array_equal(face.landmarks, points(54, n))
        assert face.box == (3, 4, 40, 38) and face.split == "train"


def _without_a_point(face: dict) -> dict:
    return {**face, "chin": face["chin"][1:], "nose_tip": [*face["nose_tip"], [20, 20]]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda face: "{", "line 2: not a JSON object"),
        (
            lambda face: json.dumps(face)[:-1] + ', "chin": []}',
            "line 2: the key 'chin' appears twice",
        ),
        (lambda face: {**face, "chin": None}, "line 2, chin: no list of points"),
        (lambda face: {**face, "lip_p1": [["a", 1]]}, "line 2, lip_p1: 'a' is not a finite number"),
        (_without_a_point, "line 2: 16 points in 'chin' instead of 17"),
        (lambda face: {**face, "face": [[3, 4]]}, "line 2: a box has two corners, not 1"),
        (lambda face: {**face, "image": 5}, "line 2: no name of the image"),
        (lambda face: {**face, "image": "b.png"}, "line 2: no image 'b.png' below"),
    ],
)
def test_a_wrong_face_of_sf_tl54_as_lines_is_an_error_with_its_line(tmp_path, change, message):
    """The other faces are still read."""
    sources.sf_tl54_lines(tmp_path)
    table = tmp_path / "labels.jsonl"
    first, second = table.read_text().splitlines()
    changed = change(json.loads(second))
    table.write_text(f"{first}\n{changed if isinstance(changed, str) else json.dumps(changed)}\n")
    (reason,) = reasons("sf_tl54", tmp_path)
    assert f"{table}, {message}" in reason
    bad: list[str] = []
    faces = get_reader("sf_tl54")(tmp_path, lambda name, _: bad.append(name))
    assert [face.id for face in faces if not face.absent] == [
        "gray/train/images/111_1_2_1_120_100_1"
    ]


def test_parts_of_sf_tl54_json_decide_the_order_where_all_are_named(tmp_path):
    image = sources.image(tmp_path / "gray/train/images/111_1_1.png", kind="grey")
    path = image.parent.parent / "json/111_1_1.json"
    parts = [part.tolist() for part in np.split(points(54), sources.SFTL54_BEGINS)]
    shapes = [
        {"label": name, "points": marks}
        for name, marks in zip(sources.SFTL54_NAMES, parts, strict=True)
    ]
    face = {"label": "face", "points": [[3, 4], [40, 38]]}
    sources.text(path, json.dumps({"shapes": [face, *shapes[::-1]]}))
    (read,) = found("sf_tl54", tmp_path).values()
    np.testing.assert_array_equal(read.landmarks, points(54))
    shapes[0]["points"] = shapes[0]["points"][1:]
    sources.text(path, json.dumps({"shapes": [face, *shapes]}))
    assert "111_1_1.json: 16 points in 'chin' instead of 17" in reasons("sf_tl54", tmp_path)[0]


def test_sf_tl54_first_rows_agree_as_lines_and_as_xml(tmp_path):
    folder = samples("sf_tl54")
    lines = (folder / "labels_first5.jsonl").read_text().splitlines()
    for n, line in enumerate(lines):
        sources.image(tmp_path / json.loads(line)["image"], n, "grey")
    (tmp_path / "labels.jsonl").write_text("\n".join(lines))
    by_line = found("sf_tl54", tmp_path)
    assert len(by_line) == 5 and {face.subject for face in by_line.values()} == {"111"}
    (tmp_path / "labels.jsonl").unlink()
    (tmp_path / "landmarks.xml").write_bytes((folder / "dlib_landmarks_first5.xml").read_bytes())
    by_xml = found("sf_tl54", tmp_path)
    assert len(by_xml) == 3
    for name, face in by_xml.items():
        difference = by_line[name].landmarks - face.landmarks
        assert (difference >= 0).all() and (difference < 1).all(), "cut off, not rounded"


def test_charlotte_keeps_the_recording_conditions(tmp_path):
    sources.charlotte(tmp_path)
    faces, profiles = found("charlotte", tmp_path), found("charlotte_profiles", tmp_path)
    assert (set(faces), set(profiles)) == ({"S1/R11561", "S2/R11561"}, {"S1/R11562"})
    face = faces["S1/R11561"]
    assert face.facts == {
        **{"Distance": 1, "RH": 50.8, "Airflow": 0, "env-temp": 22.25},
        "Sensation": -1,
    }
    assert (face.subject, face.radiometry, face.scheme) == ("S1", FACE_CENTIKELVIN, "charlotte73")
    assert face.thermal_path == tmp_path / "S1/R11561.tiff"
    assert "Sensation" not in profiles["S1/R11562"].facts, "a blank cell is no fact"
    np.testing.assert_array_equal(profiles["S1/R11562"].landmarks, points(43, 1).astype(int))


def test_charlotte_first_rows(tmp_path):
    for name in ("S1", "S7"):
        table = (samples("charlotte_thermalface") / f"{name}_first20.csv").read_text()
        (tmp_path / f"{name}.csv").write_text(table)
        for line in table.splitlines()[1:]:
            sources.image(tmp_path / name / f"{line.split(',')[0]}.tif", kind="raw")
    faces, profiles = found("charlotte", tmp_path), found("charlotte_profiles", tmp_path)
    lines = sum(1 for path in tmp_path.glob("*.csv") for line in path.open() if line[0] == "R")
    assert len(faces) + len(profiles) == lines and faces and profiles
    for face in faces.values():  # upright: the eyes above the mouth, the forehead above the eyes
        down = face.landmarks[:, 1]
        eyes, mouth, forehead = down[36:48].mean(), down[48:68].mean(), down[68:].mean()
        assert forehead < eyes < mouth


def test_tfw_several_faces_an_image(tmp_path):
    sources.tfw(tmp_path)
    faces = found("tfw", tmp_path)
    indoor = faces["train/indoor/103_1_1_4_450_1"]
    assert (indoor.subject, indoor.split, indoor.facts) == ("103", "train", {"place": "indoor"})
    assert indoor.rgb_path == tmp_path / "train/rgb/103_1_1_4_450_3.png"
    assert {name for name in faces if "3312" in name} == {
        "test/outdoor/3312",
        "test/outdoor/3312#2",
    }
    assert faces["test/outdoor/3312"].subject == "outdoor, test"
    np.testing.assert_array_equal(indoor.landmarks, points(5))
    table = tmp_path / "test/outdoor.csv"
    table.write_text(table.read_text().split("\n", 1)[1])  # a copy without the header
    assert set(found("tfw", tmp_path)) == set(faces)


def test_tfd68_photos_are_named_and_not_taken(tmp_path):
    sources.tfd68(tmp_path / "in")
    faces = found("tfd68", tmp_path / "in")
    tester, other = faces["tfd68/1/thermal_1_0_0"], faces["tfd68/12/thermal_12_-30_15"]
    assert (tester.split, other.split) == ("test", None)
    assert other.facts == {"yaw": -30, "pitch": 15, "category": "neutral"}
    assert other.visible.tolist() == [False] + [True] * 67 and not other.aligned
    assert other.rgb_path.name == "visual_12_-30_15.jpg"
    prepare("tfd68", tmp_path / "in", tmp_path / "out", progress=False)
    row = next(row for row in read_rows(tmp_path / "out") if row.subject == "12")
    assert row.rgb_file_name is None
    assert row.facts["unaligned photo"] == "tfd68/12/visual_12_-30_15.jpg"
    prepare("tfd68", tmp_path / "in", tmp_path / "photos", progress=False, only="rgb")
    assert all(row.thermal_file_name is None for row in read_rows(tmp_path / "photos"))


def test_one_modality_only(tmp_path):
    sources.sf_tl54(tmp_path / "in")
    for side, other in (("rgb", "thermal"), ("thermal", "rgb")):
        prepare("sf_tl54", tmp_path / "in", tmp_path / side, progress=False, only=side)
        for row in read_rows(tmp_path / side):
            assert getattr(row, f"{side}_file_name") and not getattr(row, f"{other}_file_name")
            assert (row.radiometry is None) == (side == "rgb")
    sources.charlotte(tmp_path / "frames")
    with pytest.raises(InputError, match="no face with rgb images in format 'charlotte'"):
        prepare("charlotte", tmp_path / "frames", tmp_path / "x", progress=False, only="rgb")
    with pytest.raises(InputError, match="only: 'rgb' or 'thermal', not 'heat'"):
        prepare("charlotte", tmp_path / "frames", tmp_path / "x", progress=False, only="heat")


def test_carl_and_eurecom_modalities_follow_the_folders(tmp_path):
    sources.carl_eurecom(tmp_path)
    faces = found("carl_eurecom", tmp_path)
    thermal, visible = faces["001/TH/TH_001_1"], faces["002/VIS/VIS_002_1"]
    assert (thermal.subject, thermal.rgb_path, thermal.radiometry) == ("001", None, GREY8)
    assert (visible.subject, visible.thermal_path, visible.radiometry) == ("002", None, None)
    np.testing.assert_array_equal(visible.landmarks, points(6, 1))


def test_persons_of_carl_are_known_from_absolute_names(tmp_path):
    """`C:\\Users\\Me\\001\\TH\\...` is person 001: otherwise all faces would be of one person, `C:`."""
    sources.carl_eurecom(tmp_path)
    path = tmp_path / "faces.xml"
    relative = path.read_text()
    for start in ("C:\\Users\\Me\\", "/home/me/", "../"):
        path.write_text(relative.replace('file="', f'file="{start}'))
        faces = found("carl_eurecom", tmp_path).values()
        assert [face.subject for face in faces] == ["001", "002"]


def carl_classic(folder):
    """CARL's own layout: thermal images, and visible ones in `classic`."""
    marks = dict(zip(sources.CARL_PARTS, points(6), strict=True))
    names = ("01/session_4/thermal_bmp/01S4BNA1.bmp", "01/session_4/classic/01S4CNA1.bmp")
    for n, name in enumerate(names):
        sources.image(folder / name, n, "photo" if n else "grey")
    faces = [sources.dlib_face(name, marks) for name in names]
    sources.text(folder / "01.xml", "<images>", *faces, "</images>")
    return names


def test_carls_classic_images_are_visible(tmp_path):
    carl_classic(tmp_path)
    faces = found("carl_eurecom", tmp_path)
    assert faces["01/session_4/classic/01S4CNA1"].thermal_path is None
    assert faces["01/session_4/thermal_bmp/01S4BNA1"].rgb_path is None


def only_rows(name, source, out, only):
    rows = read_rows(prepare(name, source, out, progress=False, only=only).folder)
    images = {(row.rgb_file_name is not None, row.thermal_file_name is not None) for row in rows}
    assert images == {(only == "rgb", only == "thermal")}
    return rows


@pytest.mark.parametrize("name", ["carl_eurecom", "sf_tl54", "tfw", "tfd68", "folder"])
@pytest.mark.parametrize("only", ["rgb", "thermal"])
def test_images_of_the_other_modality_are_not_missed(tmp_path, name, only):
    """Only the images of one modality were downloaded, and only those are asked for."""
    source = tmp_path / "source"
    (carl_classic if name == "carl_eurecom" else SOURCES[name])(source)
    shutil.rmtree(source / "dataset/iron", ignore_errors=True)  # the same frames as grey ones
    if name == "folder":  # unlabelled images are listed by those of the labelled camera
        text = (source / "dataset.yaml").read_text()
        (source / "dataset.yaml").write_text(text.replace("unlabelled: true", "unlabelled: false"))
    rows = only_rows(name, source, tmp_path / "whole", only)
    for annotation in list(get_reader(name)(source)):
        path = annotation.thermal_path if only == "rgb" else annotation.rgb_path
        if path is not None:
            path.unlink(missing_ok=True)
    half = only_rows(name, source, tmp_path / "half", only)
    for field in ("subject", "landmarks", f"{only}_sha256"):
        assert [getattr(row, field) for row in half] == [getattr(row, field) for row in rows]
    if only == "rgb" or name == "carl_eurecom":  # elsewhere the RGB image of a pair may be missing
        with pytest.raises(InputError, match="no image '"):
            prepare(name, source, tmp_path / "both", progress=False)


def test_a_photo_of_two_thermal_images_is_one_row_where_only_photos_are_asked_for(tmp_path):
    sources.t_fake(tmp_path / "in")
    assert len(only_rows("t_fake", tmp_path / "in", tmp_path / "t", "thermal")) == 3
    rows = only_rows("t_fake", tmp_path / "in", tmp_path / "p", "rgb")
    assert [row.subject for row in rows] == ["000000", "000001"]
    assert rows[0].facts is None, "the condition is that of the thermal image"
    assert "duplicate" not in verify(tmp_path / "p", progress=False).counts


def test_an_image_of_the_other_camera_is_not_taken_for_a_missing_one(tmp_path):
    """A grey photo of the same name would be read as temperatures."""
    sources.own_folder(tmp_path)
    text = (tmp_path / "dataset.yaml").read_text()
    (tmp_path / "dataset.yaml").write_text(
        text.replace("{kind: centikelvin, low: 18, high: 40}", "")
    )
    (tmp_path / "thermal/anna/0.tif").unlink()
    for n in (0, 1):
        sources.image(tmp_path / f"rgb/anna/{n}.jpg", n, "grey")
    sources.image(tmp_path / "thermal/anna/1.tif", 1, "grey")
    sources.image(tmp_path / "thermal/anna/2.tif", 2, "grey")
    faces, bad = problems(tmp_path)
    assert set(faces) == {"thermal/anna/1", "thermal/anna/2"}
    reason = (
        "no image 'thermal/anna/0.tif' of the labelled camera; rgb/anna/0.jpg does not match `twin`"
    )
    assert list(bad) == ["thermal/anna/0"] and reason in bad["thermal/anna/0"]


@pytest.mark.parametrize("name", ["carl_eurecom", "sf_tl54", "tfw", "tfd68"])
@pytest.mark.parametrize("image", ["", "/", "..", "a/..", "thermal/"])
def test_names_of_no_file_are_errors(tmp_path, name, image):
    source = tmp_path / "source"
    if name == "sf_tl54":
        marks = {f"{n:02d}": tuple(p) for n, p in enumerate(points(54))}
        text = sources.dlib_face(image, marks)
        sources.text(source / "a.xml", "<images>", text, "</images>")
    else:
        (carl_classic if name == "carl_eurecom" else SOURCES[name])(source)
        path, old = {
            "carl_eurecom": ("01.xml", "01/session_4/classic/01S4CNA1.bmp"),
            "tfw": ("train/indoor.csv", "103_1_1_4_450_1.png"),
            "tfd68": ("tfd68.json", "thermal_1_0_0.jpg"),
        }[name]
        text = (source / path).read_text()
        assert old in text
        (source / path).write_text(text.replace(old, image))
    assert reasons(name, source)


def test_thermal_counts_of_unknown_meaning_do_not_matter_to_photos(tmp_path):
    source = tmp_path / "source"
    sources.own_folder(source)
    description = yaml.safe_load((source / "dataset.yaml").read_text())
    twin = {"find": "^rgb/(.*)[.]jpg$", "replace": r"thermal/\1.tif"}
    changes = {"side": "rgb", "radiometry": None, "twin": twin, "subject": "^rgb/([^/]+)"}
    (source / "dataset.yaml").write_text(yaml.safe_dump({**description, **changes}))
    table = (source / "landmarks.csv").read_text().replace("thermal/", "rgb/")
    (source / "landmarks.csv").write_text(table.replace(".tif", ".jpg"))
    assert len(only_rows("folder", source, tmp_path / "rgb", "rgb")) == 3
    with pytest.raises(InputError, match="uint16 values of unknown meaning"):
        prepare("folder", source, tmp_path / "both", progress=False)


def test_an_image_without_landmarks_of_its_own_pixels_is_unlabelled(tmp_path):
    """Of two images that are not aligned, the landmarks are those of the annotated one."""
    sources.tfd68(tmp_path / "in")
    assert all(
        row.landmarks is None for row in only_rows("tfd68", tmp_path / "in", tmp_path / "p", "rgb")
    )
    assert all(
        row.landmarks for row in only_rows("tfd68", tmp_path / "in", tmp_path / "t", "thermal")
    )
    sources.own_folder(tmp_path / "own")
    path = tmp_path / "own/dataset.yaml"
    description = yaml.safe_load(path.read_text())
    description["twin"]["aligned"] = False
    path.write_text(yaml.safe_dump(description))
    prepare("folder", tmp_path / "own", tmp_path / "m", progress=False)
    for row in read_rows(tmp_path / "m"):
        assert row.rgb_file_name is None and row.facts["unaligned photo"].startswith("rgb/anna/")
    assert {
        row.landmarks for row in only_rows("folder", tmp_path / "own", tmp_path / "r", "rgb")
    } == {None}


@pytest.mark.parametrize("name", ["carl_01_head30.xml", "eurecom_001_head30.xml"])
def test_carl_and_eurecom_first_faces(tmp_path, name):
    text = (samples("carl_eurecom") / name).read_text()
    whole = text[: text.rindex("</image>")] + "</image></images></dataset>"
    (tmp_path / "faces.xml").write_text(whole)
    names = re.findall(r'file="([^"]+)"', whole)
    for n, image in enumerate(names):
        sources.image(tmp_path / image, n, "grey")
    faces = list(found("carl_eurecom", tmp_path).values())
    assert len(faces) == len(names) > 1
    for face in faces:  # outer corners outside inner ones, the viewer's left first
        assert (np.diff(face.landmarks[:4, 0]) > 0).all()
        assert face.landmarks[4, 0] < face.landmarks[5, 0]


def tfw_folders(folder, *suffixes):
    """TFW with the same names in both splits, in folders with these suffixes."""
    header = "name,xs,ys,xe,ye,p1x,p1y,p2x,p2y,p3x,p3y,p4x,p4y,p5x,p5y"
    for n, split in enumerate(("train", "test")):
        row = f"2,3,40,38,{sources.flat(points(5, n), ',')}"
        for place, name in (("indoor", f"{n}_1_1_4_450_1.png"), ("outdoor", "1.png")):
            sources.text(folder / split / f"{place}.csv", header, f"{name},{row}")
            for k, suffix in enumerate(suffixes):
                kind = "iron" if suffix == "_iron" else "grey"
                path = folder / split / f"{place}{suffix}/{name}"
                sources.image(path, 4 * n + 2 * k + (place == "indoor"), kind)


@pytest.mark.parametrize(
    ("suffixes", "taken"),
    [
        ([""], ""),
        (["_gray"], "_gray"),
        (["_iron"], "_iron"),
        (["_iron", "_gray"], "_gray"),
        (["_gray", ""], ""),
    ],
)
def test_tfw_s_folders_and_its_own_splits(tmp_path, suffixes, taken):
    tfw_folders(tmp_path, *suffixes)
    faces = found("tfw", tmp_path)
    assert set(faces) == {
        f"{split}/{place}{taken}/{name}"
        for n, split in enumerate(("train", "test"))
        for place, name in (("indoor", f"{n}_1_1_4_450_1"), ("outdoor", "1"))
    }
    for name, annotation in faces.items():
        assert annotation.split == name.split("/")[0]
        assert annotation.radiometry == (FALSE_COLOURS if taken == "_iron" else GREY8)
        np.testing.assert_array_equal(annotation.landmarks, points(5, annotation.split == "test"))


@pytest.mark.parametrize("with_confidences", [True, False])
@pytest.mark.parametrize("count", sorted({scheme.points for scheme in SCHEMES.values()}))
def test_yolo_infers_the_scheme_from_the_number_of_points(tmp_path, count, with_confidences):
    sources.yolo(tmp_path, "anna", count)
    path = tmp_path / "anna/labels/f1.txt"
    if not with_confidences:
        marks = points(count) / (sources.WIDTH, sources.HEIGHT)
        path.write_text(f"0 .5 .5 1 1 {sources.flat(marks, ' ')}")
    (face,) = get_reader("yolo_pose")(tmp_path)
    assert SCHEMES[face.scheme].points == count
    np.testing.assert_allclose(face.landmarks, points(count) - 0.5, atol=1e-3)


@pytest.mark.parametrize(("reader", "write"), [("yolo_pose", "yolo"), ("folder", "labelme")])
def test_a_number_of_points_means_the_library_s_scheme(tmp_path, monkeypatch, reader, write):
    """A registered scheme of 68 points is used only if it is named."""
    monkeypatch.setattr(SCHEMES, "_added", {})
    register_scheme(replace(SCHEMES["ibug68"], name="other68"))
    if write == "yolo":
        sources.yolo(tmp_path, "anna", 68)
    else:
        sources.image(tmp_path / "anna/a.jpg")
        (tmp_path / "anna/a.json").write_text(labelme(points(68), map(str, range(68))))
    (face,) = get_reader(reader)(tmp_path)
    assert face.scheme == "ibug68"


# --- anyone's


def test_an_own_folder_with_pairs_and_few_labels(tmp_path):
    sources.own_folder(tmp_path)
    faces = found("folder", tmp_path)
    assert {name: face.landmarks is not None for name, face in faces.items()} == {
        **{"thermal/anna/0": True, "thermal/anna/1": True, "thermal/anna/2": False}
    }
    face = faces["thermal/anna/1"]
    np.testing.assert_allclose(face.landmarks, points(68, 1))  # the table begins at 1
    assert face.rgb_path == tmp_path / "rgb/anna/1.jpg"
    assert (face.subject, face.labels, face.assumed) == ("anna", "hand", None)
    assert faces["thermal/anna/2"].rgb_path == tmp_path / "rgb/anna/2.jpg"


def labelme(marks, labels, **extra):
    shapes = [
        {"label": label, "points": [mark.tolist()], "shape_type": "point"}
        for label, mark in zip(labels, marks, strict=True)
    ]
    shapes.append({"label": "face", "points": [[40, 38], [2, 3]], "shape_type": "rectangle"})
    return json.dumps({"shapes": shapes, "imagePath": "a.jpg", **extra})


def test_labelme_points_by_number_by_name_and_in_file_order(tmp_path):
    sources.image(tmp_path / "anna/a.jpg")
    marks, path = points(68), tmp_path / "anna/a.json"
    backwards = [str(n) for n in reversed(range(68))]
    path.write_text(labelme(marks[::-1], backwards))
    (face,) = get_reader("folder")(tmp_path)
    np.testing.assert_array_equal(face.landmarks, marks)
    assert face.box == (2, 3, 40, 38) and face.subject == "anna"
    assert "no dataset.yaml" in face.assumed
    path.write_text(labelme(marks[::-1], SCHEMES["ibug68"].names[::-1]))
    np.testing.assert_array_equal(next(get_reader("folder")(tmp_path)).landmarks, marks)
    path.write_text(labelme(marks, ["x"] * 68))
    np.testing.assert_array_equal(next(get_reader("folder")(tmp_path)).landmarks, marks)


@pytest.mark.parametrize("kind", ["coco", "xml", "pts", "long"])
def test_other_files_of_an_own_folder(tmp_path, kind):
    sources.image(tmp_path / "photos/a.jpg")
    marks = points(68)
    if kind == "coco":
        sources.coco(tmp_path / "faces.json", [("a.jpg", sources.flagged(68))])
    elif kind == "xml":
        named = {str(n): mark for n, mark in enumerate(marks)}
        sources.text(tmp_path / "faces.xml", "<x>", sources.dlib_face("a.jpg", named), "</x>")
    elif kind == "pts":
        sources.text(tmp_path / "photos/a.pts", *(f"{x:g} {y:g}" for x, y in marks + 1))
    else:
        rows = [f"a.jpg,ibug68,{n},{x:g},{y:g}" for n, (x, y) in enumerate(marks)]
        sources.text(tmp_path / "faces.csv", "image,scheme,point,x,y", *rows)
    (face,) = get_reader("folder")(tmp_path)
    np.testing.assert_allclose(face.landmarks, marks, atol=1e-3)
    assert (face.scheme, face.subject) == ("ibug68", "photos")


def write_csv(folder, scheme, marks):
    header = ",".join(f"{axis}{n}" for n in range(scheme.points) for axis in "xy")
    row = ",".join(repr(float(value)) for value in marks.ravel())
    sources.text(folder / "faces.csv", f"image,{header}", f"a.png,{row}")


def write_long(folder, scheme, marks):
    rows = [f"a.png,{scheme.name},{n},{float(x)!r},{float(y)!r}" for n, (x, y) in enumerate(marks)]
    sources.text(folder / "faces.csv", "image,scheme,point,x,y", *rows)


def write_coco(folder, scheme, marks):
    flags = np.full(scheme.points, 2)
    sources.coco(folder / "faces.json", [("a.png", np.column_stack([marks, flags]))])


def write_labelme(folder, scheme, marks):
    text = labelme(marks, scheme.names, imagePath="a.png")
    sources.text(folder / "a.json", text)


def write_xml(folder, scheme, marks):
    parts = "".join(
        f'<part name="{n}" x="{float(x)!r}" y="{float(y)!r}"/>' for n, (x, y) in enumerate(marks)
    )
    box = f'<box left="0" top="0" width="9" height="9">{parts}</box>'
    sources.text(folder / "faces.xml", f'<x><image file="a.png">{box}</image></x>')


def write_pts(folder, scheme, marks):
    sources.text(folder / "a.pts", *(f"{float(x)!r} {float(y)!r}" for x, y in marks + 1))


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    write=st.sampled_from([write_csv, write_long, write_coco, write_labelme, write_xml, write_pts]),
    scheme=st.sampled_from(sorted(SCHEMES)),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_scheme_written_in_any_file_is_read_back(tmp_path_factory, write, scheme, seed):
    folder = tmp_path_factory.mktemp("round")
    sources.image(folder / "a.png")
    marks = np.random.default_rng(seed).uniform(-20, 80, (SCHEMES[scheme].points, 2))
    write(folder, SCHEMES[scheme], marks)
    (face,) = get_reader("folder")(folder)
    assert face.scheme == scheme
    np.testing.assert_allclose(face.landmarks, marks, atol=1e-9)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("side: heat", "dataset.yaml: side: Input should be 'rgb' or 'thermal'"),
        ("scheme: x", "dataset.yaml: scheme: .*landmark scheme 'x' is unknown"),
        ("sude: rgb", "dataset.yaml: sude: no such field; did you mean 'side'?"),
        ("subject: anna", "dataset.yaml: subject: .*needs a group"),
        ("subject: '('", "dataset.yaml: subject: .*not a regular expression"),
        ("twin: {find: '[', replace: x}", "dataset.yaml: twin.find: .*not a regular expression"),
        ("radiometry: {kind: celsius, low: 9, high: 3}", "radiometry: .*the range must rise"),
        ("- a\n- b", "dataset.yaml: no fields; write lines such as"),
        ("a: [", "dataset.yaml: not YAML"),
    ],
)
def test_an_invalid_description(tmp_path, text, message):
    (tmp_path / "dataset.yaml").write_text(text)
    with pytest.raises(InputError, match=message):
        list(get_reader("folder")(tmp_path))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scheme": "cofw29"}, "the header must be .* or image,x0,y0 to x28,y28"),
        ({"subject": "(nobody)"}, "thermal/anna/0: `subject` in dataset.yaml does not match"),
        ({"radiometry": None}, "0.tif: uint16 values of unknown meaning"),
    ],
)
def test_a_description_that_does_not_fit_the_folder(tmp_path, changes, message):
    sources.own_folder(tmp_path)
    path = tmp_path / "dataset.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **changes}))
    with pytest.raises(InputError, match=message):
        prepare("folder", tmp_path, tmp_path.with_name("out"), progress=False)


# --- what several share


def test_images_are_found_by_the_end_of_their_path(tmp_path):
    for n, name in enumerate(("a/x.png", "b/x.png", "b/c/y.JPG")):
        sources.image(tmp_path / name, n)
    images = ImageIndex(tmp_path, fail)
    assert images.find("elsewhere/b/x.png") == tmp_path / "b/x.png"
    assert images.find("B\\X.PNG") == tmp_path / "b/x.png"
    assert images.find("y.png") == images.find("y") == tmp_path / "b/c/y.JPG"
    assert images.find("z.png") is None and images.find("") is None
    assert images.find("/etc/passwd") is None and images.find("../../..") is None
    with pytest.raises(InputError, match="row 3: .*'x.png' may be a/x.png or b/x.png"):
        images.need("x.png", "row 3")
    with pytest.raises(InputError, match="row 3: no image 'z.png' below"):
        images.need("z.png", "row 3")
    assert [path.as_posix() for path in images] == ["a/x.png", "b/c/y.JPG", "b/x.png"]
    assert list(ImageIndex(tmp_path, already_reported, skip=("b",))) == list(images)[:1]


def test_eight_bit_images_are_grey_or_coloured(tmp_path):
    assert eight_bit_radiometry(sources.image(tmp_path / "a.png", kind="grey")) == GREY8
    assert eight_bit_radiometry(sources.image(tmp_path / "b.png", kind="iron")) == FALSE_COLOURS
    grey = cv2.imread(str(tmp_path / "a.png"))
    cv2.imwrite(str(tmp_path / "c.png"), grey)  # three equal channels
    assert eight_bit_radiometry(tmp_path / "c.png") == GREY8


def test_xml_may_not_declare_anything(tmp_path):
    path = tmp_path / "a.xml"
    path.write_text('<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>')
    with pytest.raises(InputError, match="declares entities or a document type"):
        list(boxes(path))


# One change to the text of an annotation file, and what is said of it.
BROKEN = {
    "hrnet_csv": [
        ("face_landmarks_300w_train.csv", "image_name", "name", "the header must be image_name"),
        ("face_landmarks_300w_train.csv", "1.5,24,", "1.5,24,nan,", "line 2: 141 cells, but the"),
        ("face_landmarks_300w_train.csv", "134212_1.jpg,", "9.jpg,", "line 2: no image 'afw/9.jpg'"),
    ],
    "wflw": [
        ("WFLW_annotations/list_98pt_rect_attr_train.txt", "0 0 a/", "0 2 a/", "neither 0 nor 1"),
        ("WFLW_annotations/list_98pt_rect_attr_train.txt", "0 0 a/", "a/", "not 98 \\(or 68\\) points"),
        ("WFLW_annotations/list_98pt_rect_attr_train.txt", "2 3 40", "2 inf 40", "'inf' is not a fin"),
    ],
    "face_synthetics": [
        ("000001_ldmks.txt", " ", " 1 ", "line 1: .* is not a point `x y`"),
        ("000001_ldmks.txt", "\n", " 3\n", "is not a point `x y`"),
    ],
    "sf_tl54": [
        ("dataset/gray/train/json/111_1_2_1_120_100_1.json", '"face"', '"x"', "no shape 'face'"),
        ("dataset/gray/train/json/111_1_2_1_120_100_1.json", "[[3, 4], ", "[", "a box has two corn"),
        ("dataset/gray/train/json/111_1_2_1_120_100_1.json", '"shapes"', '"x"', "no list 'shapes'"),
        ("dataset/gray/train/json/111_1_2_1_120_100_1.json", "{", "", "not JSON"),
    ],
    "charlotte": [
        ("S1.csv", "env-temp", "x72", "column 'x72' appears twice"),
        ("S2.csv", "ID,x0", "ID,x1", "no column 'x0'"),
        ("S2.csv", "R11561,", "R11561,,", "cells, but the header has"),
        ("S2.csv", "R11561", "R9", "line 2: no image 'S2/R9'"),
    ],
    "tfw": [
        ("train/indoor.csv", "name,xs", "name", "14 columns instead of 15|15 cells"),
        ("train/indoor.csv", "2,3,40", "2,3,x", "line 2: 'x' is not a finite number"),
    ],
    "tfd68": [
        ("tfd68.json", '"images"', '"x"', "no lists 'images' and 'annotations'"),
        ("tfd68.json", '"image_id": 0', '"image_id": 9', "annotation 0: no image with image_id 9"),
        ("tfd68.json", "thermal_1_0_0.jpg", "thermal_9_0_0.jpg", "no image 'thermal_9_0_0.jpg'"),
        ("tfd68.json", "[2, 3, 38, 35]", "[2, 3]", "bbox is not"),
        ("tfd68.json", '"keypoints": [', '"keypoints": [1, ', "not triplets"),
    ],
    "carl_eurecom": [
        ("faces.xml", "righteye_inner", "x", "part 'x' is none of righteye_outer, righteye_inner"),
        ("faces.xml", "righteye_inner", "righteye_outer", "part 'righteye_outer' appears twice"),
        ("faces.xml", "001/TH/", "001/", "no folder in its name says thermal"),
        ("faces.xml", 'left="2"', 'left=""', "left: '' is not a finite number"),
        ("faces.xml", "</dataset>", "", "not XML"),
    ],
    "yolo_pose": [("anna/labels/f1.txt", " ", " 1 ", "numbers, expected 5")],
    "thermal_knapik54": [("1_Man_NoGlasses_Normal/labels/f1.txt", " ", " 1 ", "numbers, expected 5")],
    "folder": [
        ("landmarks.csv", "anna/0.tif,", "anna/9.tif,", "no image 'thermal/anna/9.tif'"),
        ("landmarks.csv", "anna/0.tif,", "anna/0.tif,x", "is not a finite number"),
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "file", "old", "new", "message"),
    [(name, *case) for name, cases in BROKEN.items() for case in cases],
)
def test_invalid_files_are_named_with_a_fix(tmp_path, name, file, old, new, message):
    SOURCES[name](tmp_path)
    path = tmp_path / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    bad = [text for text in reasons(name, tmp_path) if re.search(message, text)]
    assert bad and path.name in bad[0]
    with pytest.raises(InputError):
        prepare(name, tmp_path, tmp_path.with_name("out"), progress=False)


# --- an own folder's names


def pts_file(path, count=68):
    sources.text(path, *(f"{x:g} {y:g}" for x, y in points(count) + 1))


def problems(folder):
    bad = []
    faces = list(get_reader("folder")(folder, lambda name, error: bad.append((name, str(error)))))
    bad += [(face.id, str(error)) for face in faces for error in face.absent.values()]
    return {face.id: face for face in faces if not face.absent}, dict(bad)


def test_pts_beside_images_of_the_same_name_in_other_folders(tmp_path):
    for who in ("anna", "ben"):
        sources.image(tmp_path / who / "001.jpg")
        pts_file(tmp_path / who / "001.pts")
    faces, bad = problems(tmp_path)
    assert not bad and {f.rgb_path for f in faces.values()} == {
        tmp_path / "anna/001.jpg",
        tmp_path / "ben/001.jpg",
    }


def test_pts_beside_the_labelled_modality_of_a_pair(tmp_path):
    sources.own_folder(tmp_path)
    for path in tmp_path.glob("*.csv"):
        path.unlink()
    for n in (0, 1):
        pts_file(tmp_path / f"thermal/anna/{n}.pts")
    faces, bad = problems(tmp_path)
    assert not bad
    labelled = {name for name, face in faces.items() if face.landmarks is not None}
    assert labelled == {"thermal/anna/0", "thermal/anna/1"}
    assert faces["thermal/anna/1"].rgb_path == tmp_path / "rgb/anna/1.jpg"


def test_labelme_beside_images_of_the_same_name(tmp_path):
    for who in ("anna", "ben"):
        sources.image(tmp_path / who / "001.jpg")
        text = labelme(points(68), [str(n) for n in range(68)], imagePath="001.jpg")
        sources.text(tmp_path / who / "001.json", text)
    faces, bad = problems(tmp_path)
    assert not bad and set(faces) == {"anna/001", "ben/001"}


@pytest.mark.parametrize(
    "start", ["/home/me/photos/", "C:\\Users\\Me\\photos\\", "C:/photos/", "//server/ben/"]
)
def test_labelme_with_a_path_of_another_machine_is_of_the_image_beside_it(tmp_path, start):
    for who in ("anna", "ben"):
        sources.image(tmp_path / who / "001.jpg")
    for name in ("001", "002"):
        text = labelme(points(68), [str(n) for n in range(68)], imagePath=f"{start}{name}.jpg")
        sources.text(tmp_path / f"anna/{name}.json", text)
    faces, bad = problems(tmp_path)
    assert [face.rgb_path for face in faces.values()] == [tmp_path / "anna/001.jpg"]
    assert len(bad) == 1 and "no image '" in next(iter(bad.values()))


def test_an_annotation_without_image_is_not_matched_to_another(tmp_path):
    sources.image(tmp_path / "anna/001.jpg")
    sources.image(tmp_path / "ben/002.jpg")
    pts_file(tmp_path / "ben/001.pts")
    faces, bad = problems(tmp_path)
    assert not faces and "no image '001' beside it in ben" in bad["ben/001"]


def test_a_name_in_another_folder_is_another_image(tmp_path):
    sources.image(tmp_path / "ben/001.jpg")
    header = ",".join(f"x{n},y{n}" for n in range(68))
    values = ",".join(f"{value:g}" for value in points(68).ravel())
    sources.text(tmp_path / "labels.csv", f"image,{header}", f"anna/001.jpg,{values}")
    faces, bad = problems(tmp_path)
    assert not faces and "no image 'anna/001" in bad["anna/001"]
    sources.text(tmp_path / "labels.csv", f"image,{header}", f"/mnt/disk/ben/001.jpg,{values}")
    faces, bad = problems(tmp_path)
    assert set(faces) == {"ben/001"} and not bad


def test_a_missing_thermal_image_is_not_replaced_by_another_persons(tmp_path):
    sources.own_folder(tmp_path)
    (tmp_path / "rgb/anna/1.jpg").unlink()
    sources.image(tmp_path / "rgb/ben/1.jpg")
    faces, bad = problems(tmp_path)
    assert not bad and faces["thermal/anna/1"].rgb_path is None


def test_labels_in_a_tree_of_their_own(tmp_path):
    for who in ("anna", "ben"):
        sources.image(tmp_path / "images" / who / "001.jpg")
        pts_file(tmp_path / "labels" / who / "001.pts")
    faces, bad = problems(tmp_path)
    assert not bad and set(faces) == {"images/anna/001", "images/ben/001"}


@pytest.mark.parametrize("long", [False, True])
def test_an_invalid_cell_skips_one_face(tmp_path, long):
    source = tmp_path / "source"
    for n in range(3):
        sources.image(source / f"{n}.jpg", n)
    marks = [list(map(str, row)) for row in points(68).tolist()]
    lines = ["image,scheme,point,x,y" if long else "image," + ",".join(
        f"x{n},y{n}" for n in range(68)
    )]  # fmt: skip
    for n in range(3):
        cells = [list(mark) for mark in marks]
        cells[5][0] = "hello" if n == 1 else cells[5][0]
        if long:
            lines += [f"{n}.jpg,ibug68,{k},{x},{y}" for k, (x, y) in enumerate(cells)]
        else:
            lines.append(",".join([f"{n}.jpg", *(value for mark in cells for value in mark)]))
    sources.text(source / "labels.csv", *lines)
    sources.text(source / "dataset.yaml", "{unlabelled: true, scheme: ibug68}")
    faces, bad = problems(source)
    assert {name: face.landmarks is not None for name, face in faces.items()} == {
        **{"0": True, "1": False, "2": True}
    }
    assert list(bad) == ["labels.csv"] and "'hello' is not a finite number" in bad["labels.csv"]
    report = prepare("folder", source, tmp_path / "out", skip_bad=True, progress=False)
    assert "2 of 3 images have landmarks" in str(report)
