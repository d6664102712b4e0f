"""Automatic gain control: hand-computed cases, an independent NumPy version, and its guarantees."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mlcmkd.data.agc import (
    FINE_LEVELS,
    LEVELS,
    SMALLEST_SPAN,
    GainControl,
    draw_gain_control,
    equalised,
    gain_controlled,
    random_gain_control,
    stretched,
)
from mlcmkd.data.draw import Draw
from mlcmkd.data.transforms import NO_AUGMENTATION, Augmentation, make_batch
from mlcmkd.stages.train import TrainConfig
from tests.conftest import make_pairs


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def draw(seed: int = 0) -> Draw:
    return Draw(generator(seed), torch.device("cpu"))


def column(*values: float) -> torch.Tensor:
    return torch.tensor(values)[:, None]


def thermal(seed: int, count: int = 3, size: int = 24) -> torch.Tensor:
    """A warm disc, a gradient and noise in a cold room, (B, 1, size, size) in [0, 1]."""
    rng = np.random.default_rng(seed)
    axis = np.linspace(-1, 1, size)
    disc = (axis[:, None] ** 2 + axis**2 < 0.5) * rng.uniform(0.1, 0.5)
    noise = 0.02 * rng.standard_normal((count, 1, size, size))
    images = 0.3 + disc + 0.05 * axis + noise
    return torch.from_numpy(images.clip(0, 1).astype(np.float32))


def numpy_gain_control(image: np.ndarray, control: dict[str, float]) -> np.ndarray:
    """The same gain control for one image, from sorted pixels and np.histogram, in float64."""
    fine = np.sort(np.rint(image * (FINE_LEVELS - 1)), axis=None) / (FINE_LEVELS - 1)
    low = fine[int(np.floor(control["cold"] * fine.size))]
    high = fine[int(np.ceil(control["warm"] * fine.size)) - 1]
    unit = np.clip((image - low) / max(high - low, SMALLEST_SPAN), 0, 1)
    level = np.rint(unit * 255).astype(int)
    counts = np.histogram(level, 256, (-0.5, 255.5))[0]
    curve = np.cumsum(np.minimum(counts, control["plateau"] * counts.mean()))
    first = curve[level.min()]
    curve = (curve - first) / (curve[-1] - first)
    unit = (1 - control["equalisation"]) * unit + control["equalisation"] * curve[level]
    unit = unit ** control["gamma"]
    ends = control["darkest"], control["brightest"]
    return np.rint(255 * (ends[0] + (ends[1] - ends[0]) * unit)) / 255


def test_a_stretch_by_hand():
    # Ten pixels; a tenth of them may lie below the darkest level, two tenths above the brightest.
    tenths = torch.tensor([[0, 2, 3, 4, 5, 6, 6, 7, 9, 10]]) / 10
    found = stretched(tenths, column(0.1), column(0.8))
    # So 0.2 becomes 0 and 0.7 becomes 1, both on the 1,024 levels of the input.
    expected = [0, 0, 0.2, 0.4, 0.6, 0.8, 0.8, 1, 1, 1]
    assert found[0].tolist() == pytest.approx(expected, abs=2 / FINE_LEVELS)


def test_a_stretch_without_saturation_spans_from_the_minimum_to_the_maximum():
    values = torch.tensor([[0.25, 0.5, 0.75]])
    found = stretched(values, column(0.0), column(1.0))
    assert found[0].tolist() == pytest.approx([0, 0.5, 1], abs=2 / FINE_LEVELS)


def test_an_empty_scene_is_not_stretched_to_full_contrast():
    values = torch.tensor([[0.5, 0.5 + SMALLEST_SPAN / 4]])
    assert stretched(values, column(0.0), column(1.0)).max().item() == pytest.approx(0.25, abs=0.01)
    control = draw_gain_control(1, draw())
    assert gain_controlled(torch.full((1, 1, 4, 4), 0.5), control).unique().numel() == 1


@pytest.mark.parametrize(
    ("plateau", "middle"),
    [
        (3 * LEVELS / 8, 3 / 5),  # counts 1, 3 instead of 5, 2: (4 - 1) / (6 - 1)
        (8 * LEVELS / 8, 5 / 7),  # no bin is limited: (6 - 1) / (8 - 1)
    ],
)
def test_an_equalisation_by_hand(plateau, middle):
    # Eight pixels: one of level 0, five of level 51, two of level 255; a mean count is 8 / 256.
    levels = torch.tensor([[0, 51, 51, 51, 51, 51, 255, 255]]) / 255
    found = equalised(levels, column(plateau))
    assert found[0].tolist() == pytest.approx([0, *[middle] * 5, 1, 1])


@pytest.mark.parametrize("seed", range(4))
def test_numpy_gives_the_same_levels(seed):
    images = thermal(seed)
    control = draw_gain_control(len(images), draw(seed))
    if seed == 0:
        control = control._replace(equalisation=column(1.0, 0.5, 0.0))
    found = gain_controlled(images, control).double().numpy()
    for n, image in enumerate(images.double().numpy()):
        parameters = {name: float(value[n]) for name, value in control._asdict().items()}
        # Float32 may round a pixel on the edge of two levels to the other one.
        difference = np.abs(found[n] - numpy_gain_control(image, parameters)) * 255
        assert difference.max() < 4 and difference.mean() < 0.02


def test_a_high_plateau_makes_the_levels_even_and_a_low_one_keeps_them():
    images = thermal(1, count=1).flatten(1)
    linear = stretched(images, column(0.0), column(1.0))
    full = equalised(linear, column(float(LEVELS)))
    shares = torch.tensor([0.25, 0.5, 0.75])
    assert torch.quantile(full[0], shares).tolist() == pytest.approx(shares.tolist(), abs=0.03)
    assert (torch.quantile(linear[0], shares) - shares).abs().max() > 0.1
    # Of a uniform histogram no bin is above any plateau of 1 or more: the stretch stays linear.
    uniform = torch.arange(LEVELS)[None] / (LEVELS - 1)
    assert torch.allclose(equalised(uniform, column(1.5)), uniform, atol=1e-5)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_a_warmer_pixel_is_never_darker_and_levels_are_those_of_8_bits(seed):
    images = thermal(seed, count=4)
    found = random_gain_control(images, 1.0, draw(seed))
    for image, result in zip(images.flatten(1), found.flatten(1), strict=True):
        assert (result[image.argsort()].diff() >= 0).all()
    assert found.min() >= 0 and found.max() <= 1
    assert torch.equal((found * 255).round() / 255, found)
    assert found.shape == images.shape


def test_parameters_stay_in_their_ranges_and_some_images_are_equalised():
    control = draw_gain_control(2000, draw())
    assert 0.4 < (control.equalisation > 0).float().mean() < 0.5
    assert control.cold.min() >= 0 and control.cold.max() <= 0.04
    assert control.warm.min() >= 0.9 and control.warm.max() <= 1
    assert (control.darkest < control.brightest).all() and control.brightest.max() <= 1
    assert isinstance(control, GainControl) and control.gamma.min() > 0


def test_each_image_is_chosen_with_the_probability():
    images = thermal(0, count=1).expand(600, -1, -1, -1)
    found = random_gain_control(images, 0.3, draw())
    changed = (found != images).flatten(1).any(1).float().mean().item()
    assert 0.25 < changed < 0.35


def test_off_draws_no_number_and_on_leaves_everything_else():
    pairs = make_pairs(6)
    batches, states = {}, {}
    for agc in (0, 1):
        source = generator(3)
        batches[agc] = make_batch(pairs, torch.arange(6), Augmentation(agc=agc), source)
        states[agc] = source.get_state()
    plain = generator(3)
    expected = make_batch(pairs, torch.arange(6), Augmentation(), plain)
    assert torch.equal(batches[0].thermal, expected.thermal)
    assert torch.equal(states[0], plain.get_state()) and not torch.equal(states[0], states[1])
    assert torch.equal(batches[1].rgb, expected.rgb)
    assert torch.equal(batches[1].landmarks, expected.landmarks)
    assert not torch.equal(batches[1].thermal, expected.thermal)


def test_a_batch_without_other_photometry_has_256_levels():
    config = NO_AUGMENTATION.model_copy(update={"agc": 1})
    batch = make_batch(make_pairs(3), torch.arange(3), config, generator())
    assert torch.equal((batch.thermal * 255).round() / 255, batch.thermal)
    assert batch.rgb.unique().numel() > 256


def test_the_noise_of_the_photometry_is_not_amplified():
    """A faint scene is stretched; the noise that is added afterwards keeps its strength."""
    pairs = make_pairs(8)
    ramp = torch.linspace(0.45, 0.55, pairs.thermal.shape[-1]).expand_as(pairs.thermal)
    pairs.thermal[:] = (ramp * 65535).round().int().to(torch.uint16)
    still = {"rotation": 0, "scale": 0, "shift": 0, "flip": 0, "occlusion": 0}

    def roughness(**changes) -> float:
        batch = make_batch(pairs, torch.arange(8), Augmentation(**still, **changes), generator(1))
        return batch.thermal.diff(dim=2).abs().mean().item()

    assert roughness(agc=1) < 1.5 * roughness(agc=0)


def test_a_seed_gives_the_same_gain_control():
    pairs, config = make_pairs(4), NO_AUGMENTATION.model_copy(update={"agc": 0.5})
    first, again, other = (
        make_batch(pairs, torch.arange(4), config, generator(seed)).thermal for seed in (1, 1, 2)
    )
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_a_config_without_it_has_the_same_text_as_before():
    assert "agc" not in TrainConfig(out="runs/x").model_dump_json()
    config = TrainConfig(out="runs/x", augmentation={"agc": 0.6})
    assert TrainConfig.model_validate_json(config.model_dump_json()).augmentation.agc == 0.6
