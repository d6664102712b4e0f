"""The jaw line as annotators draw it: the silhouette of the far cheek, the edge of the near jaw."""

from dataclasses import dataclass

import numpy as np

from mlcmkd.synthetic.head.places import JAW_STRIPS

# The direction in which the outermost sample of a strip is sought: sideways beside the ear, then
# turning evenly, down at the chin. (S, 2): outwards, down.
_SIDEWAYS = 4
_TURN = np.clip((np.arange(JAW_STRIPS) - _SIDEWAYS) / (JAW_STRIPS - 1 - _SIDEWAYS), 0, 1)
_DIRECTIONS = np.stack([np.cos(_TURN * np.pi / 2), np.sin(_TURN * np.pi / 2)], 1).astype(np.float32)


@dataclass(frozen=True)
class JawLine:
    """Half a jaw line, from the ear to the chin.

    Attributes:
        path: (S, 5) float32, image coordinates and position of each strip's outermost place.
        triangles: (S,) int32, the triangles of the nearest samples.
        length: (S,) float32, length of the line in the image up to each place.
    """

    path: np.ndarray
    triangles: np.ndarray
    length: np.ndarray

    def at(self, shares: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Points at parts of the length, 0 at the ear and 1 at the chin.

        Returns:
            (N, 2) image coordinates, (N, 3) positions, (N,) triangles.
        """
        wanted = shares * self.length[-1]
        values = np.stack([np.interp(wanted, self.length, column) for column in self.path.T], 1)
        nearest = np.abs(self.length[None] - wanted[:, None]).argmin(1)
        return values[:, :2], values[:, 2:], self.triangles[nearest]

    def share_at_height(self, point: np.ndarray, up: np.ndarray) -> float:
        """The part of the length where the line comes down to the height of a point in the image."""
        above = (self.path[:, :2] - point) @ up
        below = np.flatnonzero(above <= 0)
        if len(below) == 0 or below[0] == 0:
            return 0.0
        stop = below[0]
        part = above[stop - 1] / (above[stop - 1] - above[stop])
        along = self.length[stop - 1] + part * (self.length[stop] - self.length[stop - 1])
        return float(along / self.length[-1])


def jaw_lines(
    samples: np.ndarray, triangles: np.ndarray, up: np.ndarray
) -> tuple[JawLine, JawLine]:
    """The jaw line of the left and of the right of the image, from samples of both sides' strips.

    Args:
        samples: (2, S, C, 5) image coordinates (y down) and position of each sample.
        triangles: (2, S, C) their triangles.
        up: (2,) direction of the head's up in the image.
    """
    outwards = np.array([[up[1], -up[0]], [-up[1], up[0]]], np.float32)  # of the left, of the right
    directions = (
        _DIRECTIONS[None, :, :1] * outwards[:, None] - _DIRECTIONS[None, :, 1:] * up[None, None]
    )
    height = np.einsum("sjck,sjk->sjc", samples[..., :2], directions)
    best = height.argmax(2)
    path = _peaks(samples, height, best)
    path[:, -1] = path[:, -1].mean(0)
    path[:, 1:-1] = (path[:, :-2] + 2 * path[:, 1:-1] + path[:, 2:]) / 4
    steps = np.linalg.norm(np.diff(path[..., :2], axis=1), axis=2)
    length = np.concatenate([np.zeros((2, 1), np.float32), np.cumsum(steps, 1)], 1)
    shown = np.take_along_axis(triangles, best[..., None], 2)[..., 0]
    left, right = (JawLine(path[side], shown[side], length[side]) for side in (0, 1))
    return left, right


def _peaks(samples: np.ndarray, height: np.ndarray, best: np.ndarray) -> np.ndarray:
    """(2, S, 5) the outermost place of each strip, by a parabola through the best three samples."""
    middle = np.clip(best, 1, height.shape[2] - 2)
    sides, strips = np.ogrid[:2, : height.shape[1]]
    before, here, after = (height[sides, strips, middle + shift] for shift in (-1, 0, 1))
    bend = before - 2 * here + after
    shift = np.where(bend < -1e-9, (before - after) / (2 * np.minimum(bend, -1e-9)), best - middle)
    # Towards the neighbour at most: the outermost sample may be the end of a strip.
    shift = np.clip(shift, np.minimum(best - middle, -0.5), np.maximum(best - middle, 0.5))
    shift = np.where(best == middle, shift, best - middle)[..., None].astype(np.float32)
    before, here, after = (samples[sides, strips, middle + offset] for offset in (-1, 0, 1))
    return here + shift * (after - before) / 2 + shift**2 * (before - 2 * here + after) / 2
