"""The warm-region detector, and detectors of the user."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcmkd.data.crops import Crop, tight_box
from mlcmkd.data.pairs import synthetic_faces
from mlcmkd.data.thermal.radiometry import FACE_CELSIUS
from mlcmkd.deployment.boxes import check_box, iou
from mlcmkd.deployment.detector import load_detector, run_detector
from mlcmkd.deployment.faces import FaceCrop, FaceLandmarks
from mlcmkd.deployment.predictor import Predictor
from mlcmkd.deployment.warm_region import (
    BELOW,
    HEIGHT,
    WIDTH,
    candidate_boxes,
    detect_warm_region,
)
from mlcmkd.utils.errors import InputError
from tests.conftest import make_model


def disc(x: float, y: float, radius: int, shape=(240, 320), scale: int = 1) -> np.ndarray:
    image = np.full(shape, 0.2, dtype=np.float32)
    cv2.circle(image, (round(x * scale), round(y * scale)), radius * scale, 0.8, -1)
    return image


def test_a_disc_by_hand():
    """The box is defined in radii of the circle."""
    x0, y0, x1, y1 = detect_warm_region(disc(150, 90, 40))
    assert ((x0 + x1) / 2, (y0 + y1) / 2) == pytest.approx((150, 90 + BELOW * 40), abs=2.5)
    assert (x1 - x0, y1 - y0) == pytest.approx((WIDTH * 40, HEIGHT * 40), rel=0.06)


@given(st.integers(60, 250), st.integers(60, 160), st.integers(20, 50))
def test_the_box_follows_the_region(x, y, radius):
    here = np.array(detect_warm_region(disc(x, y, radius)))
    middle = np.array([x, y + BELOW * radius])
    assert np.abs((here[:2] + here[2:]) / 2 - middle).max() < 0.15 * radius + 1


def test_boxes_are_pixels_of_the_image_whatever_its_size():
    small = np.array(detect_warm_region(disc(75, 45, 20, (120, 160))))
    large = np.array(detect_warm_region(disc(75, 45, 20, (480, 640), scale=4)))
    assert large == pytest.approx(4 * small, abs=8)


def test_the_head_is_above_the_body_and_larger_than_a_mug():
    image = disc(160, 80, 35)
    cv2.rectangle(image, (140, 100), (180, 150), 0.75, -1)
    cv2.ellipse(image, (160, 210), (48, 60), 0, 0, 360, 0.7, -1)
    cv2.circle(image, (40, 30), 12, 1.0, -1)
    x0, y0, x1, y1 = detect_warm_region(image)
    assert abs((x0 + x1) / 2 - 160) < 8 and 45 < (y0 + y1) / 2 < 120


def test_glasses_leave_no_hole():
    whole, glasses = disc(150, 90, 40), disc(150, 90, 40)
    cv2.rectangle(glasses, (125, 75), (147, 88), 0.25, -1)
    cv2.rectangle(glasses, (153, 75), (175, 88), 0.25, -1)
    assert iou(detect_warm_region(whole), detect_warm_region(glasses)) > 0.9


@pytest.mark.parametrize(
    "image",
    [
        np.full((120, 160), 0.4, np.float32),
        np.zeros((120, 160), np.float32),
        np.clip(np.random.default_rng(0).normal(0.5, 0.1, (120, 160)), 0, 1).astype(np.float32),
        disc(80, 60, 2, (240, 320)),
    ],
    ids=["flat", "black", "noise", "a spark"],
)
def test_without_a_warm_region_there_is_no_box(image):
    assert detect_warm_region(image) is None


def test_most_synthetic_faces_in_a_scene_are_boxed():
    """By one of the candidate boxes, in empty scenes; those of benchmarks/detect.py have objects.

    Hair, hats and bare shoulders move the circle, and profiles are no circle: about seven in ten.
    """
    faces = synthetic_faces("val", 24, seed=3)
    hits = []
    for celsius, marks, ambient in zip(
        faces.thermal, faces.landmarks, faces.attributes["ambient_celsius"], strict=True
    ):
        scene = np.full((160, 220), ambient, dtype=np.float32)
        scene[64:, 60:156] = celsius
        box = detect_warm_region(FACE_CELSIUS.to_unit(scene))
        candidates = [] if box is None else [box, *candidate_boxes(box)]
        truth = tight_box(marks + (60, 64))
        hits.append(any(iou(each, truth) > 0.5 for each in candidates))
    assert np.mean(hits) >= 0.6


def test_without_a_warm_region_the_whole_image_is_refined(tmp_path):
    make_model(modality="thermal").save(tmp_path / "w.safetensors")
    predictor = Predictor(tmp_path / "w.safetensors", detector="warm")
    even = np.full((60, 80), 25, dtype=np.float32)
    even[0, 0] = 26
    assert predictor(even).by == "looks"
    assert predictor((18 + 22 * disc(150, 90, 40)).astype(np.float32)).by == "warm region"


def test_candidate_boxes_lie_above_and_below():
    above, below = candidate_boxes((0, 0, WIDTH * 10, 20))
    assert above == pytest.approx((0, -3, WIDTH * 10, 17))
    assert below == pytest.approx((0, 3, WIDTH * 10, 23))


def upright_face5(width: float) -> np.ndarray:
    """Landmarks (5, 2) of the scheme face5, from x = 0 to the width."""
    return np.array([[0.0, 0], [width, 0], [width / 2, 5], [0, 10], [width, 10]])


def test_the_most_confident_candidate_is_kept_and_refined(tmp_path, monkeypatch):
    """Three crops in the first pass; each later pass follows the landmarks of the best."""
    make_model(modality="thermal").save(tmp_path / "w.safetensors")
    predictor = Predictor(tmp_path / "w.safetensors", batch=2)
    passes = []

    def forward(network, crops):
        passes.append([crop.crop.centre[0] for crop in crops])
        return [
            FaceLandmarks(
                upright_face5(width=2 * crop.crop.centre[0] + 2),
                "face5",
                crop.image,
                confidence={10: 0.2, 20: 0.9, 30: 0.5}.get(crop.crop.centre[0], 0.1),
            )
            for crop in crops
        ]

    monkeypatch.setattr("mlcmkd.deployment.passes.forward_pass", forward)
    first, *others = (Crop((x, 5.0), 10) for x in (10, 20, 30))
    (face,) = predictor.predict_crops([FaceCrop(np.zeros((9, 9)), first, "x", 3, tuple(others))])
    assert passes == [[10, 20], [30], [21], [22]]
    assert face.confidence == 0.1 and face.landmarks[1, 0] == 46


# Detectors of the user


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A user's own module, in PYTHONPATH."""
    (tmp_path / "my_detector.py").write_text(
        "def two(image):\n    return [(10, 10, 40, 40), (50.5, 10, 80, 45)]\n"
        "def none(image):\n    return []\n"
        "def broken(image):\n    raise RuntimeError('no\\ncamera')\n"
        "number = 3\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    return "my_detector"


def test_a_named_detector_is_used(tmp_path, module):
    make_model(modality="thermal").save(tmp_path / "w.safetensors")
    image = np.random.default_rng(0).uniform(20, 36, (60, 90)).astype(np.float32)
    predictor = Predictor(tmp_path / "w.safetensors", detector=f"{module}:two")
    (faces,) = predictor.faces([image])
    assert [face.by for face in faces] == ["detector", "detector"]
    for face, box in zip(faces, [(10, 10, 40, 40), (50.5, 10, 80, 45)], strict=True):
        wanted = predictor(image, box)
        assert face.landmarks == pytest.approx(wanted.landmarks, abs=1e-3)
    assert predictor(image).box == faces[1].box  # the larger one
    nobody = Predictor(tmp_path / "w.safetensors", detector=f"{module}:none")
    assert nobody.faces([image]) == [[]]
    with pytest.raises(InputError, match="no face found"):
        nobody(image)


def test_a_detector_sees_the_image_as_the_network_does(tmp_path):
    make_model(modality="thermal").save(tmp_path / "w.safetensors")
    seen = []
    predictor = Predictor(tmp_path / "w.safetensors", detector=lambda unit: seen.append(unit) or [])
    predictor.faces([np.full((60, 80), 29, dtype=np.float32) + np.eye(60, 80, dtype=np.float32)])
    assert seen[0].dtype == np.float32
    assert seen[0] == pytest.approx(0.5 + np.eye(60, 80) / 22, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("my_detector", "module:function"),
        ("my_detector:two()", "module:function"),
        ("my detector:two", "module:function"),
        ("../my_detector:two", "module:function"),
        ("my_detector:", "module:function"),
        ("no_such_module_here:two", "cannot be imported"),
        ("my_detector:three", "has no three"),
        ("my_detector:number", "is not callable"),
    ],
)
def test_unusable_names(module, name, message):
    with pytest.raises(InputError, match=message):
        load_detector(name)


def test_the_current_folder_is_not_searched(tmp_path, monkeypatch):
    """A module in a folder of downloads does not run because of its name."""
    (tmp_path / "lies_here.py").write_text("raise SystemExit('ran')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [p for p in __import__("sys").path if p not in ("", ".")])
    with pytest.raises(InputError, match="cannot be imported"):
        load_detector("lies_here:f")


def test_a_failing_detector_is_one_line(module):
    with pytest.raises(
        InputError, match=r"^a.png: the detector failed \(RuntimeError: no camera\)$"
    ):
        run_detector(load_detector(f"{module}:broken"), np.zeros((4, 4)), "a.png")


@pytest.mark.parametrize(
    "box", [(1, 2, 3), "box", (5, 5, 5, 9), (9, 5, 5, 9), (1, 1, np.nan, 3), (1, 1, np.inf, 3), 7]
)
def test_empty_boxes_are_refused(box):
    with pytest.raises(InputError, match="a.png.* box"):
        check_box(box, "a.png")
    with pytest.raises(InputError, match="a.png"):
        run_detector(lambda image: [box], np.zeros((4, 4)), "a.png")


def test_a_box_of_another_image_is_refused():
    with pytest.raises(InputError, match="a.png.* lies outside the image of 9 x 4 pixels"):
        check_box((2, 5, 8, 9), "a.png", (9, 4))
    with pytest.raises(InputError, match="a.png, detector.* outside the image of 9 x 4 pixels"):
        run_detector(lambda image: [(10, 1, 16, 3)], np.zeros((4, 9)), "a.png")
    with pytest.raises(InputError, match=r"a.png.* only 1 % of its area inside .* cut it off"):
        check_box((-5, -5, 0, 0), "a.png", (9, 4))
    assert check_box((-2, -1, 6, 3), "a.png", (9, 4)) == (-2, -1, 6, 3)
    leaving = (-5, -5, 1, 1)  # a detector's box of a face that leaves the image
    assert run_detector(lambda image: [leaving], np.zeros((4, 9)), "a.png") == [leaving]


def test_a_tiny_box_is_refused():
    with pytest.raises(InputError, match="a.png: the box 5 5 7 8 is smaller than 4 pixels"):
        check_box((5, 5, 7, 8), "a.png")


def test_fractions_of_an_image_are_refused():
    with pytest.raises(
        InputError, match="a.png: the box 0.1 0.2 0.9 1 looks like shares .* give pixels"
    ):
        check_box((0.1, 0.2, 0.9, 1), "a.png")


def test_rgb_weights_have_no_warm_region(tmp_path):
    make_model().save(tmp_path / "w.safetensors")
    with pytest.raises(InputError, match="'warm' needs thermal"):
        Predictor(tmp_path / "w.safetensors", detector="warm")
