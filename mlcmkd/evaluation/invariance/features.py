"""Features of one modality, and the two forms in which they are compared."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from mlcmkd.data.dataset import Pairs
from mlcmkd.data.modality import Modality
from mlcmkd.data.network_input import network_input
from mlcmkd.evaluation.evaluate import check_input
from mlcmkd.models import Landmarker

GRID = 4  # cells along each axis of a descriptor, as in the coordinate head


@contextmanager
def evaluation_mode(model: Landmarker) -> Iterator[None]:
    """Sets evaluation mode inside the block; afterwards every module gets its previous mode again."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


@torch.no_grad()
def modality_features(
    model: Landmarker, pairs: Pairs, modality: Modality, *, batch: int = 64
) -> Tensor:
    """Computes the features of one modality for every pair, in evaluation mode.

    All of them are kept in memory: 200 faces of "base" at 64 px take 20 MB. The mode of the model
    is restored.

    Args:
        modality: "rgb" or "thermal", the images that the model gets.
        batch: pairs per forward pass.

    Returns:
        (N, C, h, w) float32 on the CPU.

    Raises:
        InputError: the pairs lack the modality, or were cropped for another input size.
    """
    check_input(model, pairs, modality, "measuring invariance")
    device = next(model.parameters()).device
    maps = []
    with evaluation_mode(model):
        for index in torch.arange(len(pairs)).split(batch):
            images = network_input(pairs, index, modality)
            maps.append(model.features(images.to(device)).float().cpu())
    return torch.cat(maps)


def place_rows(features: Tensor) -> np.ndarray:
    """Feature maps (N, C, h, w) as one row per location of each face, (N h w, C).

    The images of a pair are pixel-aligned, so equal rows of both modalities are the same location.
    """
    return features.permute(0, 2, 3, 1).flatten(0, 2).numpy()


def descriptors(features: Tensor) -> np.ndarray:
    """One vector per face: features (N, C, h, w) averaged over a 4 x 4 grid, (N, 16 C).

    A single mean over all locations would lose the positions of the parts of a face, which distinguish
    one face from another.
    """
    return F.adaptive_avg_pool2d(features, GRID).flatten(1).numpy()
