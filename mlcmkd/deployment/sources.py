"""What a path on the command line holds: an image, a folder, a stack of frames, a video.

A sequence is read frame by frame and never held whole. Its frames are named `clip.mp4#000012`, from 0.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from mlcmkd.data.images import read_image, read_page
from mlcmkd.utils.errors import InputError

IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".npy")
VIDEOS = (".mp4", ".avi", ".mkv", ".mov", ".m4v", ".webm", ".mpg", ".mpeg", ".wmv")


@dataclass(frozen=True)
class Frame:
    """One image of a source.

    Attributes:
        name: the file, with `#` and the frame's number where it holds several.
        number: of the frame in its file, from 0; None for a plain image.
        values: as `mlcmkd.data.images.read_image` returns them; None where it cannot be read.
        error: why it cannot.
    """

    name: str
    number: int | None
    values: np.ndarray | None
    error: str = ""


@dataclass(frozen=True)
class Source:
    """One file.

    Attributes:
        path: of the file.
        below: its path below the folder that was given; its name where the file itself was.
    """

    path: Path
    below: Path

    @property
    def is_video(self) -> bool:
        return self.path.suffix.lower() in VIDEOS


def find_sources(paths: list[Path]) -> Iterator[Source]:
    """The files that paths mean, folders searched with their sub-folders, in the order of names.

    What is not there, or an empty folder, stays, and fails where it is read. In folders, files of
    other kinds are passed over.
    """
    for path in paths:
        if not path.is_dir():
            yield Source(path, Path(path.name))
            continue
        kinds = IMAGES + VIDEOS
        files = sorted(f for f in path.rglob("*") if f.suffix.lower() in kinds and f.is_file())
        yield from (Source(file, file.relative_to(path)) for file in files)
        if not files:
            yield Source(path, Path(path.name))


def count_frames(source: Source) -> int | None:
    """How many frames a file says it has; None where it does not say, 1 for a plain image."""
    path = source.path
    if source.is_video:
        capture = cv2.VideoCapture(str(path)) if path.is_file() else None
        count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if capture is not None else 0
        return count if count > 0 else None
    try:
        if path.suffix.lower() == ".npy":
            shape = np.load(path, mmap_mode="r", allow_pickle=False).shape
            return shape[0] if len(shape) == 3 else 1
        if path.suffix.lower() in (".tif", ".tiff"):
            with Image.open(path) as image:
                return getattr(image, "n_frames", 1)
    except (OSError, ValueError, EOFError, SyntaxError, UnidentifiedImageError):
        return 1  # reading it will say what is wrong
    return 1


def frame_rate(source: Source) -> float | None:
    """Frames a second, as a video says; None for all else, and for videos that do not say."""
    if not (source.is_video and source.path.is_file()):
        return None
    rate = cv2.VideoCapture(str(source.path)).get(cv2.CAP_PROP_FPS)
    return float(rate) if np.isfinite(rate) and 0 < rate <= 1000 else None


def read_source(source: Source) -> Iterator[Frame]:
    """The frames of one file. What cannot be read is a frame without values, and the rest goes on.

    8 and 16 bits and degrees C as in `read_image`; videos are 8 bits, grey or false colours. `.npy` of
    shape (N, H, W) and TIFFs of several pages are stacks.
    """
    path = source.path
    if path.is_dir():
        yield Frame(str(path), None, None, f"{path}: no image and no video in this folder")
        return
    if source.is_video:
        yield from _read_video(path)
        return
    count = count_frames(source) if path.is_file() else 1
    if count == 1:
        yield _frame(str(path), None, lambda: read_image(path))
    elif path.suffix.lower() == ".npy":
        stack = np.load(path, mmap_mode="r", allow_pickle=False)
        if not count:
            yield Frame(str(path), None, None, f"{path}: a stack without a frame")
        for n in range(count):
            yield _frame(f"{path}#{n:06d}", n, lambda n=n: _of_stack(stack, n, f"{path}#{n:06d}"))
    else:
        for n in range(count):
            yield _frame(f"{path}#{n:06d}", n, lambda n=n: read_page(path, n))


def _frame(name: str, number: int | None, read: Callable[[], np.ndarray]) -> Frame:
    try:
        return Frame(name, number, read())
    except InputError as error:
        return Frame(name, number, None, str(error))


def _of_stack(stack: np.ndarray, number: int, name: str) -> np.ndarray:
    values = np.array(stack[number])
    if values.dtype.kind not in "fiu" or values.size == 0:
        raise InputError(f"{name}: {values.dtype} values; expected degrees C or 16-bit counts")
    return values if values.dtype in (np.uint8, np.uint16) else values.astype(np.float32)


def _read_video(path: Path) -> Iterator[Frame]:
    def bad(why: str) -> Frame:
        return Frame(str(path), None, None, f"{path}: {why}")

    if not path.is_file():
        yield bad("no such file")
        return
    if path.stat().st_size == 0:
        yield bad("the file is empty")
        return
    capture = cv2.VideoCapture(str(path))
    try:
        told = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        number = 0
        while True:
            there, values = capture.read()
            if not there:
                break
            yield Frame(f"{path}#{number:06d}", number, cv2.cvtColor(values, cv2.COLOR_BGR2RGB))
            number += 1
    finally:
        capture.release()
    if number == 0:
        yield bad("not a video, or one whose codec is not here")
    elif number < told - 1:  # containers that estimate their length are off by one
        yield bad(f"ends after {number} of {told} frames; the file may be cut short")
