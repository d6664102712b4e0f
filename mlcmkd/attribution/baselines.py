"""What "nothing there" means: the image that an explanation starts from, or covers with."""

from typing import Literal, get_args

import torch
from torch import Tensor

from mlcmkd.data.transforms import blurred
from mlcmkd.utils.errors import InputError

Baseline = Literal["blur", "mean", "black"]


def baseline_of(images: Tensor, kind: Baseline) -> Tensor:
    """What "nothing there" means: a strongly blurred image, its mean, or zeros.

    Raises:
        InputError: no such baseline.
    """
    if kind not in get_args(Baseline):
        raise InputError(f"baseline '{kind}' is unknown; use {', '.join(get_args(Baseline))}")
    if kind == "black":
        return torch.zeros_like(images)
    if kind == "mean":
        return images.mean(dim=(2, 3), keepdim=True).expand_as(images).contiguous()
    for _ in range(16):  # 16 times 1.4 px: about 5.7 px of standard deviation
        images = blurred(images)
    return images
