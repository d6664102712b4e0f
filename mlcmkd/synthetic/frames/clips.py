"""Seeded clips: frames of people who move in front of one camera that does not move."""

import numpy as np

from mlcmkd.synthetic.frames.frame import render_shots
from mlcmkd.synthetic.frames.frames import SyntheticFrames, checked_size, stacked
from mlcmkd.synthetic.frames.layout import MOST_HEADS
from mlcmkd.utils.checks import checked_integer
from mlcmkd.utils.errors import InputError


def make_clip(
    count: int,
    *,
    seed: int = 0,
    size: tuple[int, int] = (144, 192),
    number: int = 0,
    heads: int | None = None,
    fps: float = 10.0,
    rgb: bool = True,
) -> SyntheticFrames:
    """Makes a clip; its frame n depends on (seed, number, size, heads, n / fps) alone.

    People move their heads, and half of them walk from border to border; background, things and
    cameras stay. Faces keep the sizes of their boxes: nobody comes nearer.

    Args:
        count: number of frames N, at least 1.
        seed: an integer from 0.
        size: (height, width), pixels, 64 to 640; the width is at least the height.
        number: of the clip; its first frame is frame `number` of `make_frames`.
        heads: people, 0 to 6; None for a random number. Some may look away.
        fps: frames per second.
        rgb: also render the RGB frames.

    Returns:
        The frames in their order. Row f of `boxes`, `landmarks`, `hidden`, `easy` and `resolved` is the
        same person in all of them, also while the person is outside of the frame.

    Raises:
        InputError: an argument is not an integer or is out of range.
    """
    count = checked_integer("count", count, 1)
    seed = checked_integer("seed", seed, 0)
    number = checked_integer("number", number, 0)
    if heads is not None:
        heads = checked_integer("heads", heads, 0, MOST_HEADS)
    if not (np.isfinite(fps) and fps > 0):
        raise InputError(f"fps={fps} must be above 0")
    seconds = [n / fps for n in range(count)]
    return stacked(render_shots(seed, number, checked_size(size), seconds, heads=heads, rgb=rgb))
