"""Scores of face detectors: average precision, recall, and false alarms."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mlcmkd.data.frames import FACE, Frames
from mlcmkd.deployment.boxes import iou
from mlcmkd.deployment.face_maps import FoundFace

MATCH = 0.5  # lowest intersection over union (IoU) of a found face with a true one


class TrueFaces(NamedTuple):
    """The faces of one frame.

    Attributes:
        boxes: (F, 4) x0, y0, x1, y1 of the landmarks, in the unit of the frames' landmarks.
        counted: (F,) bool. Faces that are mostly hidden are False: to find one is neither correct nor a
            false alarm.
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
    """Found faces of many frames after the assignment to true faces.

    Attributes:
        scores: (M,) scores, 0 to 1, of the found faces that count.
        right: (M,) bool, whether each is matched to a true face. Each true face is matched once.
        faces: number of true faces that count.
        frames: number of frames.
    """

    scores: np.ndarray
    right: np.ndarray
    faces: int
    frames: int

    @property
    def average_precision(self) -> float:
        """Average precision: area under the precision-recall curve, 0 to 1; NaN without true faces.

        The precision at each recall is the highest precision at that recall or above, as in PASCAL VOC
        2010 (Everingham et al.).
        """
        if self.faces == 0:
            return float("nan")
        right = self.right[np.argsort(-self.scores, kind="stable")]
        found = np.cumsum(right)
        precision = found / np.arange(1, len(right) + 1)
        best = np.maximum.accumulate(precision[::-1])[::-1]
        return float((best * right).sum() / self.faces)

    def recall(self, threshold: float) -> float:
        """Share of the true faces that are found with at least this score, 0 to 1; NaN without any."""
        if self.faces == 0:
            return float("nan")
        return float((self.right & (self.scores >= threshold)).sum() / self.faces)

    def false_alarms(self, threshold: float) -> float:
        """Number of found faces per frame, with at least this score, that match no true face."""
        return float((~self.right & (self.scores >= threshold)).sum() / self.frames)


def match_faces(
    found: Sequence[Sequence[FoundFace]], true: Sequence[TrueFaces], overlap: float = MATCH
) -> Matches:
    """Assigns found faces to true ones, frame by frame, the highest scores first.

    A found face is left out if it matches no unmatched face that counts, but overlaps a face that does
    not count.

    Args:
        found: the faces that a detector found in each frame.
        true: the faces of each frame, with boxes in the unit of the found boxes.
        overlap: lowest IoU of a match, 0 to 1.
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
