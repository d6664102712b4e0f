"""Temporal smoothing of landmarks: one filter per face, tracked by the overlap of boxes."""

from dataclasses import replace

import numpy as np

from mlcmkd.data.crops import tight_box
from mlcmkd.deployment.boxes import Box, iou
from mlcmkd.deployment.faces import FaceLandmarks
from mlcmkd.deployment.one_euro import OneEuro

# Chosen on moving validation faces with noise of 1 % of the face side (benchmarks/smoothing.py).
MIN_CUTOFF = 1.0  # Hz
BETA = 30.0  # Hz per face side per second
SAME_FACE = 0.3  # lowest IoU of a face's tight boxes in consecutive frames
FORGET = 0.5  # seconds without a detection after which a track ends


class _Track:
    def __init__(self, side: float, min_cutoff: float, beta: float):
        # Speed in face sides per second, so that beta does not depend on the size of the face.
        self.side = side
        self.filter = OneEuro(min_cutoff, beta, forget=FORGET)
        self.box: Box | None = None
        self.seen = -np.inf


class Smoother:
    """Smooths the faces of one sequence, frame by frame, by the one-euro filter.

    Each face is assigned to the track with the highest IoU of their boxes, at most one face per
    track. A track without a face for `FORGET` seconds ends. Frames without a face must be passed,
    too.

    Args:
        min_cutoff: Hz.
        beta: Hz per face side per second.

    Raises:
        InputError: values that `OneEuro` does not accept.
    """

    def __init__(self, min_cutoff: float = MIN_CUTOFF, beta: float = BETA):
        OneEuro(min_cutoff, beta)  # checks the values before the first face
        self.min_cutoff, self.beta = min_cutoff, beta
        self._tracks: list[_Track] = []

    def __call__(self, faces: list[FaceLandmarks], seconds: float) -> list[FaceLandmarks]:
        """Returns the same faces with smoothed landmarks.

        Args:
            faces: of one frame; may be empty.
            seconds: time of the frame, later than in the previous call.
        """
        self._tracks = [t for t in self._tracks if seconds - t.seen <= FORGET]
        boxes = [tight_box(face.landmarks) for face in faces]
        track_of = self._match(boxes)
        smoothed = []
        for n, (face, box) in enumerate(zip(faces, boxes, strict=True)):
            if n not in track_of:
                side = max(box[2] - box[0], box[3] - box[1], 1.0)
                track_of[n] = _Track(side, self.min_cutoff, self.beta)
                self._tracks.append(track_of[n])
            track = track_of[n]
            track.box, track.seen = box, seconds
            filtered = track.filter(face.landmarks / track.side, seconds) * track.side
            smoothed.append(replace(face, landmarks=filtered))
        return smoothed

    def _match(self, boxes: list[Box]) -> dict[int, _Track]:
        """The track of each box by its index; boxes of new faces have none."""
        overlaps = sorted(
            (
                (iou(box, track.box), n, m)
                for n, box in enumerate(boxes)
                for m, track in enumerate(self._tracks)
            ),
            reverse=True,
        )
        track_of: dict[int, _Track] = {}
        for overlap, n, m in overlaps:
            track = self._tracks[m]
            if overlap >= SAME_FACE and n not in track_of and track not in track_of.values():
                track_of[n] = track
        return track_of
