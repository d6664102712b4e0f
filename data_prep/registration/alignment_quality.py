"""How well a warped image lies on the thermal one, told by nothing but the two."""

import cv2
import numpy as np

from data_prep.registration.edges import edges


def tile_residual(still: np.ndarray, warped: np.ndarray, inside: np.ndarray) -> float | None:
    """How far the tiles of a warped image would still have to move, in pixels.

    4 x 4 tiles, each a third of the shorter side wide, are looked for within a sixteenth of it
    around their places, by the agreement of edges. The median of the distances is taken, tiles
    weighted by how strong their edges are and how well they are found.

    Args:
        still, warped: (H, W) float32 grey.
        inside: (H, W) bool, where `warped` holds something.

    Returns:
        None where no tile lies inside with its surroundings.
    """
    height, width = still.shape
    side, reach = min(width, height) // 3, max(min(width, height) // 16, 2)
    wanted, seen = edges(still), edges(warped)
    off, weights = [], []
    for top in np.linspace(reach, height - side - reach, 4).astype(int):
        for left in np.linspace(reach, width - side - reach, 4).astype(int):
            around = np.s_[top - reach : top + side + reach, left - reach : left + side + reach]
            tile = wanted[top : top + side, left : left + side]
            if inside[around].mean() < 0.95:
                continue
            scores = cv2.matchTemplate(seen[around], tile, cv2.TM_CCORR_NORMED)
            score, x, y = _summit(scores)
            off.append(np.hypot(x - reach, y - reach))
            weights.append(max(score, 0.0) ** 2 * float((tile * tile).sum()))
    if not off or not np.sum(weights) > 0:
        return None
    order = np.argsort(off)
    share = np.cumsum(np.array(weights)[order]) / np.sum(weights)
    return float(off[order[np.searchsorted(share, 0.5)]])


def _summit(scores: np.ndarray) -> tuple[float, float, float]:
    """Height, x and y of the highest score, between pixels by a parabola each way."""
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


def distinctness(still: np.ndarray, warped: np.ndarray, inside: np.ndarray) -> float:
    """How far the agreement of edges here stands out from that at other shifts.

    Shifts up to a quarter of the shorter side are tried; those beyond a tenth of it are "other". In
    deviations of the agreement at other shifts, above their mean; 0 where there are no edges.
    """
    side = min(still.shape)
    margin, near = side // 4, side // 10
    wanted, seen = edges(still), edges(warped) * inside[..., None].astype(np.float32)
    frame = cv2.copyMakeBorder(seen, margin, margin, margin, margin, cv2.BORDER_CONSTANT, value=0)
    scores = cv2.matchTemplate(frame, wanted, cv2.TM_CCORR)
    rows, columns = np.indices(scores.shape) - margin
    others = scores[np.hypot(rows, columns) > near]
    spread = float(others.std())
    return float(scores[margin, margin] - others.mean()) / spread if spread > 0 else 0.0
