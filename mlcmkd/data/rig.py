"""A simulated rig: its RGB camera is turned, shifted or zoomed, and some pairs are mixed up.

It moves the RGB images of aligned pairs, so the true maps are known.
"""

import numpy as np
import torch
from pydantic import Field

from mlcmkd.data.dataset import Pairs
from mlcmkd.utils.config import Config, late


class Rig(Config):
    """How the RGB camera of a simulated rig differs from the thermal one, besides `misalignment`."""

    same: bool = Field(
        default=False,
        description="All pairs have the same shift, rotation and scale, as of two fixed cameras; "
        "otherwise each pair has its own.",
    )
    rotation: float = Field(
        default=0,
        ge=0,
        le=45,
        description="Largest rotation of the RGB image about its centre, degrees, in either "
        "direction; with `same` exactly this rotation.",
    )
    scale: float = Field(
        default=0,
        ge=0,
        lt=0.5,
        description="Largest relative change of the RGB image's size; with `same` exactly this one.",
    )
    wrong_pairs: float = Field(
        default=0,
        ge=0,
        lt=1,
        description="Share of the pairs that get the RGB image of another pair.",
    )
    baseline_cm: float = late(
        0.0,
        ge=-50,
        le=50,
        description="How far the RGB camera is to the right of the thermal one, cm, which causes "
        "parallax; only synthetic faces, which have a depth, can be seen by it.",
    )
    registered_cm: float = late(
        110.0,
        gt=0,
        description="With a baseline: the distance at which the two images agree, cm. Synthetic faces "
        "are 50 to 250 cm from the cameras.",
    )


def seen_by(rig: Rig, pairs: Pairs, pixels: float, seed: int) -> Pairs:
    """The training pairs as this rig would have taken them.

    Thermal images and labels are unchanged.

    Args:
        rig: the rig.
        pairs: aligned pairs.
        pixels: length of the shift, pixels of the network's input.
        seed: of the directions, the rotations, the scales and the wrong pairs.
    """
    if pairs.rgb is None:
        return pairs
    source = rgb_rows(rig, len(pairs), seed)
    if (source != np.arange(len(pairs))).any():
        pairs = pairs.with_rgb(pairs.rgb[torch.from_numpy(source)])
    if not (rig.rotation or rig.scale or rig.same):
        return pairs.misaligned(pixels, seed)
    maps = true_maps(rig, len(pairs), pixels, seed, pairs.input_px)
    return pairs.moved(maps)


def true_maps(rig: Rig, count: int, pixels: float, seed: int, input_px: int) -> np.ndarray:
    """The maps from centred coordinates of the pairs to those of their RGB images, (count, 2, 3).

    Args: as in `seen_by`.
    """
    rng = np.random.default_rng(seed)
    drawn = 1 if rig.same else count
    direction = rng.uniform(0, 2 * np.pi, drawn)  # the numbers that `Pairs.misaligned` draws
    share = np.ones((2, drawn)) if rig.same else rng.uniform(-1, 1, (2, drawn))
    angle, size = np.deg2rad(rig.rotation) * share[0], 1 + rig.scale * share[1]
    cos, sin = size * np.cos(angle), size * np.sin(angle)
    shift = pixels / input_px * np.stack((np.cos(direction), np.sin(direction)))
    rows = [np.stack((cos, -sin, shift[0]), axis=1), np.stack((sin, cos, shift[1]), axis=1)]
    return np.broadcast_to(np.stack(rows, axis=1), (count, 2, 3)).copy()


def rgb_rows(rig: Rig, count: int, seed: int) -> np.ndarray:
    """The pair whose RGB image each pair gets, (count,); its own, unless it is a wrong pair.

    Wrong pairs exchange their images in a circle, so that none keeps its own. One alone cannot.
    """
    source = np.arange(count)
    wrong = np.random.default_rng((seed, 1)).permutation(count)[: round(rig.wrong_pairs * count)]
    source[wrong] = np.roll(wrong, 1)
    return source
