"""Reads videos frame by frame with OpenCV, in their full depth."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from mlcmkd.utils.errors import InputError

# A damaged video becomes an InputError, without lines of FFmpeg's own; a value that is set is kept.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")


class _Depth(NamedTuple):
    """Bits of a channel, and whether a video of more than 8 is grey, with or without alpha."""

    bits: int
    is_grey: bool


_GREY16 = _Depth(16, is_grey=True)
_GREY = (b"Y1", b"Y2")  # Y2 has alpha
_PLANAR = (*_GREY, b"Y3", b"Y4", b"G3", b"G4")
_PACKED_16 = (b"RGB\x30", b"BGR\x30", b"RBA\x40", b"BRA\x40")


class Video:
    """An open video.

    Attributes:
        count: number of frames by its header; None if unknown.
        rate: frames per second by its header; None if unknown.
    """

    def __init__(self, path: Path, capture: cv2.VideoCapture):
        self._path, self._capture = path, capture
        count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
        rate = capture.get(cv2.CAP_PROP_FPS)
        self.count = int(count) if np.isfinite(count) and count > 0 else None
        self.rate = float(rate) if np.isfinite(rate) and 0 < rate <= 1000 else None
        self._depth = _depth(capture)

    def __iter__(self) -> Iterator[np.ndarray]:
        """Decode the frames: (H, W, 3) uint8, RGB; or (H, W) uint16 of a grey video of 16 bits.

        Raises:
            InputError: colours of more than 8 bits or grey levels of 9 to 15, or a damaged file,
                after its intact frames.
        """
        if self._depth.bits > 8:
            self._check_depth()
            self._capture.set(cv2.CAP_PROP_CONVERT_RGB, 0)
        number = 0
        while True:
            success, values = self._capture.read()
            if not success:
                break
            yield self._checked(values)
            number += 1
        if number == 0:
            raise InputError(
                f"{self._path}: not a video, or its codec is unavailable; convert it to MP4 or AVI"
            )
        # Some containers estimate their length and are off by one.
        if self.count is not None and number < self.count - 1:
            raise InputError(
                f"{self._path}: ends after {number} of {self.count} frames; the file may be truncated"
            )

    def _check_depth(self) -> None:
        """Refuse what OpenCV would reduce to 8 bits: all but grey of 8 or 16 bits, and other colours."""
        if self._depth == _GREY16:
            return
        if self._depth.is_grey:
            what, fix = "grey levels", "save the frames as 16-bit PNG or TIFF"
        else:
            what = "colours"
            fix = "where 8 are enough, make a copy of 8 bits: ffmpeg -i IN -pix_fmt yuv420p OUT"
        raise InputError(
            f"{self._path}: {what} of {self._depth.bits} bits, of which OpenCV keeps 8; {fix}"
        )

    def _checked(self, values: np.ndarray) -> np.ndarray:
        if self._depth.bits <= 8:
            return cv2.cvtColor(values, cv2.COLOR_BGR2RGB)
        if values.dtype != np.uint16:
            raise InputError(
                f"{self._path}: grey levels of 16 bits, of which this OpenCV keeps 8; save the "
                "frames as 16-bit PNG or TIFF"
            )
        return values[..., 0] if values.ndim == 3 else values


def _depth(capture: cv2.VideoCapture) -> _Depth:
    """Bits of a channel, by FFmpeg's code of the pixel format; 8 for a code that does not say it.

    A code has four bytes, reversed in big-endian formats. `Y` or `G` and the number of planes begin the
    planar formats, whose last byte is the number of bits: `Y1`, 0, 16 is grey of 16 bits and `Y3`, 11,
    10 is yuv420p10. `RGB`, 48 and the like are packed formats of 16 bits.
    """
    code = int(capture.get(cv2.CAP_PROP_CODEC_PIXEL_FORMAT)) & 0xFFFFFFFF
    letters = code.to_bytes(4, "little")
    for name in (letters, letters[::-1]):
        if name[:2] in _PLANAR and 8 < name[3] <= 32:  # a letter there, as in `Y41B`, is no depth
            return _Depth(name[3], is_grey=name[:2] in _GREY)
        if name in _PACKED_16:
            return _Depth(16, is_grey=False)
    return _Depth(8, is_grey=False)


@contextmanager
def open_video(path: Path) -> Iterator[Video]:
    """Open a video.

    Raises:
        InputError: no such file, or an empty one.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; check the path")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: the file is empty; restore it")
    capture = cv2.VideoCapture(str(path))
    try:
        yield Video(path, capture)
    finally:
        capture.release()
