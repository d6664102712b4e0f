"""Images of pairs as a network takes them, cut from the stored squares: (B, C, P, P), 0 to 1."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from mlcmkd.data.dataset import MARGIN, Pairs
from mlcmkd.data.modality import Modality
from mlcmkd.data.storage import allocate, movable

_BRIGHTEST = {"rgb": 255, "thermal": 65535}
_ROWS = 256  # rows that `network_inputs` makes at a time


def stored_images(pairs: Pairs, index: Tensor, modality: Modality) -> Tensor:
    """Rows of the stored squares, (B, C, S, S) float32 in [0, 1], on the device of `index`.

    Args:
        pairs: pairs with images of that modality, on any device.
        index: (B,) indices of the pairs.
        modality: "rgb" or "thermal".
    """
    stored = pairs.rgb if modality == "rgb" else pairs.thermal
    return _rows(stored, index).float().div_(_BRIGHTEST[modality])


def _rows(stored: Tensor, index: Tensor) -> Tensor:
    """Rows of a stored tensor on the device of `index`; to a GPU through pinned memory."""
    if stored.device == index.device:
        return stored[index]
    rows = movable(stored[index.to(stored.device)], index.device)
    if index.device.type != "cuda":
        return rows.to(index.device)
    return rows.pin_memory().to(index.device, non_blocking=True)


def rgb_matrix(pairs: Pairs, index: Tensor, matrix: Tensor) -> Tensor:
    """Maps from output to stored coordinates of RGB images: through the registration, if there is one.

    Args:
        pairs: source of the registration.
        index: (B,) indices of the pairs.
        matrix: (B, 2, 3) maps of the thermal images, or (1, 2, 3) for all of them.
    """
    if pairs.rgb_maps is None:
        return matrix
    maps = pairs.rgb_maps[index]
    through = maps[:, :, :2] @ matrix
    return torch.cat((through[:, :, :2], through[:, :, 2:] + maps[:, :, 2:]), dim=-1)


def warp_grid(matrix: Tensor, input_px: int) -> Tensor:
    """The grid at which `warp_images` reads stored images.

    The network's input is `1 / MARGIN` as wide as the stored images, hence the scale of the grid.

    Args:
        matrix: (B, 2, 3), from output to stored coordinates; see `transforms.draw_geometry`.
        input_px: side P of the network's input, pixels.

    Returns:
        (B, P, P, 2), [-1, 1] across the stored image.
    """
    # affine_grid uses [-1, 1] across the image: centred coordinates times two.
    theta = matrix.clone()
    theta[:, :, 2] *= 2
    return F.affine_grid(theta / MARGIN, (len(theta), 1, input_px, input_px), align_corners=False)


def warp_images(images: Tensor, grid: Tensor) -> Tensor:
    """Warp stored images (B, C, S, S) to (B, C, P, P), bilinear, the border repeated outside.

    Args:
        images: the stored images.
        grid: (B, P, P, 2) from `warp_grid`, or (1, P, P, 2) for all images.
    """
    grid = grid.expand(len(images), -1, -1, -1)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def network_input(pairs: Pairs, index: Tensor, modality: Modality) -> Tensor:
    """Images of one modality without augmentation, (B, C, P, P) float32 in [0, 1].

    They are those of `transforms.make_batch` with `NO_AUGMENTATION`, without the other modality.

    Args:
        pairs: pairs with images of that modality.
        index: (B,) indices of the pairs.
        modality: "rgb" or "thermal".
    """
    matrix = torch.eye(2, 3, device=index.device)[None]
    if modality == "rgb":
        matrix = rgb_matrix(pairs, index, matrix)
    return warp_images(stored_images(pairs, index, modality), warp_grid(matrix, pairs.input_px))


def network_inputs(pairs: Pairs, modality: Modality) -> Tensor:
    """The `network_input` of all pairs, for networks that predict the same pairs several times.

    If they would take much memory, they are in a file; see `storage.allocate`.

    Args:
        pairs: N pairs on the CPU, with images of that modality.
        modality: "rgb" or "thermal".

    Returns:
        (N, C, P, P) float32.
    """
    channels = 3 if modality == "rgb" else 1
    inputs = torch.from_numpy(
        allocate((len(pairs), channels, pairs.input_px, pairs.input_px), np.float32)
    )
    for index in torch.arange(len(pairs)).split(_ROWS):
        inputs[index[0] : index[-1] + 1] = network_input(pairs, index, modality)
    return inputs
