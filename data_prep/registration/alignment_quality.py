"""Measures of how well a warped RGB image is aligned with the thermal image, without landmarks."""

import cv2
import numpy as np

from data_prep.registration.edges import edges


def tile_residual(fixed: np.ndarray, warped: np.ndarray, inside: np.ndarray) -> float | None:
    """Return how far the tiles of a warped image would have to move to match, in pixels.

    4 x 4 tiles, each a third of the shorter side wide, are searched within a sixteenth of it around
    their positions, by the agreement of edges. The result is the median of the distances, weighted
    by the strength of a tile's edges and by its matching score.

    Args:
        fixed, warped: (H, W) float32 grey.
        inside: (H, W) bool, the valid pixels of `warped`.

    Returns:
        None if no tile is inside together with its search range.
    """
    height, width = fixed.shape
    side, reach = min(width, height) // 3, max(min(width, height) // 16, 2)
    target, source = edges(fixed), edges(warped)
    shifts, weights = [], []
    for top in np.linspace(reach, height - side - reach, 4).astype(int):
        for left in np.linspace(reach, width - side - reach, 4).astype(int):
            around = np.s_[top - reach : top + side + reach, left - reach : left + side + reach]
            tile = target[top : top + side, left : left + side]
            if inside[around].mean() < 0.95:
                continue
            scores = cv2.matchTemplate(source[around], tile, cv2.TM_CCORR_NORMED)
            score, x, y = _peak(scores)
            shifts.append(np.hypot(x - reach, y - reach))
            weights.append(max(score, 0.0) ** 2 * float((tile * tile).sum()))
    if not shifts or not np.sum(weights) > 0:
        return None
    order = np.argsort(shifts)
    share = np.cumsum(np.array(weights)[order]) / np.sum(weights)
    return float(shifts[order[np.searchsorted(share, 0.5)]])


def _peak(scores: np.ndarray) -> tuple[float, float, float]:
    """Return the highest score and its x and y, refined between pixels by parabolas."""
    _, score, _, (column, row) = cv2.minMaxLoc(scores)
    place = []
    for line, middle in ((scores[row], column), (scores[:, column], row)):
        step = 0.0
        if 0 < middle < len(line) - 1:
            left, top, right = line[middle - 1 : middle + 2]
            curve = left - 2 * top + right
            step = 0.5 * (left - right) / curve if curve < 0 else 0.0
        place.append(middle + step)
    return score, *place


def distinctness(fixed: np.ndarray, warped: np.ndarray, inside: np.ndarray) -> float:
    """Compare the agreement of edges at the registered position with that at other shifts.

    Shifts up to a quarter of the shorter side are tried; those beyond a tenth of it count as other
    positions.

    Returns:
        The agreement minus its mean over other positions, in their standard deviations; 0 for images
        without edges.
    """
    side = min(fixed.shape)
    margin, near = side // 4, side // 10
    target, source = edges(fixed), edges(warped) * inside[..., None].astype(np.float32)
    frame = cv2.copyMakeBorder(source, margin, margin, margin, margin, cv2.BORDER_CONSTANT, value=0)
    scores = cv2.matchTemplate(frame, target, cv2.TM_CCORR)
    rows, columns = np.indices(scores.shape) - margin
    others = scores[np.hypot(rows, columns) > near]
    spread = float(others.std())
    return float(scores[margin, margin] - others.mean()) / spread if spread > 0 else 0.0
