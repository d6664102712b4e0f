"""The square crop of a face that is the network's input, and its coordinates.

The square's side is the box's longer side times `CROP_SCALE`. Inside it, coordinates are divided by
the side and centred: (-0.5, -0.5) is its upper left corner, (0.5, 0.5) its lower right one, at any
resolution (the scale on which KD-Loss is defined).
"""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

CROP_SCALE = 1.1
_CORNERS = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])  # centred coordinates


@dataclass(frozen=True)
class Crop:
    """A square of an image, upright or turned about its centre.

    Attributes:
        centre: (x, y), 0-based pixels of the image.
        side: pixels of the image.
        roll: degrees by which the square is turned clockwise in the image, as a rolled head is; what is
            cropped is upright.
    """

    centre: tuple[float, float]
    side: float
    roll: float = 0.0

    @classmethod
    def around(cls, box: tuple[float, float, float, float], scale: float = CROP_SCALE) -> "Crop":
        """Return the square around a box (x0, y0, x1, y1) of its longer side times `scale`."""
        x0, y0, x1, y1 = box
        return cls(((x0 + x1) / 2, (y0 + y1) / 2), max(x1 - x0, y1 - y0) * scale)

    @classmethod
    def around_points(
        cls, landmarks: np.ndarray, roll: float = 0.0, scale: float = CROP_SCALE
    ) -> "Crop":
        """Return the square around landmarks (K, 2) that is turned by `roll`, degrees clockwise."""
        upright = cls((0.0, 0.0), 1.0, roll)
        crop = cls.around(tight_box(upright.to_unit(landmarks)), scale)
        return cls(tuple(upright.to_pixels(crop.centre).tolist()), crop.side, roll)

    def to_unit(self, points: np.ndarray) -> np.ndarray:
        """Convert image pixels (..., 2) to centred crop coordinates (..., 2)."""
        return (np.asarray(points) - self.centre) @ self._axes / self.side

    def to_pixels(self, points: np.ndarray) -> np.ndarray:
        """Convert centred crop coordinates (..., 2) to image pixels (..., 2)."""
        return np.asarray(points) @ self._axes.T * self.side + self.centre

    def change_to(self, other: "Crop") -> float:
        """Return the largest distance of corresponding corners, divided by the side of this square."""
        corners = self.to_unit(other.to_pixels(_CORNERS))
        return float(np.linalg.norm(corners - _CORNERS, axis=1).max())

    def within(self, width: int, height: int) -> bool:
        """Return whether the whole square lies in an image of this size, pixels."""
        corners = self.to_pixels(_CORNERS)
        return bool((corners >= -0.5).all() and (corners <= (width - 0.5, height - 0.5)).all())

    @cached_property
    def _axes(self) -> np.ndarray:
        """(2, 2), whose columns are the directions of the square's right and lower sides."""
        angle = np.deg2rad(self.roll)
        return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])

    def cut(self, image: np.ndarray, size: int, margin: float = 1.0) -> np.ndarray:
        """Crop the square, `margin` times as wide, and resize it to `size` x `size` pixels.

        Outside the image its border is repeated. If the square has more pixels than `size`, they are
        averaged, to avoid aliasing.

        Args:
            image: (H, W) or (H, W, C), any dtype that OpenCV resizes.
            size: side of the result, pixels.
            margin: side of what is cropped divided by the square's side.
        """
        side = self.side * margin
        times = max(1, int(np.ceil(side / size)))
        step = side / (size * times)  # image pixels per sampled pixel
        axes = self._axes
        # Centre of the first pixel.
        first = self.centre - axes @ np.full(2, side / 2) + axes @ np.full(2, step / 2)
        matrix = np.column_stack((axes * step, first))
        sampled = cv2.warpAffine(
            image,
            matrix,
            (size * times, size * times),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        if times == 1:
            return sampled
        return cv2.resize(sampled, (size, size), interpolation=cv2.INTER_AREA)


def face_box(
    box: tuple[float, float, float, float] | None, landmarks: np.ndarray | None
) -> tuple[float, float, float, float] | None:
    """Return the given box of a face, or else that of its landmarks (K, 2); None without either."""
    if box is not None or landmarks is None:
        return box
    return tight_box(landmarks)


def tight_box(landmarks: np.ndarray) -> tuple[float, float, float, float]:
    """Return the smallest box (x0, y0, x1, y1) around landmarks (K, 2), without those that are NaN."""
    # As nanmin and nanmax, at a tenth of their time: a box is needed in each pass over a face.
    (x0, y0), (x1, y1) = np.fmin.reduce(landmarks), np.fmax.reduce(landmarks)
    return float(x0), float(y0), float(x1), float(y1)
