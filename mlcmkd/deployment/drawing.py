"""Landmarks drawn into an image file or a video, by OpenCV: a figure would be too slow."""

from pathlib import Path

import cv2
import numpy as np

from mlcmkd.deployment.predictor import FaceLandmarks
from mlcmkd.schemes import get_scheme
from mlcmkd.utils.errors import InputError

LINE = (255, 176, 0)  # amber: seen on skin, on grey and by colour-blind eyes
POINT = (0, 114, 255)
SMALLEST = 480  # px; small thermal frames are enlarged so that points do not cover the face
# Tried in this order: what browsers play, what every OpenCV can write.
CODECS = ((".mp4", "mp4v"), (".avi", "MJPG"))


def draw(faces: FaceLandmarks | list[FaceLandmarks], image: np.ndarray | None = None) -> np.ndarray:
    """The image with its landmarks, (H, W, 3) uint8 RGB, enlarged to at least 480 px.

    Args:
        faces: of one image.
        image: the image as values of any kind, for a frame without a face; by default the faces' own.
    """
    faces = [faces] if isinstance(faces, FaceLandmarks) else faces
    image = faces[0].image if faces else visible(image)
    image = np.rint(image * 255).astype(np.uint8)
    if image.ndim == 2:
        image = np.repeat(image[..., None], 3, axis=2)
    times = max(1, int(np.ceil(SMALLEST / max(image.shape[:2]))))
    image = cv2.resize(image, None, fx=times, fy=times, interpolation=cv2.INTER_LINEAR)
    for found in faces:
        # The centre of pixel 0 lies at (times - 1) / 2 in the enlarged image. OpenCV draws at 1/16 px.
        points = np.rint((found.landmarks * times + (times - 1) / 2) * 16).astype(np.int32)
        for edge in get_scheme(found.scheme).edges:
            line = [points[list(edge)].reshape(-1, 1, 2)]
            cv2.polylines(image, line, False, LINE, 1, cv2.LINE_AA, shift=4)
        for point in points:
            cv2.circle(image, point.tolist(), 32, POINT, -1, cv2.LINE_AA, shift=4)
    return image


def visible(values: np.ndarray) -> np.ndarray:
    """Values of any kind as [0, 1] for the eye alone: 8 bits as they are, all else from end to end."""
    values = np.nan_to_num(values.astype(np.float32))
    low, high = (0.0, 255.0) if values.max(initial=0) <= 255 else (values.min(), values.max())
    return np.clip((values - low) / max(high - low, 1e-6), 0, 1)


def save_drawing(faces: FaceLandmarks | list[FaceLandmarks], path: Path) -> Path:
    """Writes `draw(faces)` as a PNG and returns its path."""
    if not cv2.imwrite(str(path), cv2.cvtColor(draw(faces), cv2.COLOR_RGB2BGR)):
        raise InputError(f"{path}: cannot be written")
    return path


class VideoDrawing:
    """A video of drawn frames; a folder of PNGs where OpenCV has no codec.

    Args:
        stem: where, without a suffix; `_landmarks` and the suffix are put behind it.
        rate: frames a second.
    """

    def __init__(self, stem: Path, rate: float):
        self._stem = stem.with_name(f"{stem.name}_landmarks")
        self._rate = rate
        self._writer: cv2.VideoWriter | None = None
        self._size: tuple[int, int] | None = None
        self._count = 0
        self.path: Path = self._stem

    def add(self, faces: list[FaceLandmarks], values: np.ndarray) -> None:
        """One frame; `values` are shown where it has no face. All have the size of the first."""
        frame = cv2.cvtColor(draw(faces, values), cv2.COLOR_RGB2BGR)
        if self._size is None:
            self._size = frame.shape[1], frame.shape[0]
            self._open()
        if (frame.shape[1], frame.shape[0]) != self._size:
            frame = cv2.resize(frame, self._size)
        if self._writer is not None:
            self._writer.write(frame)
        elif not cv2.imwrite(str(self.path / f"{self._count:06d}.png"), frame):
            raise InputError(f"{self.path}: cannot be written")
        self._count += 1

    def _open(self) -> None:
        self._stem.parent.mkdir(parents=True, exist_ok=True)
        for suffix, codec in CODECS:
            self.path = self._stem.with_name(self._stem.name + suffix)
            code = cv2.VideoWriter.fourcc(*codec)
            writer = cv2.VideoWriter(str(self.path), code, self._rate, self._size)
            if writer.isOpened():
                self._writer = writer
                return
            self.path.unlink(missing_ok=True)
        self.path = self._stem
        self.path.mkdir(exist_ok=True)

    def close(self) -> Path:
        """Ends the video; where it lies."""
        if self._writer is not None:
            self._writer.release()
        return self.path
