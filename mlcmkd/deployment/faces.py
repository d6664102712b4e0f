"""A face in an image: the crop that a network gets, and the landmarks that it predicts."""

from dataclasses import dataclass

import numpy as np

from mlcmkd.data.crops import Crop
from mlcmkd.deployment.boxes import Box


@dataclass(frozen=True)
class FaceLandmarks:
    """Predicted landmarks of one face.

    Attributes:
        landmarks: (K, 2) pixels of the image, 0-based.
        scheme: landmark scheme of the K points.
        image: the image in the range of the network, (H, W) or (H, W, 3) in [0, 1].
        confidence: of the face, 0 to 1: mean of `point_confidence`; NaN from a coordinate head. It
            ranks faces, but is not a probability of being correct.
        point_confidence: (K,) share of each heatmap's mass that lies near the predicted point; None
            for landmarks that no network predicted.
        box: (x0, y0, x1, y1) in pixels, the box around which the network input was cropped.
        by: how the face was located: "given" (box of the user), "detector" (own detector), "warm
            blob" (warm-region detector) or "looks" (three-pass refinement from the whole image).
    """

    landmarks: np.ndarray
    scheme: str
    image: np.ndarray
    confidence: float = float("nan")
    point_confidence: np.ndarray | None = None
    box: Box | None = None
    by: str = "given"


@dataclass(frozen=True)
class FaceCrop:
    """A crop in which a face is expected, and how it is refined.

    Attributes:
        image: the image in the range of the network, (H, W) or (H, W, 3) float32 in [0, 1].
        crop: the square that the network gets in the first pass.
        by: as in `FaceLandmarks`.
        passes: number of passes; each pass after the first crops around the landmarks of the pass
            before.
        candidates: further crops for the first pass; the one with the highest confidence is kept.
    """

    image: np.ndarray
    crop: Crop
    by: str = "given"
    passes: int = 1
    candidates: tuple[Crop, ...] = ()
