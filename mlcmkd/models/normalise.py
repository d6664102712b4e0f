"""Normalisation of images in [0, 1] before a backbone."""

from typing import Literal

import torch
from torch import Tensor


def normalise_images(images: Tensor, kind: Literal["fixed", "image"], channels: int = 3) -> Tensor:
    """Images (B, 1 or 3, H, W) in [0, 1] to a backbone's input, (B, channels, H, W).

    Args:
        images: the images.
        kind: "fixed" maps [0, 1] to [-2, 2]; "image" gives every image mean 0 and standard deviation 1.
        channels: channels of the output; an image with one channel is repeated.
    """
    if kind == "fixed":
        images = (images - 0.5) / 0.25
    else:
        deviation, mean = torch.std_mean(images, dim=(1, 2, 3), keepdim=True, correction=0)
        images = (images - mean) / (deviation + 1e-3)
    return images.expand(-1, channels, -1, -1)
