"""Simulated rigs, and batches that are cut through a registration."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mlcmkd.data.config import DataConfig
from mlcmkd.data.dataset import MARGIN, Pairs
from mlcmkd.data.joined import joined
from mlcmkd.data.rig import Rig, rgb_rows, seen_by, true_maps
from mlcmkd.data.transforms import NO_AUGMENTATION, Augmentation, make_batch
from tests.conftest import make_pairs


def smooth_pairs(count: int = 4) -> Pairs:
    """Pairs with smooth RGB images, which interpolation changes little."""
    pairs = make_pairs(count, input_px=64)
    coarse = torch.rand((count, 3, 9, 9), generator=torch.Generator().manual_seed(0))
    images = torch.nn.functional.interpolate(coarse, pairs.rgb.shape[-1], mode="bicubic")
    return pairs.with_rgb((255 * images.clamp(0, 1)).to(torch.uint8))


def batch_rgb(pairs: Pairs, augmentation: Augmentation = NO_AUGMENTATION) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return make_batch(pairs, torch.arange(len(pairs)), augmentation, generator).images("rgb")


# Weak enough that no place outside of a stored image is read.
MOVED = Augmentation(rotation=6, scale=0.05, shift=0, photometry=0, occlusion=0)


def as_maps(maps: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(maps.astype(np.float32))


# --- rigs ---------------------------------------------------------------------------------------


def test_without_further_errors_a_rig_is_the_shift_it_was():
    pairs = make_pairs(6)
    assert torch.equal(seen_by(Rig(), pairs, 3, 5).rgb, pairs.misaligned(3, 5).rgb)
    maps = true_maps(Rig(), 6, 3, 5, pairs.input_px)
    assert torch.equal(
        pairs.shifted(pairs.input_px * maps[:, :, 2]).rgb, pairs.misaligned(3, 5).rgb
    )


def test_the_rig_is_not_written_while_it_is_the_default():
    assert "rig" not in DataConfig().model_dump_json()
    assert '"wrong_pairs":0.05' in DataConfig(rig={"wrong_pairs": 0.05}).model_dump_json()


def test_two_fixed_cameras_have_one_map():
    maps = true_maps(Rig(same=True, rotation=10, scale=0.1), 5, 4, 0, 64)
    assert (maps == maps[:1]).all()
    assert np.hypot(*maps[0, :, 2]) == pytest.approx(4 / 64)
    assert np.linalg.det(maps[0, :, :2]) == pytest.approx(1.1**2)
    assert np.rad2deg(np.arctan2(maps[0, 1, 0], maps[0, 0, 0])) == pytest.approx(10)


def test_each_pair_has_its_own_rotation_and_scale():
    maps = true_maps(Rig(rotation=10, scale=0.1), 200, 0, 0, 64)
    angles = np.rad2deg(np.arctan2(maps[:, 1, 0], maps[:, 0, 0]))
    scales = np.sqrt(np.linalg.det(maps[:, :, :2]))
    assert -10 < angles.min() < -8 and 8 < angles.max() < 10
    assert 0.9 < scales.min() < 0.92 and 1.08 < scales.max() < 1.1


def test_wrong_pairs_get_the_rgb_image_of_another_pair():
    pairs = make_pairs(20)
    source = rgb_rows(Rig(wrong_pairs=0.2), 20, 3)
    wrong = source != np.arange(20)
    assert wrong.sum() == 4 and sorted(source) == list(range(20))
    seen = seen_by(Rig(wrong_pairs=0.2), pairs, 0, 3)
    assert torch.equal(seen.rgb, pairs.rgb[torch.from_numpy(source)])
    assert torch.equal(seen.thermal, pairs.thermal) and torch.equal(seen.landmarks, pairs.landmarks)


def test_the_rig_of_a_config_moves_training_pairs_alone():
    fields = {"synthetic_train": 4, "synthetic_held": 2}
    rig = DataConfig(misalignment=2, rig={"same": True}, **fields)
    aligned = DataConfig(**fields)
    train = [each.load_training(32, 0, progress=False).rgb for each in (rig, aligned)]
    held = [each.load("val", 32, progress=False).rgb for each in (rig, aligned)]
    assert not torch.equal(*train) and torch.equal(*held)


# --- batches through a registration ---------------------------------------------------------------


def test_a_batch_through_an_offset_is_that_of_the_image_before_the_shift():
    pairs = smooth_pairs()
    shifts = np.array([[3.0, 0], [0, -4], [-2, 5], [0, 0]])
    sides = shifts * MARGIN / pairs.rgb.shape[-1]  # stored pixels to shares of the input's side
    maps = np.concatenate((np.broadcast_to(np.eye(2), (4, 2, 2)), sides[..., None]), axis=-1)
    registered = replace(pairs.shifted(shifts), rgb_maps=as_maps(maps))
    assert batch_rgb(registered) == pytest.approx(batch_rgb(pairs), abs=1e-4)
    # Also rotated, mirrored and scaled with the pair.
    assert batch_rgb(registered, MOVED) == pytest.approx(batch_rgb(pairs, MOVED), abs=1e-4)


def test_a_batch_through_the_true_maps_undoes_a_rig():
    pairs, rig = smooth_pairs(), Rig(rotation=10, scale=0.1)
    seen = seen_by(rig, pairs, 4, 0)
    registered = replace(seen, rgb_maps=as_maps(true_maps(rig, 4, 4, 0, 64)))
    error = (batch_rgb(registered) - batch_rgb(pairs)).abs().mean()
    assert error < 0.01 < (batch_rgb(seen) - batch_rgb(pairs)).abs().mean()


def test_the_registration_moves_neither_the_thermal_image_nor_the_labels():
    pairs = make_pairs(4)
    registered = replace(pairs, rgb_maps=as_maps(true_maps(Rig(), 4, 4, 0, 32)))
    both = [
        make_batch(each, torch.arange(4), Augmentation(), torch.Generator().manual_seed(2))
        for each in (pairs, registered)
    ]
    assert torch.equal(both[0].thermal, both[1].thermal)
    assert torch.equal(both[0].landmarks, both[1].landmarks)


def test_registered_pairs_can_be_chosen_from_and_joined():
    maps = as_maps(true_maps(Rig(), 4, 4, 0, 32))
    paired = torch.tensor([True, False, True, True])
    registered = replace(make_pairs(4), rgb_maps=maps, paired=paired)
    some = registered.subset([3, 1])
    assert torch.equal(some.rgb_maps, maps[[3, 1]]) and some.paired.tolist() == [True, False]
    both = joined([make_pairs(2), registered], ["a", "b"])
    assert torch.equal(both.rgb_maps, torch.cat((torch.eye(2, 3).expand(2, 2, 3), maps)))
    assert both.paired.tolist() == [True, True, True, False, True, True]


def test_rows_whose_images_do_not_belong_together_get_no_prediction():
    pairs = replace(make_pairs(3), paired=torch.tensor([True, False, False]))
    pairs.landmarks[1, 0] = torch.nan
    pairs = replace(pairs, labelled=torch.tensor([False, True, False]))
    batch = make_batch(pairs, torch.arange(3), NO_AUGMENTATION, torch.Generator())
    filled = batch.landmarks_or(torch.full((3, 68, 2), 0.25))
    assert (filled[0] == 0.25).all()
    assert filled[1, 0].isnan().all() and torch.equal(filled[1, 1:], batch.landmarks[1, 1:])
    assert filled[2].isnan().all()
