"""State of each video, stack, camera or folder while its frames are processed."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from mlcmkd.deployment.faces import FaceLandmarks
from mlcmkd.deployment.scene_cuts import SceneCuts
from mlcmkd.deployment.smoothing import Smoother
from mlcmkd.deployment.tracking import Tracker


class Sequences:
    """Numbers the persons of each sequence, and smooths their landmarks if `smoothing` is given.

    Args:
        smoothing: makes the filter of a sequence, such as the class `Smoother`; None to number persons
            only.
    """

    def __init__(self, smoothing: Callable[[], Smoother] | None = None):
        self._make: Callable[[], Smoother | Tracker] = smoothing or Tracker
        self._of: dict[Path, tuple[Smoother | Tracker, SceneCuts]] = {}
        self._times: dict[Path, float] = {}

    def __call__(
        self,
        sequence: Path,
        faces: list[FaceLandmarks],
        values: np.ndarray | None,
        seconds: float,
    ) -> list[FaceLandmarks]:
        """Returns the faces of the next frame with the numbers of their persons.

        Args:
            sequence: path of the sequence to which the frame belongs.
            faces: faces of the frame; may be empty.
            values: stored values of the frame, for the detection of cuts; None if it is unreadable.
            seconds: time of the frame, later than that of the previous one.
        """
        if sequence not in self._of:
            self._of[sequence] = self._make(), SceneCuts()
        follow, is_cut = self._of[sequence]
        return follow(faces, seconds, is_cut(values))

    def next_time(self, sequence: Path, interval: float) -> float:
        """Time in seconds of the next image of a folder, whose images have a constant interval.

        Args:
            sequence: path of the folder.
            interval: seconds between two images.
        """
        self._times[sequence] = self._times.get(sequence, 0.0) + interval
        return self._times[sequence]
