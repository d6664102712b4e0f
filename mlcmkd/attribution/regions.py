"""A face cut into its regions, drawn from its landmarks: what feature ablation takes away."""

import cv2
import numpy as np
import torch
from torch import Tensor

from mlcmkd.attribution.scalars import either_side
from mlcmkd.schemes import get_scheme

REST = "rest"
LINES = ("jaw", "forehead")  # contours: a filled jaw would be the whole face
REACH = 0.05  # how far a region reaches beyond its points, share of the input's side: our choice


def region_labels(coordinates: Tensor, scheme: str, side: int) -> tuple[Tensor, tuple[str, ...]]:
    """Which region every pixel belongs to.

    Eyes, brows, nose and mouth are the convex hulls of their points, each side's for itself, jaw and
    forehead the lines through theirs. A pixel belongs to the nearest of them within `REACH`.

    Args:
        coordinates: (B, K, 2) centred coordinates.
        scheme: of the K points.
        side: P, pixels.

    Returns:
        (B, P, P) int64 on the coordinates' device, and the regions' names by those numbers; 0 is
        "rest": cheeks, hair and what is behind.
    """
    regions = get_scheme(scheme).regions
    names = tuple(dict.fromkeys(either_side(name) for name in regions))
    labels = np.zeros((len(coordinates), side, side), dtype=np.int64)
    # The centre of pixel 0 lies at (0 + 0.5) / side - 0.5.
    places = (coordinates.detach().cpu().numpy() + 0.5) * side - 0.5
    places = np.rint(places).clip(-side, 2 * side).astype(np.int32)
    for canvas, face in zip(labels, places, strict=True):
        distance = np.full((len(names), side, side), np.inf)
        for region, points in regions.items():
            number = names.index(either_side(region))
            shape = _drawn(face[list(points)], side, line=names[number] in LINES)
            distance[number] = np.minimum(distance[number], _distance(shape))
        near = distance.min(axis=0) <= REACH * side
        canvas[near] = 1 + distance.argmin(axis=0)[near]
    return torch.from_numpy(labels).to(coordinates.device), (REST, *names)


def _drawn(points: np.ndarray, side: int, *, line: bool) -> np.ndarray:
    """Points (N, 2) as a hull or a line, (side, side) uint8, 1 inside."""
    canvas = np.zeros((side, side), dtype=np.uint8)
    if line or len(points) < 3:
        cv2.polylines(canvas, [points], False, 1)
    else:
        cv2.fillConvexPoly(canvas, cv2.convexHull(points), 1)
    return canvas


def _distance(shape: np.ndarray) -> np.ndarray:
    """Pixels from each place to the shape; infinite where none of it is in the image."""
    if not shape.any():
        return np.full(shape.shape, np.inf)
    return cv2.distanceTransform(1 - shape, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
