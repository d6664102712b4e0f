"""Finds the files that a path names, and reads their frames: images, folders, stacks and videos.

Sequences are read frame by frame and never loaded whole. Frames are named `clip.mp4#000012`,
counted from 0.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from mlcmkd.data.folders import files_below
from mlcmkd.data.images import IMAGE_SUFFIXES, VIDEO_SUFFIXES, open_frames, open_video
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.texts import is_text, printable


@dataclass(frozen=True)
class Frame:
    """One image of a source.

    Attributes:
        name: the file, followed by `#` and the number of the frame if the file is a sequence.
        number: number of the frame in its file, from 0; None for a single image.
        values: as `mlcmkd.data.images.read_image` returns them; None if the frame is unreadable.
        error: why the frame is unreadable, otherwise empty.
        seconds: time since the first frame of a camera; None for files.
    """

    name: str
    number: int | None
    values: np.ndarray | None
    error: str = ""
    seconds: float | None = None


@dataclass(frozen=True)
class Source:
    """One file.

    Attributes:
        path: path of the file.
        relative: its path relative to the given folder, or its name if the file itself was given.
    """

    path: Path
    relative: Path

    @property
    def is_video(self) -> bool:
        """Whether the suffix is that of a video."""
        return self.path.suffix.lower() in VIDEO_SUFFIXES


def find_sources(paths: Iterable[Path]) -> Iterator[Source]:
    """Finds the files of paths; folders are searched recursively, and their files sorted by name.

    In folders, files of other types are left out; `other_files` lists them. Missing files and folders
    without images are yielded, too; `read_source` then yields the error.
    """
    for path in paths:
        if not path.is_dir():
            yield Source(path, Path(path.name))
            continue
        files = [file for file in files_below(path) if _is_read(file)]
        yield from (Source(file, file.relative_to(path)) for file in files)
        if not files:
            yield Source(path, Path(path.name))


def other_files(folder: Path) -> list[Path]:
    """Lists the files below a folder that `find_sources` leaves out; hidden files are not listed."""
    return [
        file
        for file in files_below(folder)
        if not _is_read(file) and not any(part[0] == "." for part in file.relative_to(folder).parts)
    ]


def _is_read(file: Path) -> bool:
    return file.suffix.lower() in IMAGE_SUFFIXES + VIDEO_SUFFIXES


def count_frames(source: Source, every: int = 1) -> int | None:
    """Number of frames that `read_source` yields, from the header of the file; None if unknown.

    Args:
        source: the file.
        every: as in `read_source`.
    """
    count = _all_frames(source)
    return None if count is None else -(-count // every)


def _all_frames(source: Source) -> int | None:
    """Number of frames according to the header of a file; None if unknown, 1 for a single image."""
    if not is_text(source.path):
        return 1  # read_source yields the error
    try:
        if source.is_video:
            with open_video(source.path) as video:
                return video.count
        with open_frames(source.path) as frames:
            return len(frames)
    except InputError:
        return None if source.is_video else 1


def frame_rate(source: Source) -> float | None:
    """Frames per second in the header of a video; None for other files and for unknown rates."""
    if not (source.is_video and is_text(source.path)):
        return None
    try:
        with open_video(source.path) as video:
            return video.rate
    except InputError:
        return None


def read_source(source: Source, every: int = 1) -> Iterator[Frame]:
    """Yields each `every`-th frame of one file; an unreadable one becomes a frame without values.

    Frames keep their numbers in the file. Values are 8 bits, 16 bits or degrees C, as in
    `mlcmkd.data.images.read_image`. `.npy` of shape (N, H, W) and TIFFs with several pages are stacks.

    Args:
        source: the file.
        every: distance of the frames that are read, at least 1; 1 reads all frames.
    """
    path = source.path
    if not is_text(path):  # a table could not contain the name, and native decoders may crash
        yield _failed(printable(path), "the name is not UTF-8 text; rename the file or its folder")
    elif path.is_dir():
        yield _failed(str(path), "the folder contains no image and no video")
    else:
        try:
            yield from (_video_frames if source.is_video else _image_frames)(path, every)
        except InputError as error:
            yield Frame(str(path), None, None, str(error))


def _failed(name: str, reason: str) -> Frame:
    return Frame(name, None, None, f"{name}: {reason}")


def _video_frames(path: Path, every: int) -> Iterator[Frame]:
    with open_video(path) as video:
        for number, values in islice(enumerate(video), 0, None, every):
            yield Frame(f"{path}#{number:06d}", number, values)


def _image_frames(path: Path, every: int) -> Iterator[Frame]:
    with open_frames(path) as frames:
        for n in range(0, len(frames), every):
            number = None if len(frames) == 1 else n
            try:
                yield Frame(frames.name(n), number, frames.read(n).values)
            except InputError as error:
                yield Frame(frames.name(n), number, None, str(error))
