"""Tracking of faces over a sequence: each face gets the number of its person.

A Kalman filter predicts the box of each track. The Hungarian method assigns the detected boxes to the
tracks, as in SORT (Bewley et al., ICIP 2016), but by the likelihood of the detected box. The code is our
own, because no maintained package fits our dependencies: `norfair` 2.3 needs NumPy below 2; `trackers`
2.6 needs `supervision` and `opencv-python`, which installs the same files as our
`opencv-python-headless`; the last release of `motpy` is from 2021.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mlcmkd.data.crops import tight_box
from mlcmkd.deployment.box_motion import BoxMotion
from mlcmkd.deployment.boxes import Box
from mlcmkd.deployment.faces import FaceLandmarks
from mlcmkd.utils.errors import InputError

# Chosen on simulated sequences (benchmarks/tracking.py).
FORGET = 1.5  # seconds without a detection after which a track ends
REACH = 1.5  # largest distance of the expected and the detected centre, in sides of the larger box
GROWTH = 2.0  # largest ratio of the sides of the expected and the detected box
NEW = 4.0  # cost of starting a new track, in the unit of `BoxMotion.surprise`
_NEVER = 1e9  # cost of a track and a box that cannot be the same face


class _Track:
    def __init__(self, person: int, box: Box):
        self.person, self.motion = person, BoxMotion(box)
        self.lost_since: float | None = None  # seconds

    def cost(self, box: Box) -> float:
        """Cost of assigning a box to this track; `_NEVER` if it cannot be the same face."""
        if self.motion.distance(box) > REACH or self.motion.growth(box) > GROWTH:
            return _NEVER
        return self.motion.surprise(box)


class Tracker:
    """Numbers the persons of one sequence, from 1 in the order of their appearance.

    While a face is not detected, its box is predicted. If a face is detected near the predicted box
    within `forget` seconds, it keeps its number. A person who returns later gets a new number, because
    the tracker does not recognise persons. Frames without a face must be passed, too.

    Args:
        forget: seconds, from the first frame without a detection, after which a track ends.

    Raises:
        InputError: `forget` is below 0.
    """

    def __init__(self, forget: float = FORGET):
        if not (np.isfinite(forget) and forget >= 0):
            raise InputError(f"tracker: forget={forget} must be 0 or more")
        self.forget = forget
        self._tracks: list[_Track] = []
        self._persons = 0
        self._now = -np.inf

    def __call__(
        self, faces: list[FaceLandmarks], seconds: float, cut: bool = False
    ) -> list[FaceLandmarks]:
        """Returns the same faces with the numbers of their persons.

        Args:
            faces: faces of one frame; may be empty.
            seconds: time of the frame, later than in the previous call.
            cut: whether another scene starts with this frame, which ends all tracks.

        Raises:
            InputError: time does not increase.
        """
        persons = self.persons([_box_of(face) for face in faces], seconds, cut)
        return [replace(face, person=n) for face, n in zip(faces, persons, strict=True)]

    @property
    def alive(self) -> set[int]:
        """Persons whose tracks have not ended."""
        return {track.person for track in self._tracks}

    def persons(self, boxes: Sequence[Box], seconds: float, cut: bool = False) -> list[int | None]:
        """Returns the person of each box of a frame; None for a box that is not finite.

        Args:
            boxes: (x0, y0, x1, y1) in pixels.
            seconds: as in `__call__`.
            cut: as in `__call__`.

        Raises:
            InputError: time does not increase.
        """
        if not (np.isfinite(seconds) and seconds > self._now):
            raise InputError(f"tracker: time {seconds} s after {self._now} s; it must rise")
        if cut:
            self._tracks = []
        for track in self._tracks:
            track.motion.predict(seconds - self._now)
        self._now = seconds
        finite = [n for n, box in enumerate(boxes) if np.isfinite(box).all()]
        track_of = self._assign([boxes[n] for n in finite])
        persons: list[int | None] = [None] * len(boxes)
        for n, track in zip(finite, track_of, strict=True):
            persons[n] = self._found(track, boxes[n]).person
        self._end_lost({person for person in persons if person is not None})
        return persons

    def _assign(self, boxes: list[Box]) -> list[_Track | None]:
        """The track of each box, None for a new face, by the assignment with the lowest cost."""
        if not boxes:
            return []
        costs = np.full((len(boxes), len(self._tracks) + len(boxes)), NEW)
        for n, box in enumerate(boxes):
            costs[n, : len(self._tracks)] = [track.cost(box) for track in self._tracks]
        from scipy.optimize import linear_sum_assignment  # here, as its import takes long

        columns = linear_sum_assignment(costs)[1]
        return [self._tracks[m] if m < len(self._tracks) else None for m in columns]

    def _found(self, track: _Track | None, box: Box) -> _Track:
        if track is None:
            self._persons += 1
            track = _Track(self._persons, box)
            self._tracks.append(track)
        else:
            track.motion.update(box)
        track.lost_since = None
        return track

    def _end_lost(self, found: set[int]) -> None:
        """Ends tracks that were lost for more than `forget` seconds.

        The time counts from the first frame without the face, so that a low frame rate does not end a
        track.
        """
        for track in self._tracks:
            if track.person not in found and track.lost_since is None:
                track.lost_since = self._now
        self._tracks = [
            track
            for track in self._tracks
            if track.lost_since is None or self._now - track.lost_since <= self.forget
        ]


def _box_of(face: FaceLandmarks) -> Box:
    """The box of the landmarks, or of the crop where no landmark is finite."""
    if np.isfinite(face.landmarks).all(axis=-1).any():
        return tight_box(np.where(np.isfinite(face.landmarks), face.landmarks, np.nan))
    return face.box if face.box is not None else (np.nan,) * 4
