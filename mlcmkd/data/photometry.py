"""Effects of cameras on batches of images: colour cast, tone, blur, noise and stripes.

The arithmetic is in place: requesting memory for a result takes longer on a CPU than computing it.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from mlcmkd.data.draw import Draw

BINOMIAL = tuple(math.comb(8, k) / 2**8 for k in range(9))


def _binomial(images: Tensor, dim: int) -> Tensor:
    """Filter by a binomial kernel of nine taps along one axis; the result is eight pixels shorter."""
    size = images.shape[dim] - 8
    total = BINOMIAL[4] * images.narrow(dim, 4, size)
    pair = torch.empty_like(total)
    for k in range(4):
        # The two taps of equal weight. A depthwise convolution is several times slower on a CPU.
        torch.add(images.narrow(dim, k, size), images.narrow(dim, 8 - k, size), out=pair)
        total += pair.mul_(BINOMIAL[k])
    return total


def blurred(images: Tensor) -> Tensor:
    """Apply a binomial blur of about 1.4 px standard deviation, borders repeated."""
    return _binomial(_binomial(F.pad(images, (4, 4, 4, 4), mode="replicate"), -1), -2)


def _tone_(images: Tensor, strength: float, draw: Draw, offset: float) -> None:
    """Apply a random gamma, gain about the mean and offset (at most `offset`) to each image."""
    count = len(images)
    gamma = torch.exp(draw.uniform(-0.4, 0.4, count, 1, 1, 1) * strength)
    images.clamp_(1e-4, 1).pow_(gamma)
    factor = torch.exp(draw.uniform(-0.5, 0.5, count, 1, 1, 1) * strength)
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    images.sub_(mean).mul_(factor).add_(mean)
    images += draw.uniform(-offset, offset, count, 1, 1, 1) * strength


def _blur_or_sharpen_(images: Tensor, strength: float, draw: Draw) -> None:
    """Blend each image towards its blurred version, or away from it (sharpening)."""
    share = draw.uniform(-0.5, 1.0, len(images), 1, 1, 1) * strength
    images += blurred(images).sub_(images).mul_(share)


def disturb_rgb_(images: Tensor, strength: float, draw: Draw) -> Tensor:
    """Apply colour cast, conversion to grey, tone, blur and noise, in place.

    Args:
        images: (B, 3, P, P) in [0, 1].
        strength: share of the ranges that are drawn from, 0 to 1.
        draw: source of the random numbers.

    Returns:
        `images`, in [0, 1].
    """
    count = len(images)
    images *= 1 + draw.uniform(-0.2, 0.2, count, 3, 1, 1) * strength
    grey = images.mean(dim=1, keepdim=True)
    colour = torch.where(draw.chance(0.2 * strength, count, 1, 1, 1), 0.0, 1.0)
    images.sub_(grey).mul_(colour).add_(grey)
    _tone_(images, strength, draw, offset=0.2)
    _blur_or_sharpen_(images, strength, draw)
    noise = draw.uniform(0, 0.05, count, 1, 1, 1) * strength
    images += draw.normal(*images.shape).mul_(noise)
    return images.clamp_(0, 1)


def disturb_thermal_(images: Tensor, strength: float, draw: Draw) -> Tensor:
    """Apply gain and offset (other cameras and scenes), blur, noise and stripes, in place.

    Args:
        images: (B, 1, P, P) in [0, 1].
        strength: share of the ranges that are drawn from, 0 to 1.
        draw: source of the random numbers.

    Returns:
        `images`, in [0, 1].
    """
    count, _, height, width = images.shape
    _tone_(images, strength, draw, offset=0.1)
    _blur_or_sharpen_(images, strength, draw)
    noise = draw.uniform(0, 0.03, count, 1, 1, 1) * strength
    stripes = draw.uniform(0, 0.02, count, 1, 1, 1) * strength
    images += draw.normal(*images.shape).mul_(noise)
    images += stripes * draw.normal(count, 1, 1, width)
    images += stripes * draw.normal(count, 1, height, 1)
    return images.clamp_(0, 1)
