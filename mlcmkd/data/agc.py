"""Automatic gain control (AGC) of thermal cameras with an 8-bit output, for batches of images.

Such a camera maps the temperatures to 256 grey levels, each frame by itself: it saturates the coldest
and the warmest pixels ("tail rejection"), stretches the rest linearly or by an equalisation of the
histogram whose bins are limited to a plateau, and applies a gamma curve. Sources of the method: FLIR,
"Camera Adjustments", application note 102-PS242-100-01 (Tau 2, 2014), and the Lepton engineering
datasheet 500-0659-00-09 (2018). The ranges of the parameters are our choices.

A camera uses the histogram of the whole frame, which a crop does not contain; the drawn parameters
vary more than those of one camera, in part to make up for this. The polarity is not inverted: by
definition of `mlcmkd.data.thermal.radiometry`, brighter is warmer.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from mlcmkd.data.draw import Draw

LEVELS = 256  # grey levels of the output and bins of the equalised histogram
# Percentiles are found on this many levels of the input, 0.02 degrees C of a range from 18 to 40.
FINE_LEVELS = 1024
# A camera limits its gain, so that it does not stretch the noise of an empty scene to full contrast.
SMALLEST_SPAN = 0.1
EQUALISED_SHARE = 0.45  # of the images; the others are stretched linearly


class GainControl(NamedTuple):
    """Parameters of the gain control of B images, each (B, 1).

    Attributes:
        cold: share of the pixels below the value that becomes the darkest level, 0 to 1.
        warm: share of the pixels up to the value that becomes the brightest level, 0 to 1.
        equalisation: weight of the equalised levels against the linear ones; 0 for a linear stretch.
        plateau: largest count of a bin of the histogram, in mean counts. A low plateau comes close to
            the linear stretch, a high one to full histogram equalisation.
        gamma: exponent on the levels.
        darkest, brightest: levels of the two ends in the output, 0 to 1.
    """

    cold: Tensor
    warm: Tensor
    equalisation: Tensor
    plateau: Tensor
    gamma: Tensor
    darkest: Tensor
    brightest: Tensor


def draw_gain_control(count: int, draw: Draw) -> GainControl:
    """Draw the parameters of `count` images."""
    chosen = draw.chance(EQUALISED_SHARE, count, 1)
    return GainControl(
        cold=draw.uniform(0.0, 0.04, count, 1),
        warm=draw.uniform(0.9, 1.0, count, 1),
        equalisation=chosen * draw.uniform(0.3, 1.0, count, 1),
        plateau=draw.uniform(1.5, 8.0, count, 1),
        gamma=torch.exp(draw.uniform(-0.7, 0.5, count, 1)),
        darkest=draw.uniform(0.0, 0.25, count, 1),
        brightest=draw.uniform(0.8, 1.0, count, 1),
    )


def _histogram(levels: Tensor, bins: int) -> Tensor:
    """Count the levels (B, N), int64 below `bins`, of each image: (B, bins) float32."""
    counts = torch.zeros(len(levels), bins, device=levels.device)
    return counts.scatter_add_(1, levels, torch.ones_like(levels, dtype=torch.float32))


def stretched(pixels: Tensor, cold: Tensor, warm: Tensor) -> Tensor:
    """Stretch images linearly between two percentiles and saturate what lies outside.

    Args:
        pixels: (B, N) in [0, 1].
        cold, warm: shares of the pixels (B, 1), see `GainControl`.

    Returns:
        (B, N) in [0, 1].
    """
    fine = (pixels * (FINE_LEVELS - 1)).round_().long()
    up_to = _histogram(fine, FINE_LEVELS).cumsum(dim=1)
    count = pixels.shape[1]
    low = (up_to <= cold * count).sum(dim=1, keepdim=True) / (FINE_LEVELS - 1)
    high = (up_to < warm * count).sum(dim=1, keepdim=True) / (FINE_LEVELS - 1)
    return ((pixels - low) / (high - low).clamp_min(SMALLEST_SPAN)).clamp_(0, 1)


def equalised(pixels: Tensor, plateau: Tensor) -> Tensor:
    """Equalise the histograms of images, with the count of each bin limited to a plateau.

    Args:
        pixels: (B, N) in [0, 1].
        plateau: (B, 1), in mean counts of a bin.

    Returns:
        (B, N) in [0, 1]; the coldest occupied level becomes 0 and the warmest 1.
    """
    level = (pixels * (LEVELS - 1)).round_().long()
    counts = _histogram(level, LEVELS).minimum(plateau * pixels.shape[1] / LEVELS)
    curve = counts.cumsum(dim=1)
    first, last = curve.gather(1, level.amin(1, keepdim=True)), curve[:, -1:]
    curve = ((curve - first) / (last - first).clamp_min(1e-6)).clamp_(0, 1)
    return curve.gather(1, level)


def gain_controlled(images: Tensor, control: GainControl) -> Tensor:
    """Apply gain control to images; a warmer pixel never becomes darker than a colder one.

    Args:
        images: (B, 1, H, W) in [0, 1].
        control: parameters of the B images.

    Returns:
        (B, 1, H, W) in [0, 1], multiples of 1 / 255.
    """
    levels = stretched(images.flatten(1), control.cold, control.warm)
    levels = torch.lerp(levels, equalised(levels, control.plateau), control.equalisation)
    levels = levels**control.gamma
    levels = control.darkest + (control.brightest - control.darkest) * levels
    return ((levels * (LEVELS - 1)).round_() / (LEVELS - 1)).view_as(images)


def random_gain_control(images: Tensor, probability: float, draw: Draw) -> Tensor:
    """Apply gain control with random parameters to each image with a probability.

    Args:
        images: (B, 1, H, W) in [0, 1].
        probability: of each image, 0 to 1.
        draw: source of the random numbers.

    Returns:
        (B, 1, H, W) in [0, 1].
    """
    chosen = draw.chance(probability, len(images), 1, 1, 1)
    return torch.where(
        chosen, gain_controlled(images, draw_gain_control(len(images), draw)), images
    )
