"""A face in an image: the crop that a network gets, and the landmarks that it predicts."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlcmkd.data.crops import Crop, tight_box
from mlcmkd.deployment.boxes import Box

if TYPE_CHECKING:
    from mlcmkd.deployment.temperatures import FaceTemperatures

# Expected error of a landmark, as a share of the face's size, at which the confidence is 0.5. By
# convention a face with a larger error counts as failed.
HALF_CONFIDENCE = 0.08
# Below this confidence a face is uncertain: its expected error is above 6 % of its size. Chosen on
# rendered validation faces and the Knapik development sequences.
UNCERTAIN = 0.6
# Expected length of a 2-D error whose coordinates have a standard deviation of 1.
_LENGTH = (np.pi / 2) ** 0.5


def face_confidence(
    landmarks: np.ndarray, point_confidence: np.ndarray, deviation: np.ndarray
) -> float:
    """Confidence of a face, 0 to 1; NaN from a network without heatmaps.

    It is 0.5 ** (e / 0.08). Here e is the mean over the landmarks of the expected error,
    sqrt(pi / 2) times the deviation, divided by the face's size, sqrt(w h) of the tight box of the
    landmarks. The measure is ours. Without deviations (weights without a calibration) the confidence is
    the mean of `point_confidence`.

    Args:
        landmarks: (K, 2) in any unit.
        point_confidence: (K,) 0 to 1, or NaN.
        deviation: (K,) standard deviation of each coordinate, in the unit of the landmarks, or NaN.
    """
    if np.isnan(deviation).any():
        return float(point_confidence.mean())
    x0, y0, x1, y1 = tight_box(landmarks)
    size = max((x1 - x0) * (y1 - y0), 1e-12) ** 0.5
    return float(0.5 ** (_LENGTH * deviation.mean() / size / HALF_CONFIDENCE))


def is_uncertain(face: "FaceLandmarks") -> bool:
    """Whether the landmarks of a face should be checked: its confidence is below `UNCERTAIN`.

    False for faces without deviations, whose confidence is not comparable.
    """
    return bool(np.isfinite(face.deviation).all() and face.confidence < UNCERTAIN)


@dataclass(frozen=True)
class FaceLandmarks:
    """Predicted landmarks of one face.

    Attributes:
        landmarks: (K, 2) pixels of the image, 0-based.
        scheme: landmark scheme of the K points.
        image: the image in the range of the network, (H, W) or (H, W, 3) in [0, 1].
        confidence: confidence of the face, 0 to 1, see `face_confidence`; NaN from a coordinate head. It
            ranks faces, but is not a probability of being correct.
        point_confidence: (K,) share of each heatmap's probability near the predicted point, 0 to 1; None
            for landmarks that no network predicted.
        deviation: (K,) standard deviation of each coordinate in pixels of the image, from calibrated
            weights. About 68 % of the errors of x and y are at most one deviation, and about 95 % are
            at most two. NaN where it is unknown.
        box: (x0, y0, x1, y1) in pixels, the square around which the network input was cropped; not
            rotated, see `roll`.
        by: how the face was located: "given" (box of the user), "detector" (detector of the user), "face
            detector" (the network), "warm region" (warm-region detector) or "looks" (three-pass
            refinement from the whole image).
        person: number of the person in a video or stack, from 1; None without tracking.
        temperatures: degrees C at the landmarks and in regions. `predict_files` adds them if the image
            contains temperatures; otherwise None.
        roll: clockwise rotation of the network input about the centre of `box`, degrees. It makes a
            rolled head upright in the input.
    """

    landmarks: np.ndarray
    scheme: str
    image: np.ndarray
    confidence: float = float("nan")
    point_confidence: np.ndarray | None = None
    box: Box | None = None
    by: str = "given"
    deviation: np.ndarray | None = None
    person: int | None = None
    temperatures: "FaceTemperatures | None" = None
    roll: float = 0.0

    def __post_init__(self):
        if self.deviation is None:
            object.__setattr__(self, "deviation", np.full(len(self.landmarks), np.nan))


@dataclass(frozen=True)
class FaceCrop:
    """A crop in which a face is expected, and how it is refined.

    Attributes:
        image: the image in the range of the network, (H, W) or (H, W, 3) float32 in [0, 1].
        crop: the square that the network gets in the first pass.
        by: as in `FaceLandmarks`.
        passes: maximum number of passes. Each pass after the first crops around the landmarks of the
            previous pass, rotated by the roll of the head.
        candidates: further crops for the first pass; of all crops, the one whose landmarks have the
            highest confidence is kept.
    """

    image: np.ndarray
    crop: Crop
    by: str = "given"
    passes: int = 1
    candidates: tuple[Crop, ...] = ()
