"""The canvas that both cameras see: what lies on it, and what of each person is in view."""

from dataclasses import dataclass

import cv2
import numpy as np

from mlcmkd.synthetic.frames.layout import Place
from mlcmkd.synthetic.frames.person import Person


@dataclass
class Canvas:
    """What both cameras see.

    Attributes:
        apparent: (H, W) float32, reading of a perfect thermal camera, degrees C.
        light: (H, W, 3) float32 linear light, red first; None without RGB.
        owner: (H, W) int16, the number of the person that a pixel shows, from 1; 0 for everything else.
    """

    apparent: np.ndarray
    light: np.ndarray | None
    owner: np.ndarray

    def copy(self) -> "Canvas":
        light = None if self.light is None else self.light.copy()
        return Canvas(self.apparent.copy(), light, self.owner.copy())


def lay_person(person: Person, place: Place, canvas: Canvas, number: int) -> np.ndarray:
    """Draws a person on the canvas, in place; returns the corner (x, y) of the person's own canvas."""
    height, width = canvas.apparent.shape
    box_centre = (person.landmarks.max(axis=0) + person.landmarks.min(axis=0)) / 2
    corner = np.rint(np.array(place.centre) * (width, height) - box_centre).astype(int)
    _lay_trunk(person, corner, canvas, number)
    side = len(person.alpha)
    x0, y0 = np.maximum(corner, 0)
    x1, y1 = np.minimum(corner + side, (width, height))
    if x0 < x1 and y0 < y1:
        target = np.s_[y0:y1, x0:x1]
        own = np.s_[y0 - corner[1] : y1 - corner[1], x0 - corner[0] : x1 - corner[0]]
        alpha = person.alpha[own]
        canvas.apparent[target] += alpha * (person.apparent[own] - canvas.apparent[target])
        if canvas.light is not None:
            canvas.light[target] += alpha[..., None] * (person.light[own] - canvas.light[target])
        canvas.owner[target][alpha > 0.5] = number
    return corner.astype(np.float32)


def _lay_trunk(person: Person, corner: np.ndarray, canvas: Canvas, number: int) -> None:
    """Chest and arms below the person's own canvas, an ellipse above a rectangle."""
    side = len(person.alpha)
    x, y = corner + np.array([0.5, 0.98]) * side
    mask = np.zeros(canvas.apparent.shape, np.float32)
    half = 0.5 * side
    cv2.ellipse(mask, ((float(x), float(y)), (2 * half, 0.5 * side), 0.0), 1.0, -1)
    bottom = mask.shape[0]
    if y < bottom:
        first, last = max(int(x - half), 0), int(x + half) + 1
        mask[max(int(y), 0) :, first : max(last, 0)] = 1
    mask = cv2.GaussianBlur(mask, (0, 0), 0.8)
    canvas.apparent += mask * (np.float32(person.trunk_celsius) - canvas.apparent)
    if canvas.light is not None:
        canvas.light += mask[..., None] * (person.trunk_light - canvas.light)
    canvas.owner[mask > 0.5] = number


def points_in_view(points: np.ndarray, own: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """Which landmarks (F, P, 2) are on the canvas and not hidden by another person or a thing.

    Args:
        points: (F, P, 2) pixels of the canvas.
        own: (F,) the number of each person.
        owner: (H, W), see `Canvas`.

    Returns:
        (F, P) bool.
    """
    height, width = owner.shape
    x, y = np.rint(points[..., 0]).astype(int), np.rint(points[..., 1]).astype(int)
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    # A point on a silhouette may round to a pixel of the background.
    top = owner[np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)]
    return inside & ((top == own[:, None]) | (top == 0) & ~_covered(points, owner, own))


def _covered(points: np.ndarray, owner: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Whether none of the pixels around each point belongs to its own person."""
    height, width = owner.shape
    corner = np.floor(points).astype(int)
    seen = np.zeros(points.shape[:2], bool)
    for dx in (-1, 0, 1, 2):
        for dy in (-1, 0, 1, 2):
            x = np.clip(corner[..., 0] + dx, 0, width - 1)
            y = np.clip(corner[..., 1] + dy, 0, height - 1)
            seen |= owner[y, x] == own[:, None]
    return ~seen
