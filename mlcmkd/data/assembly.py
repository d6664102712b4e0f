"""Steps from cropped faces to `Pairs`, which manifests and synthetic faces share."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from mlcmkd.data.crops import Crop
from mlcmkd.data.dataset import Pairs
from mlcmkd.data.storage import allocate
from mlcmkd.schemes import get_scheme


def as_counts(unit: np.ndarray) -> np.ndarray:
    """Convert a model input in [0, 1] to stored thermal values, uint16, same shape."""
    return np.rint(unit * 65535).astype(np.uint16)


def allocate_images(
    count: int, size: int, rgb: bool, thermal: bool
) -> tuple[np.ndarray | None, ...]:
    """Allocate arrays for `count` squares: RGB (N, 3, S, S) uint8, thermal (N, 1, S, S) uint16."""
    return (
        allocate((count, 3, size, size), np.uint8) if rgb else None,
        allocate((count, 1, size, size), np.uint16) if thermal else None,
    )


def assemble(
    rgb: np.ndarray | None,
    thermal: np.ndarray | None,
    landmarks: Sequence[np.ndarray | None],
    crops: Sequence[Crop],
    rest: dict[str, Any],
    scheme: str,
    input_px: int,
) -> Pairs:
    """Make pairs of cropped images and landmarks in pixels.

    Args:
        rgb, thermal: from `allocate_images`, filled; None without images of that modality.
        landmarks: N arrays (K, 2), pixels of the original images; None for a pair without labels.
        crops: the N squares that were cropped.
        rest: further attributes of `Pairs`, by name.
        scheme: landmark scheme.
        input_px: side of the network's input, pixels.
    """
    points = get_scheme(scheme).points
    labelled = [mark is not None for mark in landmarks]
    units = [
        np.zeros((points, 2)) if mark is None else crop.to_unit(mark)
        for mark, crop in zip(landmarks, crops, strict=True)
    ]
    return Pairs(
        rgb=None if rgb is None else torch.from_numpy(rgb),
        thermal=None if thermal is None else torch.from_numpy(thermal),
        landmarks=torch.from_numpy(np.stack(units).astype(np.float32)),
        labelled=torch.tensor(labelled),
        crops=tuple(crops),
        scheme=scheme,
        input_px=input_px,
        **rest,
    )
