"""Regions of a face from its landmarks, for feature ablation."""

import cv2
import numpy as np
import torch
from torch import Tensor

from mlcmkd.attribution.scalars import without_side
from mlcmkd.schemes import get_scheme

REST = "rest"
LINES = ("jaw", "forehead")  # open contours; their convex hull would cover the whole face
MARGIN = 0.05  # of a region around its points, as a share of the input size (our choice)


def region_labels(coordinates: Tensor, scheme: str, side: int) -> tuple[Tensor, tuple[str, ...]]:
    """The region of every pixel.

    Eyes, brows, nose and mouth are convex hulls of their points (left and right separately), jaw and
    forehead are lines. A pixel belongs to the nearest region within `MARGIN`.

    Args:
        coordinates: (B, K, 2) centred coordinates.
        scheme: of the K points.
        side: P, image size in pixels.

    Returns:
        Region numbers (B, P, P), int64 on the device of the coordinates, and the names of the
        regions; 0 is "rest": cheeks, hair and background.
    """
    regions = get_scheme(scheme).regions
    names = tuple(dict.fromkeys(without_side(name) for name in regions))
    labels = np.zeros((len(coordinates), side, side), dtype=np.int64)
    # The centre of pixel 0 lies at (0 + 0.5) / side - 0.5.
    places = (coordinates.detach().cpu().numpy() + 0.5) * side - 0.5
    places = np.rint(places).clip(-side, 2 * side).astype(np.int32)
    for canvas, face in zip(labels, places, strict=True):
        distance = np.full((len(names), side, side), np.inf)
        for region, points in regions.items():
            number = names.index(without_side(region))
            mask = _mask(face[list(points)], side, line=names[number] in LINES)
            distance[number] = np.minimum(distance[number], _distance(mask))
        near = distance.min(axis=0) <= MARGIN * side
        canvas[near] = 1 + distance.argmin(axis=0)[near]
    return torch.from_numpy(labels).to(coordinates.device), (REST, *names)


def _mask(points: np.ndarray, side: int, *, line: bool) -> np.ndarray:
    """The convex hull of points (N, 2), or the line through them: (side, side) uint8, 1 inside."""
    canvas = np.zeros((side, side), dtype=np.uint8)
    if line or len(points) < 3:
        cv2.polylines(canvas, [points], False, 1)
    else:
        cv2.fillConvexPoly(canvas, cv2.convexHull(points), 1)
    return canvas


def _distance(mask: np.ndarray) -> np.ndarray:
    """Distance of every pixel to the mask, pixels; infinite if the mask is empty."""
    if not mask.any():
        return np.full(mask.shape, np.inf)
    return cv2.distanceTransform(1 - mask, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
