"""A face cut into its regions, drawn from its landmarks: what feature ablation takes away."""

import cv2
import numpy as np
import torch
from torch import Tensor

from mlcmkd.attribution.scalars import either_side
from mlcmkd.schemes import get_scheme

REST = "rest"
LINES = ("jaw", "forehead")  # contours: a filled jaw would be the whole face
REACH = 0.04  # how far a region reaches beyond its points, share of the input's side: our choice


def region_labels(coordinates: Tensor, scheme: str, side: int) -> tuple[Tensor, tuple[str, ...]]:
    """Which region every pixel belongs to.

    Eyes, brows, nose and mouth are the convex hulls of their points, each side's for itself, jaw and
    forehead the lines through theirs, all widened by `REACH`. Where two meet, the later of the
    scheme has the pixel, and a line gives way.

    Args:
        coordinates: (B, K, 2) centred coordinates.
        scheme: of the K points.
        side: P, pixels.

    Returns:
        (B, P, P) int64 on the coordinates' device, and the regions' names by those numbers; 0 is
        "rest": cheeks, hair and what is behind.
    """
    regions = get_scheme(scheme).regions
    names = (REST, *dict.fromkeys(either_side(name) for name in regions))
    labels = np.zeros((len(coordinates), side, side), dtype=np.uint8)
    # The centre of pixel 0 lies at (0 + 0.5) / side - 0.5. OpenCV draws at 1/16 px.
    pixels = (coordinates.detach().cpu().numpy() + 0.5) * side - 0.5
    places = np.rint(pixels.clip(-side, 2 * side) * 16).astype(np.int32)
    radius = REACH * side
    order = sorted(regions, key=lambda name: either_side(name) not in LINES)
    for canvas, face in zip(labels, places, strict=True):
        for name in order:
            points = face[list(regions[name])]
            number = names.index(either_side(name))
            if either_side(name) not in LINES and len(points) > 2:
                cv2.fillConvexPoly(canvas, cv2.convexHull(points), number, shift=4)
            for start, end in zip(points, [*points[1:], points[-1]], strict=True):
                cv2.line(
                    canvas, start.tolist(), end.tolist(), number, max(1, round(2 * radius)), shift=4
                )
    return torch.from_numpy(labels).long().to(coordinates.device), names
