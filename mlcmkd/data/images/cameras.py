"""Reads frames of a connected camera with OpenCV, in 16 bits where the camera has them.

No camera was available: the order of the settings and the shapes of raw frames are those that users of
16-bit UVC cameras report (opencv/opencv#7293, #27166), tested with simulated devices only.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import cv2
import numpy as np

from mlcmkd.utils.errors import InputError

_Y16 = cv2.VideoWriter.fourcc(*"Y16 ")


class Camera:
    """An open camera.

    Attributes:
        rate: frames per second that it states; None if unknown.
        is_raw: whether it gives 16 bits.
    """

    def __init__(self, index: int, capture: cv2.VideoCapture, raw: bool):
        self._index, self._capture, self._count = index, capture, 0
        self.is_raw = raw and _choose_16_bits(capture)
        rate = capture.get(cv2.CAP_PROP_FPS)
        self.rate = float(rate) if np.isfinite(rate) and 0 < rate <= 1000 else None

    def read(self) -> np.ndarray:
        """Waits for the next frame: (H, W) uint16 if `is_raw`, otherwise uint8, (H, W, 3) in RGB.

        Raises:
            InputError: no frame comes, or one of another size than stated.
        """
        success, values = self._capture.read()
        if not success or values is None:
            when = f"no more frames after {self._count}" if self._count else "no frame"
            raise InputError(
                f"camera {self._index}: gives {when}; connect it again, and close other programs that "
                "use it"
            )
        self._count += 1
        if self.is_raw:
            return self._raw(values)
        return cv2.cvtColor(values, cv2.COLOR_BGR2RGB) if values.ndim == 3 else values

    def _raw(self, values: np.ndarray) -> np.ndarray:
        """16 bits a pixel, which some versions of OpenCV return flat, or as pairs of bytes."""
        width = int(self._capture.get(cv2.CAP_PROP_FRAME_WIDTH))
        height = int(self._capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        flat = np.ascontiguousarray(values).reshape(-1)
        if flat.dtype == np.uint8 and flat.size == 2 * width * height:
            flat = flat.view("<u2")
        if flat.dtype != np.uint16 or flat.size != width * height:
            raise InputError(
                f"camera {self._index}: {values.dtype} values of shape {values.shape} instead of 16 "
                f"bits for {width} x {height} px; record a video with the camera's own program instead"
            )
        return flat.reshape(height, width)


def _choose_16_bits(capture: cv2.VideoCapture) -> bool:
    """Asks for 16-bit grey levels without conversion; without them all stays as it was."""
    before = int(capture.get(cv2.CAP_PROP_FOURCC))
    capture.set(cv2.CAP_PROP_FOURCC, _Y16)  # before the conversion is set, or it is reset
    if int(capture.get(cv2.CAP_PROP_FOURCC)) == _Y16:
        return bool(capture.set(cv2.CAP_PROP_CONVERT_RGB, 0))
    capture.set(cv2.CAP_PROP_FOURCC, before)
    return False


@contextmanager
def open_camera(
    index: int, raw: bool = False, opener: Callable[[int], cv2.VideoCapture] | None = None
) -> Iterator[Camera]:
    """Open a camera.

    Args:
        index: number of the device, from 0.
        raw: read 16 bits where the camera gives them.
        opener: opens a device, in tests; None for OpenCV.

    Raises:
        InputError: there is no such camera.
    """
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # the line below says it
    try:
        capture = (opener or cv2.VideoCapture)(index)
    finally:
        cv2.utils.logging.setLogLevel(level)
    try:
        if not capture.isOpened():
            raise InputError(
                f"camera {index}: cannot be opened; connect it, try another index, and check that you "
                "may read the device"
            )
        yield Camera(index, capture, raw)
    finally:
        capture.release()
