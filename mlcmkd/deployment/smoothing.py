"""Temporal smoothing of landmarks: one filter per person."""

from dataclasses import replace

import numpy as np

from mlcmkd.data.crops import tight_box
from mlcmkd.deployment.faces import FaceLandmarks
from mlcmkd.deployment.one_euro import OneEuro
from mlcmkd.deployment.tracking import Tracker

# Chosen on moving validation faces with noise of 1 % of the face side (benchmarks/smoothing.py).
MIN_CUTOFF = 1.0  # Hz
BETA = 30.0  # Hz per face side per second
RESTART = 0.5  # seconds without a detection after which the filter is initialised again


class _Filter:
    """The filter of one person's landmarks."""

    def __init__(self, landmarks: np.ndarray, min_cutoff: float, beta: float):
        x0, y0, x1, y1 = tight_box(landmarks)
        # Speed in face sides per second, so that beta does not depend on the size of the face.
        self._side = max(x1 - x0, y1 - y0, 1.0)
        self._filter = OneEuro(min_cutoff, beta, forget=RESTART)

    def __call__(self, landmarks: np.ndarray, seconds: float) -> np.ndarray:
        return self._filter(landmarks / self._side, seconds) * self._side


class Smoother:
    """Numbers the persons of one sequence and smooths their landmarks by the one-euro filter.

    `Tracker` tracks the persons; each has a filter. Frames without a face must be passed, too.

    Args:
        min_cutoff: cut-off at rest, Hz, see `OneEuro`.
        beta: increase of the cut-off, Hz per face side per second.

    Raises:
        InputError: values that `OneEuro` does not accept.
    """

    def __init__(self, min_cutoff: float = MIN_CUTOFF, beta: float = BETA):
        OneEuro(min_cutoff, beta)  # checks the values before the first face
        self.min_cutoff, self.beta = min_cutoff, beta
        self._tracker = Tracker()
        self._filters: dict[int, _Filter] = {}

    def __call__(
        self, faces: list[FaceLandmarks], seconds: float, cut: bool = False
    ) -> list[FaceLandmarks]:
        """Returns the same faces with smoothed landmarks and the numbers of their persons.

        Landmarks that are NaN stay NaN.

        Args:
            faces: faces of one frame; may be empty.
            seconds: time of the frame, later than in the previous call.
            cut: whether another scene starts with this frame.

        Raises:
            InputError: time does not increase.
        """
        faces = self._tracker(faces, seconds, cut)
        self._filters = {n: self._filters[n] for n in self._tracker.alive & set(self._filters)}
        return [self._smoothed(face, seconds) for face in faces]

    def _smoothed(self, face: FaceLandmarks, seconds: float) -> FaceLandmarks:
        landmarks = np.where(np.isfinite(face.landmarks), face.landmarks, np.nan)
        if face.person is None or np.isnan(landmarks).all():
            return face
        if face.person not in self._filters:
            self._filters[face.person] = _Filter(landmarks, self.min_cutoff, self.beta)
        return replace(face, landmarks=self._filters[face.person](landmarks, seconds))
