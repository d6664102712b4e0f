"""Draws landmarks into images and videos with OpenCV, which is faster than matplotlib."""

from pathlib import Path

import cv2
import numpy as np

from mlcmkd.data.images import encode_image, open_video
from mlcmkd.deployment.face_regions import face_size
from mlcmkd.deployment.faces import FaceLandmarks
from mlcmkd.deployment.region_drawing import LABELLED, draw_regions
from mlcmkd.deployment.text_drawing import write_text
from mlcmkd.schemes import get_scheme
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.writing import replacing

LINE = (255, 176, 0)  # amber (RGB): visible on skin and grey, also with colour blindness
POINT = (0, 114, 255)
CIRCLE = (64, 224, 208)  # turquoise, for the standard deviations
BOX = (204, 121, 167)  # purple
NUMBER = 13  # px: height of a person's number
SMALLEST = 480  # px; smaller frames are enlarged so that points do not cover the face
LARGEST = 1600  # px; largest longer side to which images are enlarged for labels
THICKER = 1000  # px; the stroke width is the longer side divided by this, at least 1
# The first codec that OpenCV can open is used. Browsers play .mp4; every OpenCV can write .avi.
CODECS = ((".mp4", "mp4v"), (".avi", "MJPG"))


def draw(
    faces: FaceLandmarks | list[FaceLandmarks],
    image: np.ndarray | None = None,
    *,
    deviations: bool = False,
    boxes: bool = False,
) -> np.ndarray:
    """Draws the landmarks and the temperatures of one image, (H, W, 3) uint8 RGB.

    The image is enlarged to at least 480 px, and further where labels of temperatures need it.

    Args:
        faces: the faces of the image, all with the same `image`.
        image: stored values of the image, used if there is no face.
        deviations: draw a circle around each landmark; the radius is its standard deviation. Landmarks
            without a known deviation get none.
        boxes: draw the box of each face, with the number of its person, or without tracking the number
            of the face in the tables.
    """
    faces = [faces] if isinstance(faces, FaceLandmarks) else faces
    image = faces[0].image if faces else to_display(image)
    image = np.rint(image * 255).astype(np.uint8)
    if image.ndim == 2:
        image = np.repeat(image[..., None], 3, axis=2)
    factor = _enlargement(faces, max(image.shape[:2]))
    image = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_LINEAR)
    stroke = max(1, max(image.shape[:2]) // THICKER)
    for n, face in enumerate(faces):
        # The centre of pixel 0 is at (factor - 1) / 2 in the enlarged image; shift=4 means 1/16 px.
        points = np.rint((face.landmarks * factor + (factor - 1) / 2) * 16).astype(np.int32)
        for edge in get_scheme(face.scheme).edges:
            line = [points[list(edge)].reshape(-1, 1, 2)]
            cv2.polylines(image, line, False, LINE, stroke, cv2.LINE_AA, shift=4)
        if deviations:
            radii = np.rint(np.nan_to_num(face.deviation) * factor * 16).astype(np.int32)
            for point, radius in zip(points, radii, strict=True):
                if radius > 0:
                    centre = point.tolist()
                    cv2.circle(image, centre, int(radius), CIRCLE, stroke, cv2.LINE_AA, shift=4)
        for point in points:
            cv2.circle(image, point.tolist(), 32 * stroke, POINT, -1, cv2.LINE_AA, shift=4)
        draw_regions(image, face, factor)
        corner = face.landmarks.min(axis=0) * factor
        if boxes and face.box is not None and np.isfinite(face.box).all():
            corner, opposite = np.array(face.box).reshape(2, 2) * factor + (factor - 1) / 2
            ends = (np.rint(end).astype(int).tolist() for end in (corner, opposite))
            cv2.rectangle(image, *ends, BOX, stroke)
        number = n if boxes and face.person is None else face.person
        if number is not None and np.isfinite(corner).all():
            above = corner - (0, 4)
            write_text(image, str(number), tuple(above), NUMBER * stroke, LINE, stroke)
    return image


def _enlargement(faces: list[FaceLandmarks], side: int) -> int:
    """Factor by which an image is enlarged, so that points and labels do not cover the faces."""
    needed = SMALLEST / side
    measured = [face_size(face.landmarks) for face in faces if face.temperatures is not None]
    if measured:
        needed = max(needed, min(LABELLED / max(min(measured), 1), LARGEST // side))
    return max(1, int(np.ceil(needed)))


def to_display(values: np.ndarray) -> np.ndarray:
    """Stored values in [0, 1] for display: 8 bits unchanged, others from minimum to maximum."""
    values = np.nan_to_num(values.astype(np.float32))
    low, high = (0.0, 255.0) if values.max(initial=0) <= 255 else (values.min(), values.max())
    return np.clip((values - low) / max(high - low, 1e-6), 0, 1)


def save_drawing(
    faces: FaceLandmarks | list[FaceLandmarks],
    path: Path,
    *,
    deviations: bool = False,
    boxes: bool = False,
) -> Path:
    """Writes `draw(faces)` as a PNG and returns its path; the other arguments are those of `draw`.

    Raises:
        InputError: the file cannot be written.
    """
    _write_png(draw(faces, deviations=deviations, boxes=boxes), path)
    return path


def _write_png(image: np.ndarray, path: Path) -> None:
    try:
        with replacing(path) as part:
            part.write_bytes(encode_image(image)[0])
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from None


class VideoDrawing:
    """Writes a video of drawn frames, or a folder of PNGs where OpenCV has no codec.

    Args:
        stem: path without a suffix; `_landmarks` and the suffix are appended.
        rate: frames per second.
        deviations, boxes: see `draw`.
    """

    def __init__(self, stem: Path, rate: float, *, deviations: bool = False, boxes: bool = False):
        self._stem = stem.with_name(f"{stem.name}_landmarks")
        self._rate, self._deviations, self._boxes = rate, deviations, boxes
        self._writer: cv2.VideoWriter | None = None
        self._size: tuple[int, int] | None = None
        self._count = 0
        self.path: Path = self._stem

    def add(
        self, faces: list[FaceLandmarks], values: np.ndarray, seconds: float | None = None
    ) -> None:
        """Adds a frame, resized to the size of the first one.

        Args:
            faces: faces of the frame.
            values: stored values of the frame, drawn if it has no face.
            seconds: time of the frame since the first one. The frame is repeated or left out so that the
                video plays at the speed of the recording. None to show each frame once.
        """
        copies = 1 if seconds is None else round(seconds * self._rate) + 1 - self._count
        if copies < 1:
            return
        frame = draw(faces, values, deviations=self._deviations, boxes=self._boxes)
        if self._size is None:
            self._size = frame.shape[1], frame.shape[0]
            self._open()
        if (frame.shape[1], frame.shape[0]) != self._size:
            frame = cv2.resize(frame, self._size)
        for _ in range(copies):
            if self._writer is not None:
                self._writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
            else:
                _write_png(frame, self.path / f"{self._count:06d}.png")
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
        """Finishes the video and returns its path.

        Raises:
            InputError: the video is not complete; the file is removed.
        """
        if self._writer is not None:
            self._writer.release()
            # OpenCV does not report a failed write. Both containers store the index of frames at the
            # end.
            if not _has_frames(self.path):
                self.path.unlink(missing_ok=True)
                raise InputError(
                    f"{self.path}: the video could not be written to its end; free some space, then "
                    "give the same command again"
                )
        return self.path


def _has_frames(video: Path) -> bool:
    try:
        with open_video(video) as opened:
            return opened.count is not None
    except InputError:
        return False
