"""Regions of a head in a photo, from its 68 landmarks and its colours.

All masks are (H, W) float32 between 0 and 1, on the photo's pixel grid.
"""

from dataclasses import dataclass

import cv2
import numpy as np

_SUBPIXEL_BITS = 4


@dataclass(frozen=True)
class HeadFrame:
    """Axes and sizes of a head, in pixels.

    Attributes:
        marks: (68, 2) landmarks.
        up: (2,) unit vector from the chin to the nose bridge.
        right: (2,) unit vector perpendicular to `up`, to the right in an upright image.
        height: distance from the chin to the nose bridge.
        yaw: position of the nose tip between the two ends of the jaw, -1 (left) to 1 (right); 0 in
            a frontal face.
    """

    marks: np.ndarray
    up: np.ndarray
    right: np.ndarray
    height: float
    yaw: float

    @property
    def bridge(self) -> np.ndarray:
        return self.marks[27]


def head_frame(marks: np.ndarray) -> HeadFrame:
    """Compute the axes of a head from (68, 2) landmarks."""
    axis = marks[27] - marks[8]
    length = float(np.hypot(*axis))
    up = axis / length if length > 1e-6 else np.array([0.0, -1.0])
    height = max(length, 4.0)
    right = np.array([-up[1], up[0]])
    half = max(abs(float((marks[16] - marks[0]) @ right)) / 2, 0.2 * height)
    offset = float((marks[30] - (marks[0] + marks[16]) / 2) @ right)
    return HeadFrame(marks, up, right, height, float(np.clip(offset / half, -1, 1)))


def filled(outline: np.ndarray, shape: tuple[int, int], soft: float = 0.7) -> np.ndarray:
    """Fill a closed outline (N, 2); its edge is blurred by a Gaussian of `soft` pixels."""
    canvas = np.zeros(shape, np.uint8)
    cv2.fillPoly(canvas, [_fixed(outline)], 255, cv2.LINE_AA, _SUBPIXEL_BITS)
    return _softened(canvas, soft)


def stroked(
    line: np.ndarray, shape: tuple[int, int], width: float, soft: float = 0.5, closed: bool = False
) -> np.ndarray:
    """Draw a line (N, 2) of `width` pixels; lines thinner than a pixel are fainter."""
    canvas = np.zeros(shape, np.uint8)
    level = int(255 * min(width, 1.0))
    cv2.polylines(
        canvas, [_fixed(line)], closed, level, max(round(width), 1), cv2.LINE_AA, _SUBPIXEL_BITS
    )
    return _softened(canvas, soft)


def spot(centre: np.ndarray, radius: float, shape: tuple[int, int]) -> np.ndarray:
    """Return a Gaussian of standard deviation `radius` pixels and height 1."""
    radius = max(radius, 0.5)
    x = np.exp(-0.5 * ((np.arange(shape[1], dtype=np.float32) - centre[0]) / radius) ** 2)
    y = np.exp(-0.5 * ((np.arange(shape[0], dtype=np.float32) - centre[1]) / radius) ** 2)
    return (y[:, None] * x[None, :]).astype(np.float32)


def face_outline(frame: HeadFrame, forehead: float) -> np.ndarray:
    """Outline the face's skin: the jaw, and an arc `forehead` head heights above the nose bridge."""
    left, right = frame.marks[0], frame.marks[16]
    middle, half = (left + right) / 2, (right - left) / 2
    rise = max(float((frame.bridge - middle) @ frame.up), 0.0) + forehead * frame.height
    angle = np.linspace(0, np.pi, 17)[1:-1, None]
    # A forehead is flatter at its top than an ellipse.
    arc = middle + half * np.cos(angle) + frame.up * rise * np.sin(angle) ** 0.7
    return np.concatenate([frame.marks[:17], arc])


def skull_outline(frame: HeadFrame, size: float) -> np.ndarray:
    """Outline the whole head with hair; `size` 1 is a bald head."""
    middle = (frame.marks[0] + frame.marks[16]) / 2
    # In a head turned to the right, more of its back is visible on the left.
    middle = middle - frame.right * frame.yaw * 0.35 * frame.height
    half_width = abs(float((frame.marks[16] - frame.marks[0]) @ frame.right)) / 2
    half_width = max(1.04 * half_width, 0.62 * frame.height) * size
    top = float((frame.bridge - middle) @ frame.up) + 0.86 * frame.height * size
    angle = np.linspace(0, 2 * np.pi, 41)[:-1, None]
    # Below the eyes the head is as long as the jaw; the face covers it there.
    reach = np.where(np.sin(angle) > 0, max(top, 0.3 * frame.height), 0.55 * frame.height)
    return middle + frame.right * half_width * np.cos(angle) + frame.up * reach * np.sin(angle)


def ear_outlines(frame: HeadFrame, scale: float) -> list[np.ndarray]:
    """Outline the visible ears: two in a frontal face, one in a turned head."""
    outlines = []
    for end, inner, side in ((0, 2, -1), (16, 14, 1)):
        if frame.yaw * side > 0.25:
            continue
        size = scale * frame.height * np.array([0.09 + 0.06 * max(-frame.yaw * side, 0), 0.22])
        centre = 0.75 * frame.marks[end] + 0.25 * frame.marks[inner]
        centre = centre + frame.right * side * 0.05 * frame.height
        angle = np.linspace(0, 2 * np.pi, 21)[:-1, None]
        outlines.append(
            centre + frame.right * size[0] * np.cos(angle) + frame.up * size[1] * np.sin(angle)
        )
    return outlines


def body_axes(frame: HeadFrame, upright: float) -> tuple[np.ndarray, np.ndarray]:
    """Compute the unit vectors (down, right) of neck and shoulders.

    `upright` 0 follows the head, 1 the image: with 1, the shoulders of a tilted head are horizontal.
    """
    vertical = np.array([0.0, -1.0])
    if frame.up @ vertical < 0.2:
        upright = 0.0
    up = (1 - upright) * frame.up + upright * vertical
    up = up / np.hypot(*up)
    return -up, np.array([-up[1], up[0]])


def neck_outline(frame: HeadFrame, width: float, upright: float) -> np.ndarray:
    """Outline the neck; with `width` 1 it is as wide as the jaw's corners."""
    shift = -frame.right * frame.yaw * 0.25 * frame.height
    left, right = frame.marks[4], frame.marks[12]
    middle, half = (left + right) / 2, (right - left) / 2 * width
    if np.hypot(*half) < 0.35 * frame.height:
        half = frame.right * 0.35 * frame.height
    down, right = body_axes(frame, upright)
    down, level = down * frame.height, right * np.hypot(*half)
    return np.stack(
        [
            middle - half + frame.up * 0.1 * frame.height,
            middle + half + frame.up * 0.1 * frame.height,
            middle + shift + level + 0.7 * down,
            middle + shift + 1.3 * level + 1.0 * down,
            middle + shift + 2.0 * level + 1.6 * down,
            middle + shift - 2.0 * level + 1.6 * down,
            middle + shift - 1.3 * level + 1.0 * down,
            middle + shift - level + 0.7 * down,
        ]
    )


def clothes_outline(frame: HeadFrame, drop: float, opening: float, upright: float) -> np.ndarray:
    """Outline the clothes on the shoulders, starting `drop` head heights below the chin.

    `opening` is the half width of the V-shaped neckline in head heights.
    """
    chin = frame.marks[8] - frame.right * frame.yaw * 0.2 * frame.height
    down, across = (axis * frame.height for axis in body_axes(frame, upright))
    return np.stack(
        [
            chin - 4 * across + (drop + 1.0) * down,
            chin - 1.1 * across + (drop + 0.25) * down,
            chin - opening * across + drop * down,
            chin + (drop + 0.5 * opening) * down,
            chin + opening * across + drop * down,
            chin + 1.1 * across + (drop + 0.25) * down,
            chin + 4 * across + (drop + 1.0) * down,
            chin + 4 * across + 6 * down,
            chin - 4 * across + 6 * down,
        ]
    )


def skin_likeness(rgb: np.ndarray, face: np.ndarray) -> np.ndarray:
    """Compute the similarity of each pixel's colour to the face's skin, (H, W) from 0 to 1.

    Args:
        rgb: (H, W, 3) uint8.
        face: (H, W) mask of pixels that are certainly skin.
    """
    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB).astype(np.float32)
    sample = lab[face > 0.9]
    if len(sample) < 20:
        return np.ones(rgb.shape[:2], np.float32)
    centre = np.median(sample, axis=0)
    spread = 1.48 * np.median(np.abs(sample - centre), axis=0)
    # A head is lit unevenly, so lightness has less weight than hue.
    spread = np.maximum(spread * [1.6, 1.3, 1.3], [22, 5, 6])
    distance = (((lab - centre) / spread) ** 2).sum(axis=2)
    return np.exp(-0.25 * distance).astype(np.float32)


def _fixed(points: np.ndarray) -> np.ndarray:
    """Convert points to the fixed-point coordinates of OpenCV's drawing functions."""
    limited = np.clip(np.asarray(points), -4000, 4000)
    return np.rint(limited * 2**_SUBPIXEL_BITS).astype(np.int32).reshape(-1, 1, 2)


def _softened(canvas: np.ndarray, soft: float) -> np.ndarray:
    if soft > 0.3:
        canvas = cv2.GaussianBlur(canvas, (0, 0), soft)
    return canvas.astype(np.float32) * (1 / 255)
