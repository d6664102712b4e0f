"""Scores of face detectors: average precision, recall, and false alarms."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mlcmkd.data.frames import FACE, Frames
from mlcmkd.deployment.boxes import iou
from mlcmkd.deployment.face_maps import FoundFace

MATCH = 0.5  # lowest IoU of a found face with a true one


class TrueFaces(NamedTuple):
    """The faces of one frame.

    Attributes:
        boxes: (F, 4) x0, y0, x1, y1.
        counted: (F,) bool; the others are mostly hidden: finding them is neither right nor wrong.
    """

    boxes: np.ndarray
    counted: np.ndarray


def true_faces(frames: Frames) -> list[TrueFaces]:
    """The faces of each frame."""
    landmarks, labelled = frames.landmarks.numpy(), frames.labelled.numpy()
    boxes = np.concatenate((landmarks.min(axis=2), landmarks.max(axis=2)), axis=-1)
    return [
        TrueFaces(of_frame[kinds > 0], kinds[kinds > 0] == FACE)
        for of_frame, kinds in zip(boxes, labelled, strict=True)
    ]


class Matches(NamedTuple):
    """What became of the found faces of many frames.

    Attributes:
        scores: (M,) of the found faces that count.
        right: (M,) bool: whether each is a true face that no face with a higher score has found.
        faces: number of true faces that count.
        frames: number of frames.
    """

    scores: np.ndarray
    right: np.ndarray
    faces: int
    frames: int

    @property
    def average_precision(self) -> float:
        """Area below precision over recall, 0 to 1; each precision is the best at that recall or above.

        NaN without true faces.
        """
        if self.faces == 0:
            return float("nan")
        right = self.right[np.argsort(-self.scores, kind="stable")]
        found = np.cumsum(right)
        precision = found / np.arange(1, len(right) + 1)
        best = np.maximum.accumulate(precision[::-1])[::-1]
        return float((best * right).sum() / self.faces)

    def recall(self, threshold: float) -> float:
        """Share of the true faces that are found with at least this score; NaN without any."""
        if self.faces == 0:
            return float("nan")
        return float((self.right & (self.scores >= threshold)).sum() / self.faces)

    def false_alarms(self, threshold: float) -> float:
        """Found faces per frame that are none, with at least this score."""
        return float((~self.right & (self.scores >= threshold)).sum() / self.frames)


def match_faces(
    found: Sequence[Sequence[FoundFace]], true: Sequence[TrueFaces], overlap: float = MATCH
) -> Matches:
    """Assigns found faces to true ones, frame by frame, the highest scores first.

    Args:
        found: the faces that a detector found in each frame.
        true: the faces of each frame.
        overlap: lowest IoU.
    """
    scores, right, faces = [], [], 0
    for of_frame, truth in zip(found, true, strict=True):
        free = set(np.flatnonzero(truth.counted).tolist())
        faces += len(free)
        for face in sorted(of_frame, key=lambda face: -face.score):
            overlaps = [iou(face.box, tuple(box)) for box in truth.boxes]
            best = max(free, key=lambda n: overlaps[n], default=None)
            if best is not None and overlaps[best] >= overlap:
                free.remove(best)
                right.append(True)
            elif any(
                share >= overlap and not counts
                for share, counts in zip(overlaps, truth.counted, strict=True)
            ):
                continue
            else:
                right.append(False)
            scores.append(face.score)
    return Matches(np.array(scores, float), np.array(right, bool), faces, len(found))
