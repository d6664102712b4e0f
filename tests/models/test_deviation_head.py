"""The deviation head: its statistics by hand, its place in the weights file, and frozen landmarks."""

import numpy as np
import pytest
import torch

from mlcmkd.data.borders import cut_at
from mlcmkd.models import (
    Calibration,
    Landmarker,
    Prediction,
    image_extent,
    landmark_statistics,
    soft_argmax,
    spread,
)
from mlcmkd.models.deviation import STATISTICS, DeviationHead
from mlcmkd.models.weights_file import copy_weights
from mlcmkd.stages.common import initialise_from
from tests.conftest import make_model

WITH_HEAD = Calibration(scale=1.2, power=0.9, faces=12, data="synthetic", source="head")


def with_head(**spec) -> Landmarker:
    """A network with a deviation head of random numbers."""
    model = make_model("slim", calibration=WITH_HEAD, **spec).eval()
    generator = torch.Generator().manual_seed(3)
    for parameter in model.deviation_head.parameters():
        torch.nn.init.normal_(parameter, std=0.2, generator=generator)
    return model


def noise(count: int = 2, px: int = 32, channels: int = 3) -> torch.Tensor:
    return torch.rand(count, channels, px, px, generator=torch.Generator().manual_seed(0))


def test_an_image_ends_where_its_crop_repeats_the_border():
    first, last = torch.tensor([[8, 0], [0, 4]]), torch.tensor([[31, 31], [23, 27]])
    extent = image_extent(cut_at(noise(), first, last))
    # pixel n reaches from n / 32 to (n + 1) / 32
    wanted = [[8 / 32, 0, 1, 1], [0, 4 / 32, 24 / 32, 28 / 32]]
    assert (extent + 0.5).numpy() == pytest.approx(np.array(wanted), abs=1e-6)


def test_an_image_of_one_value_has_no_extent():
    x0, y0, x1, y1 = image_extent(torch.full((1, 1, 16, 16), 0.5))[0].tolist()
    assert x0 > x1 and y0 > y1


def map_of(px: int, cells: dict[tuple[int, int], float]) -> Prediction:
    """A map of log-probabilities with these cells (row, column), and almost nothing elsewhere."""
    logits = torch.full((1, 1, px, px), -30.0)
    for (row, column), probability in cells.items():
        logits[0, 0, row, column] = np.log(probability)
    return Prediction(soft_argmax(logits), logits)


def test_the_statistics_of_a_map_with_two_peaks():
    prediction = map_of(16, {(8, 8): 0.75, (8, 12): 0.25})
    x = 9.5 / 16 - 0.5  # 8.5 and 12.5 with weights 3 and 1
    found = landmark_statistics(noise(1), prediction)[0, 0]
    assert found[0].item() == pytest.approx(spread(prediction).log().item())
    assert found[1].item() == pytest.approx(np.log(0.75), abs=1e-4)
    # cells 1/16 and 3/16 from the prediction: of the first one all but what lies beyond 0.075
    inside = min(1, (0.075 - 1 / 16) * 16 + 0.5)
    assert found[2].item() == pytest.approx(np.log(1 - 0.75 * inside), abs=1e-3)
    assert found[3].item() == pytest.approx(np.log(0.25 / 0.75), abs=1e-4)
    assert found[4].item() == pytest.approx(np.log(1e-4), abs=1e-3)
    assert found[5].item() == pytest.approx(x) and found[6].item() == pytest.approx(0.5 / 16)
    assert found[7:].abs().max().item() == pytest.approx(0, abs=1e-6)


def test_the_statistics_of_a_landmark_beyond_the_border_of_the_image():
    prediction = map_of(16, {(8, 1): 1.0})  # x = 1.5 / 16
    image = cut_at(noise(1), torch.tensor([[8, 0]]), torch.tensor([[31, 31]]))
    found = landmark_statistics(image, prediction)[0, 0, 7:].tolist()
    # 0.05 - 1.5 / 16 is below 0; 8 of 32 columns are outside of the image
    assert found == pytest.approx([0, 8 / 32 - 1.5 / 16, 0.05, 8 / 32], abs=1e-5)
    prediction = map_of(16, {(8, 0): 1.0})
    found = landmark_statistics(noise(1), prediction)[0, 0]
    assert found[4].item() == pytest.approx(0, abs=1e-3)  # log of all the probability
    assert found[7:].tolist() == pytest.approx([0.05 - 0.5 / 16, 0, 0.05 - 0.5 / 16, 0], abs=1e-5)


def test_the_head_agrees_with_numpy():
    model, images = with_head(), noise()
    with torch.no_grad():
        prediction = model(images)
        found = model.deviation(prediction, images).numpy()
    statistics = landmark_statistics(images, prediction).detach().numpy().astype(float)
    weight, bias, out, level = (x.numpy().astype(float) for x in model.deviation_head.parameters())
    hidden = statistics @ weight.T + bias
    hidden = hidden / (1 + np.exp(-hidden))
    estimate = np.exp(hidden @ out[0] + level)
    assert found == pytest.approx(1.2 * estimate**0.9, rel=1e-4)


def test_a_head_takes_in_the_scale_of_its_statistics():
    generator = torch.Generator().manual_seed(1)
    head, values = with_head().deviation_head, torch.randn(4, 5, STATISTICS, generator=generator)
    head.keep([0, 1, 2, 3, 4])
    mean, scale = torch.arange(STATISTICS) / 5, torch.arange(STATISTICS) / 3 + 0.5
    wanted = head((values - mean) / scale)
    head.take_in(mean, scale)
    assert head(values).numpy() == pytest.approx(wanted.numpy(), rel=1e-4)


def test_a_head_does_not_change_the_landmarks_and_goes_through_a_file(tmp_path):
    plain, images = make_model("slim").eval(), noise()
    plain.save(tmp_path / "plain.safetensors")
    model = with_head()
    copy_weights(
        tmp_path / "plain.safetensors",
        tmp_path / "with.safetensors",
        model.spec,
        {"deviation_head": model.deviation_head},
    )
    loaded = Landmarker.load(tmp_path / "with.safetensors")
    with torch.no_grad():
        wanted, found = plain(images), loaded(images)
        assert torch.equal(wanted.coordinates, found.coordinates)
        assert torch.equal(wanted.logits, found.logits)
        assert torch.equal(loaded.deviation(found, images), model.deviation(model(images), images))
    size = (tmp_path / "with.safetensors").stat().st_size
    assert 0 < size - (tmp_path / "plain.safetensors").stat().st_size < 4_000
    copy_weights(
        tmp_path / "with.safetensors",
        tmp_path / "again.safetensors",
        plain.spec,
        {"deviation_head": None},
    )
    again, first = (tmp_path / f"{name}.safetensors" for name in ("again", "plain"))
    assert again.read_bytes() == first.read_bytes()


def test_other_schemes_keep_the_deviations_of_their_landmarks():
    model, images = with_head(), noise()
    fewer = model.for_scheme("sf_tl54")
    with torch.no_grad():
        all_points = model.deviation(model(images), images)
        some = fewer.deviation(fewer(images), images)
    assert some.shape == (2, 54)
    assert set(some[0].tolist()) <= set(all_points[0].tolist())


def test_a_head_is_not_trained_and_not_inherited():
    model = with_head()
    assert not any(parameter.requires_grad for parameter in model.deviation_head.parameters())
    student = make_model("slim", seed=5)
    initialise_from(student, model)
    assert student.deviation_head is None
    assert torch.equal(student.head.maps.weight, model.head.maps.weight)


def test_weights_with_a_head_load_without_random_numbers(tmp_path):
    with_head().save(tmp_path / "w.safetensors")
    states = []
    for calibration in (WITH_HEAD, None):
        torch.manual_seed(0)
        Landmarker(make_model("slim", calibration=calibration).spec)
        states.append(torch.get_rng_state())
    assert torch.equal(*states)
    assert DeviationHead(3).level.tolist() == [0, 0, 0]
