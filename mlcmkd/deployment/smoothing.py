"""Landmarks of a video, smoothed: a filter a face, told apart by where they are."""

from dataclasses import replace

import numpy as np

from mlcmkd.data.crops import tight_box
from mlcmkd.deployment.one_euro import OneEuro
from mlcmkd.deployment.predictor import Box, FaceLandmarks

# Chosen on moving validation faces with noise of 1 % of the face's side, see benchmarks/smoothing.py.
MIN_CUTOFF = 1.0  # Hz
BETA = 30.0  # Hz per face side a second
SAME_FACE = 0.3  # IoU of a face's tight boxes in two frames
FORGET = 0.5  # seconds after which a face that is back is a new one


def overlap(one: Box, other: Box) -> float:
    """Intersection over union of two boxes."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return width * height / (areas - width * height)


class _Track:
    def __init__(self, side: float, min_cutoff: float, beta: float):
        # Speed in sides of the face, so that beta means the same near the camera and far from it.
        self.side = side
        self.filter = OneEuro(min_cutoff, beta, forget=FORGET)
        self.box: Box | None = None
        self.seen = -np.inf


class Smoother:
    """Smooths the faces of one sequence, frame by frame, by the one-euro filter.

    A face belongs to the track whose last box it overlaps most, by IoU, each to one track; a track
    not seen for `FORGET` seconds is dropped. Frames without a face still have to be told.

    Args:
        min_cutoff: Hz.
        beta: Hz per face side a second.
    """

    def __init__(self, min_cutoff: float = MIN_CUTOFF, beta: float = BETA):
        OneEuro(min_cutoff, beta)  # says now what would fail at the first face
        self.min_cutoff, self.beta = min_cutoff, beta
        self._tracks: list[_Track] = []

    def __call__(self, faces: list[FaceLandmarks], seconds: float) -> list[FaceLandmarks]:
        """The same faces with their landmarks smoothed.

        Args:
            faces: of one frame, maybe none.
            seconds: when the frame was taken, later than the one before.
        """
        self._tracks = [t for t in self._tracks if seconds - t.seen <= FORGET]
        boxes = [tight_box(face.landmarks) for face in faces]
        pairs = sorted(
            (
                (overlap(box, track.box), n, m)
                for n, box in enumerate(boxes)
                for m, track in enumerate(self._tracks)
            ),
            reverse=True,
        )
        mine: dict[int, _Track] = {}
        for share, n, m in pairs:
            track = self._tracks[m]
            if share >= SAME_FACE and n not in mine and track not in mine.values():
                mine[n] = track
        smooth = []
        for n, (face, box) in enumerate(zip(faces, boxes, strict=True)):
            if n not in mine:
                side = max(box[2] - box[0], box[3] - box[1], 1.0)
                mine[n] = _Track(side, self.min_cutoff, self.beta)
                self._tracks.append(mine[n])
            track = mine[n]
            track.box, track.seen = box, seconds
            filtered = track.filter(face.landmarks / track.side, seconds) * track.side
            smooth.append(replace(face, landmarks=filtered))
        return smooth
