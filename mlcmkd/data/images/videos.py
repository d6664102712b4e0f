"""Reads videos frame by frame with OpenCV, in their full depth."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from mlcmkd.utils.errors import InputError

# A damaged video becomes an InputError, without lines of FFmpeg's own; a value that is set is kept.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")


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
        self._bits = _grey_bits(capture)

    def __iter__(self) -> Iterator[np.ndarray]:
        """Decode the frames: (H, W, 3) uint8, RGB; or (H, W) uint16 of a grey video of 16 bits.

        Raises:
            InputError: grey levels of 9 to 15 bits, or a damaged file, after its intact frames.
        """
        if self._bits > 8:
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

    def _checked(self, values: np.ndarray) -> np.ndarray:
        if self._bits <= 8:
            return cv2.cvtColor(values, cv2.COLOR_BGR2RGB)
        if values.dtype != np.uint16 or self._bits != 16:
            raise InputError(
                f"{self._path}: grey levels of {self._bits} bits, which this OpenCV reads with 8; save "
                "the frames as 16-bit PNG or TIFF"
            )
        return values[..., 0] if values.ndim == 3 else values


def _grey_bits(capture: cv2.VideoCapture) -> int:
    """Bits of a grey video that has more than 8, by FFmpeg's code of its pixel format; otherwise 8.

    The code of 16 bits is `Y1`, 0, 16 in little-endian order, and the reverse in big-endian order.
    """
    code = int(capture.get(cv2.CAP_PROP_CODEC_PIXEL_FORMAT)) & 0xFFFFFFFF
    letters = code.to_bytes(4, "little")
    for name in (letters, letters[::-1]):
        if name[:3] == b"Y1\x00":
            return name[3]
    return 8


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
