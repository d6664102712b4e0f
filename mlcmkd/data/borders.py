"""Faces that the border of the image cuts, and faces of few pixels, for batches of crops.

A crop that reaches beyond its image repeats the image's border (`mlcmkd.data.crops.Crop.cut`); the same
is done here to crops that lie inside of theirs.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from mlcmkd.data.draw import Draw

LARGEST_CUT = 0.4  # of the face's width or height
SECOND_SIDE = 0.25  # chance that a second side, next to the first, is cut too
SIDES_PX = (48, 32, 22)  # of crops with few pixels


def cut_at(images: Tensor, first: Tensor, last: Tensor) -> Tensor:
    """Repeats the border of a rectangle outside of it.

    Args:
        images: (B, C, H, W).
        first, last: (B, 2) x and y of the rectangle's first and last pixel, int64.
    """
    for axis in (-1, -2):
        size, of_axis = images.shape[axis], -1 - axis
        place = torch.arange(size, device=images.device)
        place = place.clamp(first[:, of_axis, None], last[:, of_axis, None])
        shape = (len(images), 1, 1, size) if axis == -1 else (len(images), 1, size, 1)
        images = images.gather(axis, place.view(shape).expand(images.shape))
    return images


def random_border(images: Tensor, landmarks: Tensor, probability: float, draw: Draw) -> Tensor:
    """Cuts the face of each image with a probability, at one side or at two that meet.

    Args:
        images: (B, C, P, P).
        landmarks: (B, K, 2) centred coordinates; NaN where there is no label.
        probability: of each image, 0 to 1.
        draw: source of the random numbers.
    """
    count, size = len(images), images.shape[-1]
    low = landmarks.nan_to_num(torch.inf).amin(1)
    high = landmarks.nan_to_num(-torch.inf).amax(1)
    chosen, both = draw.chance(probability, count), draw.chance(SECOND_SIDE, count)
    side = draw.uniform(0, 4, count).long().clamp(0, 3)  # left, top, right, bottom
    first, last = torch.full_like(low, 0), torch.full_like(high, size - 1)
    for turn, hit in ((0, chosen), (1, chosen & both)):
        share = draw.uniform(0, LARGEST_CUT, count)[:, None] * (high - low)
        edges = torch.cat((low + share, high - share), dim=1)  # (B, 4) by side
        pixels = ((edges + 0.5) * size - 0.5).round().clamp(0, size - 1)
        is_cut = hit[:, None] & (
            torch.arange(4, device=images.device) == (side[:, None] + turn) % 4
        )
        first = torch.where(is_cut[:, :2], pixels[:, :2], first)
        last = torch.where(is_cut[:, 2:], pixels[:, 2:], last)
    return cut_at(images, first.long(), last.long())


def random_resolution(images: Tensor, probability: float, draw: Draw) -> Tensor:
    """Gives each image (B, C, P, P) with a probability the detail of a smaller one, see `SIDES_PX`."""
    chosen = draw.chance(probability, len(images))
    which = draw.uniform(0, len(SIDES_PX), len(images)).long()
    for number, side in enumerate(SIDES_PX):
        rows = chosen & (which == number)
        if rows.any() and side < images.shape[-1]:
            small = F.interpolate(images[rows], size=(side, side), mode="area")
            large = F.interpolate(
                small, size=images.shape[-2:], mode="bilinear", align_corners=False
            )
            images = images.masked_scatter(rows[:, None, None, None], large)
    return images
