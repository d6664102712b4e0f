"""Reads the files that a path names: images, folders, stacks of frames, and videos.

Sequences are read frame by frame and never loaded whole. Frames are named `clip.mp4#000012`,
counted from 0.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

from mlcmkd.data.images import read_image, read_page
from mlcmkd.utils.errors import InputError

IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".npy")
VIDEOS = (".mp4", ".avi", ".mkv", ".mov", ".m4v", ".webm", ".mpg", ".mpeg", ".wmv")


@dataclass(frozen=True)
class Frame:
    """One image of a source.

    Attributes:
        name: the file, followed by `#` and the number of the frame if the file is a sequence.
        number: of the frame in its file, from 0; None for a single image.
        values: as `mlcmkd.data.images.read_image` returns them; None if the frame is unreadable.
        error: why the frame is unreadable, otherwise empty.
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
        relative: its path relative to the given folder, or its name if the file itself was given.
    """

    path: Path
    relative: Path

    @property
    def is_video(self) -> bool:
        """Whether the suffix is that of a video."""
        return self.path.suffix.lower() in VIDEOS


def find_sources(paths: list[Path]) -> Iterator[Source]:
    """Finds the files of paths, in folders recursively and sorted by name.

    In folders, files of other types are ignored. Missing files and folders without images are
    returned, too; `read_source` then yields the error.
    """
    for path in paths:
        if not path.is_dir():
            yield Source(path, Path(path.name))
            continue
        suffixes = IMAGES + VIDEOS
        files = sorted(f for f in path.rglob("*") if f.suffix.lower() in suffixes and f.is_file())
        yield from (Source(file, file.relative_to(path)) for file in files)
        if not files:
            yield Source(path, Path(path.name))


def count_frames(source: Source) -> int | None:
    """Number of frames according to the header of a file; None if unknown, 1 for a single image."""
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
                return image.n_frames if isinstance(image, TiffImageFile) else 1
    except (OSError, ValueError, EOFError, SyntaxError, UnidentifiedImageError):
        return 1  # read_source yields the error
    return 1


def frame_rate(source: Source) -> float | None:
    """Frames per second in the header of a video; None for other files and for unknown rates."""
    if not (source.is_video and source.path.is_file()):
        return None
    rate = cv2.VideoCapture(str(source.path)).get(cv2.CAP_PROP_FPS)
    return float(rate) if np.isfinite(rate) and 0 < rate <= 1000 else None


def read_source(source: Source) -> Iterator[Frame]:
    """Yields the frames of one file; an unreadable one becomes a frame without values.

    Values are 8 bits, 16 bits or degrees C, as in `read_image`; videos are 8 bits, grey or false
    colours. `.npy` of shape (N, H, W) and TIFFs with several pages are stacks.
    """
    path = source.path
    if path.is_dir():
        yield Frame(str(path), None, None, f"{path}: the folder contains no image and no video")
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
            yield _frame(
                f"{path}#{n:06d}", n, lambda n=n: _stack_frame(stack, n, f"{path}#{n:06d}")
            )
    else:
        for n in range(count):
            yield _frame(f"{path}#{n:06d}", n, lambda n=n: read_page(path, n))


def _frame(name: str, number: int | None, read: Callable[[], np.ndarray]) -> Frame:
    try:
        return Frame(name, number, read())
    except InputError as error:
        return Frame(name, number, None, str(error))


def _stack_frame(stack: np.ndarray, number: int, name: str) -> np.ndarray:
    values = np.array(stack[number])
    if values.dtype.kind not in "fiu" or values.size == 0:
        raise InputError(f"{name}: {values.dtype} values; expected degrees C or 16-bit counts")
    return values if values.dtype in (np.uint8, np.uint16) else values.astype(np.float32)


def _read_video(path: Path) -> Iterator[Frame]:
    def failed(reason: str) -> Frame:
        return Frame(str(path), None, None, f"{path}: {reason}")

    if not path.is_file():
        yield failed("no such file")
        return
    if path.stat().st_size == 0:
        yield failed("the file is empty")
        return
    capture = cv2.VideoCapture(str(path))
    try:
        expected = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        number = 0
        while True:
            success, values = capture.read()
            if not success:
                break
            yield Frame(f"{path}#{number:06d}", number, cv2.cvtColor(values, cv2.COLOR_BGR2RGB))
            number += 1
    finally:
        capture.release()
    if number == 0:
        yield failed("not a video, or its codec is unavailable; convert it to MP4 or AVI")
    elif number < expected - 1:  # some containers estimate their length and are off by one
        yield failed(f"ends after {number} of {expected} frames; the file may be truncated")
