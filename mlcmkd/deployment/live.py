"""A connected camera as a source of frames."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlcmkd.data.images import Camera, open_camera
from mlcmkd.deployment.sources import Frame
from mlcmkd.utils.errors import InputError


@dataclass(frozen=True)
class LiveSource:
    """An open camera, read until a limit.

    Attributes:
        path: replaces the path of a file in names: `camera0`.
        camera: the open device.
        seconds: time limit; None without a limit.
        frames: number of frames to read; None without a limit.
    """

    path: Path
    camera: Camera
    seconds: float | None = None
    frames: int | None = None

    @property
    def relative(self) -> Path:
        """Name of the results."""
        return self.path

    def read(self, every: int = 1) -> Iterator[Frame]:
        """Yields each `every`-th frame with its time since the first one, seconds.

        Ends at the limits, or with a frame without values if the camera fails.
        """
        start, last, number = None, -1e-6, 0
        while self.frames is None or number < self.frames:
            name = f"{self.path}#{number:06d}"
            values, fault = None, ""
            try:
                values = self.camera.read()
            except InputError as error:
                fault = str(error)
            now = time.monotonic()
            start = now if start is None else start
            last = max(now - start, last + 1e-6)  # clocks may be coarse; time must rise
            if fault:
                yield Frame(name, number, None, fault, last)
                return
            if self.seconds is not None and last > self.seconds:
                return
            if number % every == 0:
                yield Frame(name, number, values, seconds=last)
            number += 1


@dataclass(frozen=True)
class LiveCamera:
    """The number of a camera, and limits of the recording.

    Attributes:
        index: number of the device, from 0.
        seconds: time limit, above 0; None without a limit.
        frames: number of frames to read, at least 1; None without a limit.
        opener: function that opens a device, for tests; None for OpenCV.
    """

    index: int
    seconds: float | None = None
    frames: int | None = None
    opener: Callable[[int], Any] | None = None

    @contextmanager
    def open(self, raw: bool) -> Iterator[LiveSource]:
        """Opens the camera.

        Args:
            raw: read 16-bit values if the camera provides them.

        Raises:
            InputError: no such camera, or an invalid limit.
        """
        if self.index < 0:
            raise InputError(f"camera {self.index}: count devices from 0")
        if self.seconds is not None and not self.seconds > 0:
            raise InputError(f"seconds={self.seconds:g} must be above 0")
        if self.frames is not None and self.frames < 1:
            raise InputError(f"frames={self.frames} must be at least 1")
        with open_camera(self.index, raw, self.opener) as camera:
            yield LiveSource(Path(f"camera{self.index}"), camera, self.seconds, self.frames)
