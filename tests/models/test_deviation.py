"""The spread of a heatmap, and the standard deviation of a landmark that is calibrated on it."""

import numpy as np
import pytest
import torch

from mlcmkd.data.dataset import Pairs
from mlcmkd.models import Calibration, Landmarker, Prediction, soft_argmax, spread
from mlcmkd.stages.common import thermal_version
from mlcmkd.utils.errors import InputError
from tests.conftest import make_model, make_pairs

CALIBRATION = Calibration(scale=2.0, power=1.5, faces=12, data="synthetic")


def calibrated(**spec) -> Landmarker:
    return make_model("slim", calibration=CALIBRATION, **spec).eval()


def spread_of(logits: torch.Tensor) -> float:
    return spread(Prediction(soft_argmax(logits), logits)).item()


def test_a_map_of_one_cell_has_no_spread():
    logits = torch.full((1, 1, 8, 8), -60.0)
    logits[0, 0, 2, 5] = 60
    assert spread_of(logits) == pytest.approx(0, abs=1e-6)


def test_a_map_of_two_equal_cells_has_half_their_distance_on_one_axis():
    logits = torch.full((1, 1, 8, 8), -60.0)
    logits[0, 0, 2, 1] = logits[0, 0, 2, 5] = 60  # 4 cells of 1/8 apart: x varies by 0.25, y by 0
    assert spread_of(logits) == pytest.approx((0.25**2 / 2) ** 0.5)


def test_a_map_of_two_unequal_cells():
    logits = torch.full((1, 1, 4, 4), -60.0)
    logits[0, 0, 0, 0], logits[0, 0, 3, 1] = 0, float(np.log(3))  # probabilities 1/4 and 3/4
    # variance of two values d apart: p (1 - p) d^2; d is 1/4 in x and 3/4 in y
    variances = 3 / 16 * np.array([1 / 16, 9 / 16])
    assert spread_of(logits) == pytest.approx(np.sqrt(variances.mean()))


def test_the_spread_agrees_with_numpy_on_maps_that_are_not_square():
    logits = torch.randn(2, 3, 5, 9) * 3
    prediction = Prediction(soft_argmax(logits), logits)
    weights = np.exp(logits.numpy().astype(np.float64))
    y, x = (np.arange(5) + 0.5) / 5, (np.arange(9) + 0.5) / 9
    grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    for row in range(2):
        for point in range(3):
            covariance = np.cov(grid.T, aweights=weights[row, point].ravel(), ddof=0)
            wanted = np.sqrt(np.trace(covariance) / 2)
            assert spread(prediction)[row, point].item() == pytest.approx(wanted, rel=1e-4)


def test_the_deviation_is_a_power_of_the_spread():
    model, images = calibrated(input_px=64), torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        prediction = model(images)
    wanted = 2 * spread(prediction).numpy() ** 1.5
    assert model.deviation(prediction, images).numpy() == pytest.approx(wanted, rel=1e-5)


def test_weights_without_calibration_and_coordinate_heads_have_no_deviation():
    for model in (make_model("slim"), calibrated(head="coordinate")):
        with torch.no_grad():
            images = torch.rand(2, 3, 32, 32)
            deviation = model.eval().deviation(model(images), images)
        assert deviation.shape == (2, 68) and deviation.isnan().all()


def test_a_calibration_is_stored_with_the_weights_and_kept_by_other_schemes(tmp_path):
    calibrated().save(tmp_path / "w.safetensors")
    model = Landmarker.load(tmp_path / "w.safetensors")
    assert model.spec.calibration == CALIBRATION
    fewer, images = model.for_scheme("sf_tl54"), torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        all_points, some = model(images), fewer(images)
    assert fewer.deviation(some, images).shape == (2, 54)
    assert set(fewer.deviation(some, images)[0].tolist()) <= set(
        model.deviation(all_points, images)[0].tolist()
    )


def test_a_student_does_not_inherit_the_calibration_of_its_teacher():
    pairs: Pairs = make_pairs()
    assert thermal_version(calibrated().spec, pairs).calibration is None


@pytest.mark.parametrize("field", [{"scale": 0.0}, {"scale": float("nan")}, {"power": -1.0}])
def test_a_calibration_without_sense_is_refused_in_one_line(field):
    fields = {"scale": 1.0, "power": 1.0, "faces": 1, "data": "a", **field}
    with pytest.raises(InputError) as error:
        Calibration.validated("w.safetensors", fields)
    assert str(error.value).startswith(f"w.safetensors: {next(iter(field))}: ")
    assert "\n" not in str(error.value)
