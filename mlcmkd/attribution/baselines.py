"""Baseline images: the reference of an attribution, and what covers removed pixels."""

from typing import Literal, get_args

import torch
from torch import Tensor

from mlcmkd.data.photometry import blurred
from mlcmkd.utils.errors import InputError

Baseline = Literal["blur", "mean", "black"]


def baseline_of(images: Tensor, kind: Baseline) -> Tensor:
    """Baseline images of the same shape, (B, C, P, P).

    Args:
        images: (B, C, P, P) in [0, 1].
        kind: "blur", a strongly blurred image; "mean", its mean colour; "black", zeros.

    Raises:
        InputError: unknown baseline.
    """
    if kind not in get_args(Baseline):
        raise InputError(f"baseline '{kind}' is unknown; use {', '.join(get_args(Baseline))}")
    if kind == "black":
        return torch.zeros_like(images)
    if kind == "mean":
        return images.mean(dim=(2, 3), keepdim=True).expand_as(images).contiguous()
    for _ in range(16):  # 16 times 1.4 px: standard deviation of about 5.7 px
        images = blurred(images)
    return images
