"""Augmentation of whole batches on the device: shared geometry, separate photometry per modality.

Both images of a pair and its landmarks get the same rotation, scale, shift and mirroring. Effects of
a camera (gain, noise, blur: `photometry`; automatic gain control: `agc`) are drawn separately for each
modality.
"""

import math
from typing import NamedTuple

import torch
from pydantic import Field
from torch import Tensor

from mlcmkd.data.agc import random_gain_control
from mlcmkd.data.dataset import Pairs
from mlcmkd.data.draw import Draw
from mlcmkd.data.modality import MODALITIES, Modality
from mlcmkd.data.network_input import rgb_matrix, stored_images, warp_grid, warp_images
from mlcmkd.data.photometry import disturb_rgb_, disturb_thermal_
from mlcmkd.schemes import Scheme, get_scheme
from mlcmkd.utils.config import Config, late
from mlcmkd.utils.errors import InputError


class Batch(NamedTuple):
    """The input of an objective.

    Attributes:
        rgb: (B, 3, P, P) in [0, 1], or None.
        thermal: (B, 1, P, P) in [0, 1], or None.
        landmarks: (B, K, 2) centred coordinates; NaN for a point without a label.
        labelled: (B,) bool; where False, `landmarks` is meaningless.
        index: (B,) index of each pair in its Pairs.
        paired: (B,) bool, false where the images of a row do not belong together; None where all do.
    """

    rgb: Tensor | None
    thermal: Tensor | None
    landmarks: Tensor
    labelled: Tensor
    index: Tensor
    paired: Tensor | None = None

    def landmarks_or(self, predictions: Tensor) -> Tensor:
        """The landmarks (B, K, 2), with these predictions for points without a label.

        A prediction of NaN becomes infinity: NaN would mean "no label" and be left out in silence. Rows
        whose images do not belong together get no predictions.
        """
        labelled = self.labelled[:, None, None] & ~self.landmarks.isnan()
        predictions = predictions.nan_to_num(math.inf, math.inf, -math.inf)
        if self.paired is not None:
            predictions = torch.where(self.paired[:, None, None], predictions, torch.nan)
        return torch.where(labelled, self.landmarks, predictions)

    def images(self, modality: Modality) -> Tensor:
        """The images of one modality.

        Raises:
            InputError: the batch was made without them.
        """
        images = self.rgb if modality == "rgb" else self.thermal
        if images is None:
            raise InputError(
                f"the batch has no {modality} images; add '{modality}' to the objective's `reads`, "
                "or load pairs that have them"
            )
        return images


class Augmentation(Config):
    """How strongly training images are moved and disturbed; 0 switches a part off."""

    rotation: float = Field(
        default=30, ge=0, le=180, description="Largest rotation, degrees, in either direction."
    )
    scale: float = Field(default=0.15, ge=0, lt=0.5, description="Largest relative change of size.")
    shift: float = Field(
        default=0.06, ge=0, lt=0.5, description="Largest shift, as a share of the input's side."
    )
    flip: float = Field(
        default=0.5, ge=0, le=1, description="Probability of a horizontal mirroring."
    )
    photometry: float = Field(
        default=1,
        ge=0,
        le=1,
        description="Strength of gain, contrast, gamma, blur and noise, in RGB and thermal.",
    )
    occlusion: float = Field(
        default=0.4,
        ge=0,
        le=1,
        description="Probability that a rectangle, the same in both images, is covered.",
    )
    clean_rgb: bool = Field(
        default=False,
        description="Apply neither photometry nor occlusion to the RGB image; in KTL it is the "
        "input of the teacher alone.",
    )
    agc: float = late(
        0,
        ge=0,
        le=1,
        description="Probability that a thermal image gets the automatic gain control of an 8-bit "
        "camera: a stretch with saturation or an equalisation of the histogram, gamma, 256 levels.",
    )


NO_AUGMENTATION = Augmentation(rotation=0, scale=0, shift=0, flip=0, photometry=0, occlusion=0)


def draw_geometry(config: Augmentation, count: int, draw: Draw) -> tuple[Tensor, Tensor]:
    """Draw affine maps from output to stored coordinates, and which of them mirror.

    Returns:
        matrix (B, 2, 3): `stored = matrix[:, :, :2] @ output + matrix[:, :, 2]`, both in centred
        coordinates of the network's input; mirrored (B,) bool.
    """
    angle = torch.deg2rad(draw.uniform(-config.rotation, config.rotation, count))
    size = 1 + draw.uniform(-config.scale, config.scale, count)
    shift = draw.uniform(-config.shift, config.shift, count, 2)
    mirrored = draw.chance(config.flip, count)
    sign = torch.where(mirrored, -1.0, 1.0)
    cos, sin = size * angle.cos(), size * angle.sin()
    linear = torch.stack((sign * cos, -sin, sign * sin, cos), dim=-1).view(-1, 2, 2)
    return torch.cat((linear, shift[..., None]), dim=-1), mirrored


def warp_landmarks(landmarks: Tensor, matrix: Tensor, mirrored: Tensor, scheme: Scheme) -> Tensor:
    """Map landmarks (B, K, 2) into the warped images; mirrored faces are reordered by `scheme.flip`.

    Landmarks without a label are NaN before and after.
    """
    missing = landmarks.isnan()
    places = torch.where(missing, 0.0, landmarks)  # a solver may spread NaN to other points
    moved = torch.linalg.solve(
        matrix[:, :, :2], (places - matrix[:, None, :, 2]).transpose(1, 2)
    ).transpose(1, 2)
    # A landmark that is not finite must not turn into one without a label.
    moved = torch.where(missing, torch.nan, moved.nan_to_num(math.inf, math.inf, -math.inf))
    flip = torch.tensor(scheme.flip, device=landmarks.device)
    return torch.where(mirrored[:, None, None], moved[:, flip], moved)


def occlusion_mask(config: Augmentation, count: int, size: int, draw: Draw) -> Tensor:
    """Draw which pixels an occluding rectangle covers, (B, 1, size, size) bool."""
    centre = draw.uniform(-0.5, 0.5, count, 2, 1, 1)
    half = draw.uniform(0.05, 0.22, count, 2, 1, 1)
    covered = draw.chance(config.occlusion, count, 1, 1, 1)
    axis = (torch.arange(size, device=centre.device) + 0.5) / size - 0.5
    across = (axis.view(1, 1, -1) - centre[:, 0]).abs() < half[:, 0]
    down = (axis.view(1, -1, 1) - centre[:, 1]).abs() < half[:, 1]
    return (across & down)[:, None] & covered


def make_batch(
    pairs: Pairs, index: Tensor, config: Augmentation, generator: torch.Generator
) -> Batch:
    """Make an augmented batch at the size of the network's input.

    Args:
        pairs: source of the batch, on any device.
        index: (B,) indices of the pairs.
        config: strength of the augmentation; `NO_AUGMENTATION` only crops to the input.
        generator: generator on the CPU; its state alone determines the random numbers.
    """
    device = pairs.landmarks.device
    draw = Draw(generator, device)
    index = index.to(device)
    matrix, mirrored = draw_geometry(config, len(index), draw)
    disturb = {"rgb": disturb_rgb_, "thermal": disturb_thermal_}
    images: dict[str, Tensor | None] = {"rgb": None, "thermal": None}
    mask = occlusion_mask(config, len(index), pairs.input_px, draw)
    grid = warp_grid(matrix, pairs.input_px)
    grids = {"rgb": grid, "thermal": grid}
    if pairs.rgb is not None and pairs.rgb_maps is not None:
        grids["rgb"] = warp_grid(rgb_matrix(pairs, index, matrix), pairs.input_px)
    for name in MODALITIES:
        if (pairs.rgb if name == "rgb" else pairs.thermal) is None:
            continue
        image = warp_images(stored_images(pairs, index, name), grids[name])
        if config.agc and name == "thermal":
            # Before the photometry: the stored images already have their camera's noise, while that of
            # the photometry is several times as strong, and gain control would amplify it.
            image = random_gain_control(image, config.agc, draw)
        clean = config.clean_rgb and name == "rgb"
        if config.photometry and not clean:
            image = disturb[name](image, config.photometry, draw)
        if config.occlusion and not clean:
            cover = draw.uniform(0, 1, len(index), image.shape[1], 1, 1)
            torch.where(mask, cover, image, out=image)
        images[name] = image
    return Batch(
        images["rgb"],
        images["thermal"],
        warp_landmarks(pairs.landmarks[index], matrix, mirrored, get_scheme(pairs.scheme)),
        pairs.labelled[index],
        index,
        None if pairs.paired is None else pairs.paired[index],
    )
