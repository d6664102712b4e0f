"""Seeded frames of both cameras with none to six people, for face detectors."""

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from mlcmkd.synthetic.frames.frame import Frame, render_frame
from mlcmkd.synthetic.frames.layout import MOST_HEADS
from mlcmkd.synthetic.parallel import in_order
from mlcmkd.utils.checks import checked_integer
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.processes import cores
from mlcmkd.utils.progress import tqdm

_BLOCK = 8


@dataclass(frozen=True)
class SyntheticFrames:
    """Pixel-aligned frames of both cameras.

    Attributes:
        thermal: (N, H, W) float32, degrees C.
        rgb: (N, H, W, 3) uint8, red first; None if only thermal frames were asked for.
        boxes: for each frame (F, 4) float32: x0, y0, x1, y1 of the landmarks of each face, pixels. A
            box may leave the frame.
        landmarks: for each frame (F, 68, 2) float32, ibug68, pixels.
        hidden: for each frame (F, 68) bool: landmarks outside of the frame or hidden by something.
        easy: for each frame (F,) bool; the others are mostly hidden or outside of the frame, and a
            detector that finds or misses them is neither right nor wrong.
        resolved: for each frame (F,) bool; the same for faces that are too small or blurred in the
            thermal frame.
    """

    thermal: np.ndarray
    rgb: np.ndarray | None
    boxes: tuple[np.ndarray, ...]
    landmarks: tuple[np.ndarray, ...]
    hidden: tuple[np.ndarray, ...]
    easy: tuple[np.ndarray, ...]
    resolved: tuple[np.ndarray, ...]

    def counted(self, *, rgb: bool) -> tuple[np.ndarray, ...]:
        """For each frame (F,) bool: the faces that a detector of RGB or thermal frames should find."""
        if rgb:
            return self.easy
        return tuple(a & b for a, b in zip(self.easy, self.resolved, strict=True))

    def __len__(self) -> int:
        return len(self.thermal)


def make_frames(
    count: int,
    *,
    seed: int = 0,
    size: tuple[int, int] = (144, 192),
    first: int = 0,
    heads: int | None = None,
    workers: int | None = None,
    progress: bool = False,
    rgb: bool = True,
) -> SyntheticFrames:
    """Makes frames; frame n depends on (seed, first + n, size, heads) alone.

    Faces have sides from 12 to 240 pixels of a frame whose longer side has 320, up to 45 degrees of
    roll, and yaw up to profiles; frames also show people who look away, lamps, cups, animals, hands,
    windows, engines, screens, mannequins and other warm things.

    Args:
        count: number of frames N, at least 1.
        seed: an integer from 0.
        size: (height, width), pixels, 64 to 640; the width is at least the height.
        first: number of the first frame; splits whose numbers do not overlap show other people.
        heads: people in every frame, 0 to 6; None for a random number. Some may look away.
        workers: processes, by default one per core that this process may use, at most 8; the images do
            not depend on it.
        progress: show a progress bar.
        rgb: also render the RGB frames.

    Raises:
        InputError: an argument is not an integer or is out of range.
    """
    count = checked_integer("count", count, 1)
    seed = checked_integer("seed", seed, 0)
    size = checked_size(size)
    first = checked_integer("first", first, 0)
    if heads is not None:
        heads = checked_integer("heads", heads, 0, MOST_HEADS)
    if workers is None:
        workers = min(8, cores())
    workers = checked_integer("workers", workers, 1)
    blocks = [
        _Block(seed, size, heads, rgb, start, min(start + _BLOCK, first + count))
        for start in range(first, first + count, _BLOCK)
    ]
    frames: list[Frame] = []
    bar = tqdm(total=count, desc="synthetic frames", unit="frame", disable=not progress)
    with bar, closing(in_order(_render_block, blocks, workers)) as rendered:
        for block in rendered:
            frames += block
            bar.update(len(block))
    return stacked(frames)


def checked_size(size: tuple[int, int]) -> tuple[int, int]:
    """The (height, width) of frames, pixels.

    Raises:
        InputError: not two integers from 64 to 640, or a frame that is higher than wide.
    """
    height = checked_integer("height", size[0], 64, 640)
    width = checked_integer("width", size[1], 64, 640)
    if width < height:
        raise InputError(f"size={size!r}: the frame is higher than wide; exchange the two")
    return height, width


def stacked(frames: Iterable[Frame]) -> SyntheticFrames:
    """Frames of one size and the same cameras as arrays."""
    frames = list(frames)
    rgb = frames[0].rgb is not None
    return SyntheticFrames(
        thermal=np.stack([frame.thermal for frame in frames]),
        rgb=np.stack([frame.rgb for frame in frames]) if rgb else None,
        boxes=tuple(frame.boxes for frame in frames),
        landmarks=tuple(frame.landmarks for frame in frames),
        hidden=tuple(frame.hidden for frame in frames),
        easy=tuple(frame.easy for frame in frames),
        resolved=tuple(frame.resolved for frame in frames),
    )


@dataclass(frozen=True)
class _Block:
    """Some frames that one process renders: numbers `start` to `end` without the latter."""

    seed: int
    size: tuple[int, int]
    heads: int | None
    rgb: bool
    start: int
    end: int


def _render_block(block: _Block) -> list[Frame]:
    return [
        render_frame(block.seed, number, block.size, heads=block.heads, rgb=block.rgb)
        for number in range(block.start, block.end)
    ]
