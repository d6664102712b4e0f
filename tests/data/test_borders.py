"""Faces that the border of the image cuts, and faces of few pixels."""

import pytest
import torch

from mlcmkd.data.borders import LARGEST_CUT, cut_at, random_border, random_resolution
from mlcmkd.data.crops import Crop
from mlcmkd.data.draw import Draw


def draw(seed: int = 0) -> Draw:
    return Draw(torch.Generator().manual_seed(seed), torch.device("cpu"))


def noise(count: int, px: int = 32, channels: int = 1) -> torch.Tensor:
    return torch.rand(count, channels, px, px, generator=torch.Generator().manual_seed(1))


def test_a_cut_crop_is_that_of_an_image_that_ends_there():
    image = noise(1)[0, 0].numpy()
    whole = Crop((15.5, 15.5), 32)  # pixel by pixel
    cut = cut_at(
        torch.from_numpy(image)[None, None], torch.tensor([[5, 3]]), torch.tensor([[27, 31]])
    )
    shorter = Crop((10.5, 12.5), 32).cut(image[3:, 5:28], 32)
    assert whole.cut(image, 32) == pytest.approx(image)
    assert cut[0, 0].numpy() == pytest.approx(shorter)


def test_a_border_cuts_part_of_the_face_at_one_or_two_sides():
    images, landmarks = noise(400), torch.tensor([[-0.3, -0.2], [0.4, 0.3]]).expand(400, 2, 2)
    cut = random_border(images, landmarks, 0.5, draw())
    equal = [
        (cut[:, 0, :, 1:] == cut[:, 0, :, :-1]).all(1),
        (cut[:, 0, 1:] == cut[:, 0, :-1]).all(2),
    ]
    changed = (cut != images).flatten(1).any(1)
    assert 0.4 < changed.float().mean() < 0.6
    sides = torch.stack([equal[0][:, 0], equal[1][:, 0], equal[0][:, -1], equal[1][:, -1]], dim=1)
    assert set(sides[changed].sum(1).tolist()) == {1, 2} and sides[changed].any(0).all()
    # the largest cut at the left ends LARGEST_CUT of the face's width from its left edge
    columns = equal[0].int().cumprod(1).sum(1).max().item()
    assert columns <= round((0.2 + LARGEST_CUT * 0.7) * 32)


def test_faces_without_labels_stay_in_the_image():
    landmarks = torch.full((20, 3, 2), torch.nan)
    landmarks[:, 0], landmarks[:, 1] = -0.3, 0.3
    cut = random_border(noise(20), landmarks, 1.0, draw())
    assert cut.isfinite().all() and (cut != noise(20)).any()


def test_a_lower_resolution_keeps_means_and_loses_detail():
    images = noise(60, px=64, channels=3)
    lower = random_resolution(images, 0.5, draw())
    changed = (lower != images).flatten(1).any(1)
    assert 0.3 < changed.float().mean() < 0.7
    assert lower.mean((1, 2, 3)).numpy() == pytest.approx(images.mean((1, 2, 3)).numpy(), abs=0.01)
    assert (lower[changed].std((1, 2, 3)) < 0.8 * images[changed].std((1, 2, 3))).all()
    assert torch.equal(random_resolution(images, 0.0, draw()), images)
