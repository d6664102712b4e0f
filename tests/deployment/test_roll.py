"""Rolled heads: their roll is measured, later passes see them upright, and results are turned back."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcmkd import Predictor
from mlcmkd.data.crops import Crop, tight_box
from mlcmkd.deployment import passes
from mlcmkd.deployment.faces import FaceCrop, FaceLandmarks
from mlcmkd.deployment.refinement import next_crop
from mlcmkd.deployment.roll import head_roll
from mlcmkd.evaluation.metrics import face_errors, point_errors
from mlcmkd.schemes import SCHEMES
from mlcmkd.synthetic.faces import make_faces
from mlcmkd.synthetic.realism import Realism

SIZE = 128


def turned(points: np.ndarray, degrees: float, about: tuple[float, float] = (0, 0)) -> np.ndarray:
    """Points (K, 2) turned clockwise in the image."""
    angle = np.deg2rad(degrees)
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return (points - about) @ matrix.T + about


@pytest.fixture(scope="module")
def rendered():
    """Nearly frontal faces without glasses, in the middle of their images."""
    realism = Realism(worn=False, optics=False, yaw_deviation=5)
    return make_faces(6, size=SIZE, first_identity=1_600_000, realism=realism, rgb=False, workers=1)


def rolled(rendered, degrees: float) -> tuple[list[np.ndarray], np.ndarray]:
    """The images turned clockwise about their centre, and their landmarks (N, K, 2)."""
    middle = ((SIZE - 1) / 2, (SIZE - 1) / 2)
    matrix = cv2.getRotationMatrix2D(middle, -degrees, 1)  # OpenCV counts anticlockwise
    images = [
        cv2.warpAffine(image, matrix, (SIZE, SIZE), borderMode=cv2.BORDER_REPLICATE)
        for image in rendered.thermal
    ]
    return images, np.stack([turned(points, degrees, middle) for points in rendered.landmarks])


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("degrees", [-170, -40, 0, 25, 90])
def test_a_symmetric_face_has_the_roll_by_which_it_was_turned(scheme, degrees):
    names, rng = SCHEMES[scheme].names, np.random.default_rng(0)
    half = {name: rng.uniform((0.1, -1), (1, 1)) for name in names}
    points = []
    for name, mirrored in zip(names, SCHEMES[scheme].flip, strict=True):
        x, y = half[min(name, names[mirrored])]
        points.append((x * (name.startswith("right ") - name.startswith("left ")), y))
    roll = head_roll(turned(np.array(points), degrees), scheme)
    # Charlotte's profiles have no mirror partners, hence no roll.
    assert roll == pytest.approx(0 if scheme == "charlotte43" else degrees)


@given(st.floats(-60, 60), st.floats(-60, 60))
def test_the_crop_of_a_rolled_face_is_that_of_the_upright_face_turned(degrees, x):
    points = np.random.default_rng(0).uniform(0, 50, (68, 2)) + (x, 7)
    crop = Crop.around_points(points)
    assert crop == Crop.around(tight_box(points))
    rolled = Crop.around_points(turned(points, degrees), degrees)
    assert rolled.side == pytest.approx(crop.side)
    assert rolled.to_unit(turned(points, degrees)) == pytest.approx(crop.to_unit(points), abs=1e-9)


@pytest.mark.parametrize("degrees", [-45, -30, 15, 45])
def test_a_rolled_face_has_the_landmarks_of_the_upright_one(rendered, degrees):
    images, truth = rolled(rendered, degrees)
    boxes = [tight_box(points) for points in truth]
    faces = [face for (face,) in Predictor(passes=3).faces(images, boxes)]
    found = np.stack([face.landmarks for face in faces])
    errors = face_errors(point_errors(found, truth, "ibug68", "box"))
    assert errors.max() < 0.07 and errors.mean() < 0.045
    upright, _ = rolled(rendered, 0)
    boxes = [tight_box(points) for points in rendered.landmarks]
    others = [face for (face,) in Predictor(passes=3).faces(upright, boxes)]
    for face, other, points in zip(faces, others, truth, strict=True):
        assert face.roll == pytest.approx(other.roll + degrees, abs=8)
        # Standard deviations are those of both coordinates, so that turning them changes nothing.
        assert face.deviation.mean() == pytest.approx(other.deviation.mean(), rel=0.3)
        x0, y0, x1, y1 = face.box
        a0, b0, a1, b1 = tight_box(points)
        side = x1 - x0
        assert side == pytest.approx(y1 - y0)
        assert ((x0 + x1) / 2, (y0 + y1) / 2) == pytest.approx(
            ((a0 + a1) / 2, (b0 + b1) / 2), abs=0.15 * side
        )


def test_one_pass_is_not_turned(rendered):
    images, truth = rolled(rendered, 45)
    boxes = [tight_box(points) for points in truth]
    faces = [face for (face,) in Predictor(passes=1).faces(images, boxes)]
    assert all(face.roll == 0 for face in faces)
    found = np.stack([face.landmarks for face in faces])
    assert face_errors(point_errors(found, truth, "ibug68", "box")).mean() > 0.055


def crop_after(shape: np.ndarray, roll: float, x: float, passes: int = 2) -> Crop | None:
    """The next crop of a head of 60 px at `x` in an image of 200 x 200 px, None without one."""
    shape = turned(shape, -head_roll(shape, "ibug68"))
    x0, y0, x1, y1 = tight_box(shape)
    upright = (shape - ((x0 + x1) / 2, (y0 + y1) / 2)) / max(x1 - x0, y1 - y0)
    head = Crop((x, 100.0), 60.0, roll).to_pixels(upright)
    image = np.zeros((200, 200), np.float32)
    face_crop = FaceCrop(image, Crop((x, 100.0), 80.0), passes=passes)
    following = next_crop(face_crop, FaceLandmarks(head, "ibug68", image))
    return None if following is None else following.crop


@pytest.mark.parametrize(
    ("roll", "x", "wanted"),
    [(12, 100, 12), (12, 20, 0), (-12, 180, 0), (30, 100, 30), (30, 20, 30)],
)
def test_a_crop_that_reaches_beyond_the_image_stays_upright_unless_the_head_is_rolled_far(
    rendered, roll, x, wanted
):
    assert crop_after(rendered.landmarks[0], roll, x).roll == pytest.approx(wanted, abs=0.5)


def test_the_last_pass_has_no_next_crop(rendered):
    assert crop_after(rendered.landmarks[0], 12, 100, passes=1) is None


def test_no_pass_is_made_for_a_crop_that_hardly_changes(rendered, monkeypatch):
    """The network is not run again in the crop that its own landmarks give."""
    predictor, crops = Predictor(), []
    forward = passes.forward_pass

    def recorded(network, part):
        crops.extend(each.crop for each in part)
        return forward(network, part)

    monkeypatch.setattr(passes, "forward_pass", recorded)
    unit = predictor.to_unit(rendered.thermal[0])
    crop = Crop.around(tight_box(rendered.landmarks[0]))
    predictor.predict_crops([FaceCrop(unit, crop, passes=20)])
    assert 1 < len(crops) < 20
    assert all(a.change_to(b) >= 0.05 for a, b in zip(crops, crops[1:], strict=False))
    settled = crops[-1]
    crops.clear()
    predictor.predict_crops([FaceCrop(unit, settled, passes=20)])
    assert crops == [settled]
