from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from mlcmkd.data.dataset import MARGIN, stored_px
from mlcmkd.data.draw import Draw
from mlcmkd.data.network_input import network_input, network_inputs, warp_grid, warp_images
from mlcmkd.data.photometry import blurred
from mlcmkd.data.transforms import (
    NO_AUGMENTATION,
    Augmentation,
    draw_geometry,
    make_batch,
    occlusion_mask,
    warp_landmarks,
)
from mlcmkd.schemes import IBUG68
from tests.conftest import make_pairs

GEOMETRY_ONLY = Augmentation(photometry=0, occlusion=0)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_no_augmentation_is_the_plain_middle():
    pairs = make_pairs(3)
    batch = make_batch(pairs, torch.arange(3), NO_AUGMENTATION, generator())
    assert torch.allclose(batch.landmarks, pairs.landmarks, atol=1e-6)
    # The stored square is 45 px, the input 32: the middle one is an exact pixel away from neither
    # border, so compare with an independent bilinear sampling of the same place.
    stored = pairs.rgb[0, 0].double().numpy() / 255
    size = stored_px(32)
    place = ((np.arange(32) + 0.5) / 32 - 0.5) / MARGIN * size + size / 2 - 0.5
    low = np.floor(place).astype(int)
    part = place - low
    rows = stored[low] * (1 - part)[:, None] + stored[low + 1] * part[:, None]
    expected = rows[:, low] * (1 - part) + rows[:, low + 1] * part
    assert batch.rgb[0, 0].double().numpy() == pytest.approx(expected, abs=1e-4)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_a_point_drawn_into_both_images_moves_with_its_landmark(seed):
    """Landmarks and both images are moved by the same geometry."""
    pairs = make_pairs(4)
    size = stored_px(32)
    # Point 30 has no mirror partner: its name survives a flip.
    spot = torch.tensor([0.12, -0.2])
    pairs.landmarks[:, 30] = spot
    where = (spot / MARGIN + 0.5) * size - 0.5
    y, x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    blob = torch.exp(-((x - where[0]) ** 2 + (y - where[1]) ** 2) / 8)
    pairs.rgb[:] = (blob * 255).byte()
    pairs.thermal[:] = torch.from_numpy((blob.numpy() * 65535).astype(np.uint16))
    batch = make_batch(pairs, torch.arange(4), GEOMETRY_ONLY, generator(seed))
    axis = (torch.arange(32) + 0.5) / 32 - 0.5
    for images in (batch.rgb[:, :1], batch.thermal):
        weight = images[:, 0].clamp_min(0) ** 2
        total = weight.sum((1, 2))
        found = torch.stack(
            ((weight.sum(1) * axis).sum(1) / total, (weight.sum(2) * axis).sum(1) / total), dim=1
        )
        assert torch.allclose(found, batch.landmarks[:, 30], atol=0.012)


def test_a_mirror_renames_left_and_right():
    pairs = make_pairs(2)
    mirror = Augmentation(rotation=0, scale=0, shift=0, flip=1, photometry=0, occlusion=0)
    batch = make_batch(pairs, torch.arange(2), mirror, generator())
    left, right = IBUG68.outer_eyes
    assert torch.allclose(batch.landmarks[:, left, 0], -pairs.landmarks[:, right, 0], atol=1e-6)
    assert torch.allclose(batch.landmarks[:, left, 1], pairs.landmarks[:, right, 1], atol=1e-6)
    plain = make_batch(pairs, torch.arange(2), NO_AUGMENTATION, generator())
    assert torch.allclose(batch.rgb, plain.rgb.flip(3), atol=1e-5)
    assert torch.allclose(batch.thermal, plain.thermal.flip(3), atol=1e-5)


def test_rotation_by_a_known_angle():
    matrix = torch.tensor([[[0.0, -1.0, 0.0], [1.0, 0.0, 0.0]]])  # stored = 90 degrees * output
    points = torch.tensor([[[0.3, 0.1]]]).expand(1, 68, 2)
    moved = warp_landmarks(points, matrix, torch.tensor([False]), IBUG68)
    # output = inverse * stored: (x, y) -> (y, -x)
    assert moved[0, 0].tolist() == pytest.approx([0.1, -0.3])


def test_geometry_stays_within_its_limits():
    config = Augmentation(rotation=20, scale=0.1, shift=0.05, flip=0.5)
    matrix, mirrored = draw_geometry(config, 2000, Draw(generator(), torch.device("cpu")))
    area = torch.linalg.det(matrix[:, :, :2])
    assert (area.abs().sqrt() - 1).abs().max() <= 0.1 + 1e-5
    assert torch.equal(area < 0, mirrored)
    assert matrix[:, :, 2].abs().max() <= 0.05
    assert 0.45 < mirrored.float().mean() < 0.55


def test_a_seed_draws_the_same_batch_and_another_seed_another():
    pairs = make_pairs(4)
    first = make_batch(pairs, torch.arange(4), Augmentation(), generator(1))
    again = make_batch(pairs, torch.arange(4), Augmentation(), generator(1))
    other = make_batch(pairs, torch.arange(4), Augmentation(), generator(2))
    assert torch.equal(first.rgb, again.rgb)
    assert torch.equal(first.thermal, again.thermal)
    assert not torch.equal(first.rgb, other.rgb)


def test_images_stay_in_range_and_unlabelled_rows_stay_unlabelled():
    pairs = make_pairs(6)
    pairs.labelled[2] = False
    batch = make_batch(pairs, torch.tensor([2, 3]), Augmentation(), generator())
    assert batch.rgb.min() >= 0 and batch.rgb.max() <= 1
    assert batch.thermal.min() >= 0 and batch.thermal.max() <= 1
    assert batch.labelled.tolist() == [False, True]
    assert batch.index.tolist() == [2, 3]


def test_a_missing_modality_stays_missing():
    from dataclasses import replace

    batch = make_batch(
        replace(make_pairs(2), rgb=None), torch.arange(2), Augmentation(), generator()
    )
    assert batch.rgb is None and batch.thermal is not None


def test_the_same_rectangle_covers_both_images():
    pairs = make_pairs(4)
    pairs.rgb[:] = 128
    pairs.thermal[:] = torch.full_like(pairs.thermal.int(), 32768).to(torch.uint16)
    always = Augmentation(rotation=0, scale=0, shift=0, flip=0, photometry=0, occlusion=1)
    batch = make_batch(pairs, torch.arange(4), always, generator(3))
    covered = (batch.rgb - batch.rgb.median()).abs().sum(1) > 1e-3
    also = (batch.thermal - batch.thermal.median()).abs().sum(1) > 1e-3
    assert covered.any() and torch.equal(covered, also)


def test_occlusion_never_and_always():
    draw = Draw(generator(), torch.device("cpu"))
    assert not occlusion_mask(NO_AUGMENTATION, 50, 16, draw).any()
    assert (
        occlusion_mask(Augmentation(occlusion=1), 50, 16, draw).any((1, 2, 3)).float().mean() > 0.9
    )


@pytest.mark.parametrize("channels", [1, 3])
def test_the_blur_is_scipys_correlation_with_binomial_weights(channels):
    images = torch.rand(2, channels, 12, 17, generator=generator())
    taps = np.poly1d([0.5, 0.5]) ** 8  # eight fair coins
    expected = images.double().numpy()
    for axis in (2, 3):
        expected = ndimage.correlate1d(expected, taps.coeffs, axis=axis, mode="nearest")
    assert blurred(images).numpy() == pytest.approx(expected, abs=1e-6)


def test_warping_by_the_identity_map_is_the_plain_cut():
    images = torch.rand(1, 1, 45, 45)
    identity = torch.tensor([[[1.0, 0, 0], [0, 1, 0]]])
    assert warp_images(images, warp_grid(identity, 45)).shape == (1, 1, 45, 45)


@pytest.mark.parametrize("modality", ["rgb", "thermal"])
@pytest.mark.parametrize("registered", [False, True])
def test_a_network_input_has_the_bits_of_a_batch_without_augmentation(modality, registered):
    pairs = make_pairs(5)
    if registered:
        maps = torch.eye(2, 3) + 0.05 * torch.randn(5, 2, 3, generator=generator())
        pairs = replace(pairs, rgb_maps=maps)
    index = torch.tensor([3, 0, 4])
    batch = make_batch(pairs, index, NO_AUGMENTATION, generator())
    assert torch.equal(network_input(pairs, index, modality), batch.images(modality))
    alone = pairs.only({modality})
    whole = network_inputs(alone, modality)
    assert torch.equal(whole[index], batch.images(modality)) and len(whole) == 5
    warped = torch.equal(
        network_input(pairs, index, "rgb"), network_input(make_pairs(5), index, "rgb")
    )
    assert warped != registered


@pytest.mark.parametrize("config", [Augmentation(), Augmentation(agc=0.5), NO_AUGMENTATION])
def test_the_stored_images_are_never_changed(config):
    pairs, untouched = make_pairs(4), make_pairs(4)
    first = make_batch(pairs, torch.arange(4), config, generator())
    again = make_batch(pairs, torch.arange(4), config, generator())
    for name in ("rgb", "thermal", "landmarks"):
        assert torch.equal(getattr(pairs, name), getattr(untouched, name))
        assert torch.equal(getattr(first, name), getattr(again, name))
