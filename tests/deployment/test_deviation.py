"""Standard deviations of predicted landmarks, by torch and in exported files, and the confidence."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from mlcmkd.deployment.faces import FaceLandmarks, face_confidence, is_uncertain
from mlcmkd.deployment.networks import open_network
from mlcmkd.deployment.onnx.export import export_onnx
from mlcmkd.deployment.onnx.files import check_export
from mlcmkd.deployment.onnx.session import load_onnx
from mlcmkd.deployment.predictor import Predictor
from mlcmkd.models import Calibration
from tests.conftest import make_model, room

PX = 64
BOX = (8, 10, 60, 44)


# Where the deviations come from, and the kind of the exported file: either has code of its own, and they
# meet in one number of the network. Each is exported once.
CASES = [("spread", "crop"), ("head", "image")]


@pytest.fixture(scope="module", params=CASES, ids="-".join)
def case(request) -> tuple[str, str]:
    return request.param


@pytest.fixture(scope="module")
def source(case) -> str:
    return case[0]


@pytest.fixture(scope="module")
def weights(source, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "w.safetensors"
    calibration = Calibration(scale=2.0, power=1.5, faces=12, data="synthetic", source=source)
    model = make_model("slim", "thermal", input_px=PX, calibration=calibration)
    torch.nn.init.normal_(model.head.maps.weight, std=2)
    for parameter in model.deviation_head.parameters() if source == "head" else ():
        torch.nn.init.normal_(parameter, std=0.2)
    model.save(path)
    return path


@pytest.fixture(scope="module")
def exported(case, weights, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("exported") / "w.onnx"
    export_onnx(weights, path, case[1])
    return path


def test_the_deviation_is_in_pixels_of_the_image(weights):
    predictor, image = Predictor(weights), room()
    small = predictor(image, BOX)
    # The same picture with four times the pixels; the blocks of each pixel are averaged again.
    large = predictor(np.kron(image, np.ones((4, 4))), tuple(4 * edge + 1.5 for edge in BOX))
    assert small.deviation.shape == (68,) and small.deviation.std() > 0
    assert large.deviation == pytest.approx(4 * small.deviation, rel=0.1)
    (_, _, shares) = open_network(weights)(np.full((1, 1, PX, PX), 0.5, np.float32))
    assert shares.shape == (1, 68)


# The second box reaches beyond two borders of the image.
@pytest.mark.parametrize("box", [BOX, (-14, -10, 50, 38)])
def test_an_exported_file_gives_the_deviations_of_torch(weights, exported, source, box):
    image = room()
    wanted = Predictor(weights)(image, box)
    face = Predictor(exported)(image, box)
    assert face.deviation == pytest.approx(wanted.deviation, rel=2e-3)
    assert face.confidence == pytest.approx(wanted.confidence, abs=1e-3)
    alone = load_onnx(exported)(image, box)
    assert alone.deviation.shape == (68,)
    assert alone.deviation == pytest.approx(wanted.deviation, rel=2e-3)
    card = check_export(exported)
    assert card.deviation == (
        f"2 * {source} ** 1.5, shares of the input's side; fitted on 12 validation faces of synthetic"
    )


def test_a_file_that_was_exported_before_has_no_deviation(exported, tmp_path):
    model = onnx.load(exported)
    del model.graph.output[2]
    entries = {each.key: each.value for each in model.metadata_props if each.key != "deviation"}
    onnx.helper.set_model_props(model, entries)
    onnx.save(model, tmp_path / "old.onnx")
    face = Predictor(tmp_path / "old.onnx")(room(), BOX)
    assert np.isnan(face.deviation).all()
    assert face.confidence == pytest.approx(face.point_confidence.mean())


def square(deviation: float, side: float = 100.0) -> FaceLandmarks:
    """A face whose four points are the corners of a square."""
    points = side * np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]])
    return FaceLandmarks(points, "face5", np.zeros((2, 2)), deviation=np.full(4, deviation))


@pytest.mark.parametrize("share", [0.0, 0.04, 0.08, 0.16])
def test_the_confidence_halves_with_every_8_percent_of_expected_error(share):
    # the mean length of a 2-D Gaussian error is sqrt(pi / 2) deviations
    deviation = share * 100 / np.sqrt(np.pi / 2)
    face = square(deviation)
    found = face_confidence(face.landmarks, np.ones(4), face.deviation)
    assert found == pytest.approx(0.5 ** (share / 0.08))


def test_the_confidence_does_not_depend_on_the_size_of_the_image():
    found = [
        face_confidence(face.landmarks, np.ones(4), face.deviation)
        for face in (square(2), square(20, 1000.0))
    ]
    assert found[0] == pytest.approx(found[1])


def test_a_face_is_uncertain_below_a_confidence_of_0_6():
    for deviation, uncertain in ((4.0, False), (5.0, True)):
        face = square(deviation)
        confidence = face_confidence(face.landmarks, np.ones(4), face.deviation)
        face = FaceLandmarks(
            face.landmarks, "face5", face.image, confidence, deviation=face.deviation
        )
        assert is_uncertain(face) is uncertain


def test_faces_without_deviations_are_not_called_uncertain():
    face = FaceLandmarks(np.zeros((4, 2)), "face5", np.zeros((2, 2)), confidence=0.1)
    assert np.isnan(face.deviation).all() and face.deviation.shape == (4,)
    assert not is_uncertain(face)
    assert np.isnan(face_confidence(face.landmarks, np.full(4, np.nan), face.deviation))
