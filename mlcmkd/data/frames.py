"""Frames with faces on the training device, and augmented batches of them."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from mlcmkd.data.agc import random_gain_control
from mlcmkd.data.draw import Draw
from mlcmkd.data.face_grid import MULTIPLE
from mlcmkd.data.modality import Modality
from mlcmkd.data.photometry import disturb_rgb_, disturb_thermal_
from mlcmkd.data.thermal.radiometry import FACE_CELSIUS, Radiometry
from mlcmkd.data.transforms import Augmentation, draw_geometry
from mlcmkd.synthetic.frames.frames import SyntheticFrames

FACE, UNSURE = 1, 2  # kinds of a row of `Frames.labelled`; 0 is no face


@dataclass(frozen=True)
class Frames:
    """Frames of one size, with the landmarks of their faces.

    Attributes:
        rgb: (N, 3, H, W) uint8, or None.
        thermal: (N, 1, H, W) float32 in degrees C, or None.
        landmarks: (N, F, K, 2) float32, pixels; F is the largest number of faces in a frame.
        labelled: (N, F) int64: `FACE`; `UNSURE` for a face that is mostly hidden, so that finding it
            is neither right nor wrong; 0 where the frame has fewer faces.
        ids: N names.
        radiometry: the range of temperatures that becomes [0, 1].
    """

    rgb: Tensor | None
    thermal: Tensor | None
    landmarks: Tensor
    labelled: Tensor
    ids: tuple[str, ...]
    radiometry: Radiometry

    def __len__(self) -> int:
        return len(self.labelled)

    def only(self, modalities: Collection[Modality]) -> "Frames":
        """The same frames with the images of these modalities alone."""
        return replace(
            self,
            rgb=self.rgb if "rgb" in modalities else None,
            thermal=self.thermal if "thermal" in modalities else None,
        )

    def to(self, device: torch.device | str) -> "Frames":
        """The same frames with their tensors on another device."""
        return replace(
            self,
            rgb=None if self.rgb is None else self.rgb.to(device),
            thermal=None if self.thermal is None else self.thermal.to(device),
            landmarks=self.landmarks.to(device),
            labelled=self.labelled.to(device),
        )

    @classmethod
    def of(
        cls,
        frames: SyntheticFrames,
        modality: Modality,
        radiometry: Radiometry = FACE_CELSIUS,
        first: int = 0,
    ) -> "Frames":
        """Synthetic frames of one modality as tensors.

        Args:
            frames: the frames.
            modality: which images.
            radiometry: range of temperatures, degrees C.
            first: number of the first frame, for the names.
        """
        most = max(1, *(len(boxes) for boxes in frames.boxes))
        landmarks = np.zeros((len(frames), most, 68, 2), np.float32)
        labelled = np.zeros((len(frames), most), np.int64)
        counted = frames.counted(rgb=modality == "rgb")
        for n, (points, counts) in enumerate(zip(frames.landmarks, counted, strict=True)):
            landmarks[n, : len(points)] = points
            labelled[n, : len(points)] = np.where(counts, FACE, UNSURE)
        rgb = modality == "rgb"
        return cls(
            rgb=torch.from_numpy(frames.rgb).permute(0, 3, 1, 2).contiguous() if rgb else None,
            thermal=None if rgb else torch.from_numpy(frames.thermal)[:, None],
            landmarks=torch.from_numpy(landmarks),
            labelled=torch.from_numpy(labelled),
            ids=tuple(f"frame {first + n}" for n in range(len(frames))),
            radiometry=radiometry,
        )


class FrameBatch(NamedTuple):
    """The input of the detector's objective.

    Attributes:
        images: (B, 1 or 3, H, W) in [0, 1], sides multiples of `MULTIPLE`.
        boxes: (B, F, 4) x0, y0, x1, y1 in pixels of the images.
        labelled: (B, F) as in `Frames`.
    """

    images: Tensor
    boxes: Tensor
    labelled: Tensor


def make_frame_batch(
    frames: Frames, index: Tensor, config: Augmentation, generator: torch.Generator
) -> FrameBatch:
    """Makes an augmented batch of the one modality that `frames` has.

    Args:
        frames: source of the batch, on any device.
        index: (B,) row numbers.
        config: strength of the augmentation; its occlusion is not used.
        generator: generator on the CPU; its state alone determines the random numbers.
    """
    device = frames.labelled.device
    draw = Draw(generator, device)
    index = index.to(device)
    matrix, _ = draw_geometry(config, len(index), draw)
    thermal = frames.rgb is None
    stored = frames.thermal[index] if thermal else frames.rgb[index].float() / 255
    images = warp_frames(stored, matrix)
    if thermal:
        images = _levels(images, frames.radiometry, config.agc, draw)
    disturb = disturb_thermal_ if thermal else disturb_rgb_
    if config.photometry:
        images = disturb(images, config.photometry, draw)
    points = warp_points(frames.landmarks[index], matrix, stored.shape[-2:])
    boxes = torch.cat((points.amin(dim=2), points.amax(dim=2)), dim=-1)
    return FrameBatch(
        pad_frames(images), boxes, _in_frame(boxes, frames.labelled[index], stored.shape)
    )


def _levels(images: Tensor, radiometry: Radiometry, agc: float, draw: Draw) -> Tensor:
    """Degrees C (B, 1, H, W) to levels in [0, 1]: over the range, or by gain control of each frame."""
    absolute = ((images - radiometry.low) / (radiometry.high - radiometry.low)).clamp(0, 1)
    if not agc:
        return absolute
    # A camera's gain control knows the whole span of the frame, which the range would cut off.
    low, high = images.amin((1, 2, 3), keepdim=True), images.amax((1, 2, 3), keepdim=True)
    stretched = random_gain_control((images - low) / (high - low).clamp(min=1e-3), 1.0, draw)
    return torch.where(draw.chance(agc, len(images), 1, 1, 1), stretched, absolute)


def warp_frames(images: Tensor, matrix: Tensor) -> Tensor:
    """Warps frames (B, C, H, W) about their centre; the border is repeated beyond it.

    Args:
        images: the frames.
        matrix: (B, 2, 3) from `draw_geometry`: output to stored coordinates, in shares of the frame's
            longer side from its centre.
    """
    height, width = images.shape[-2:]
    longer = max(height, width)
    # affine_grid counts each axis from -1 to 1.
    share = torch.tensor([width / longer, height / longer], device=images.device)
    theta = matrix.clone()
    theta[:, :, :2] = matrix[:, :, :2] * share[None, None, :] / share[None, :, None]
    theta[:, :, 2] = 2 * matrix[:, :, 2] / share
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def warp_points(points: Tensor, matrix: Tensor, shape: tuple[int, int]) -> Tensor:
    """Pixels (B, F, K, 2) of stored frames to pixels of the warped ones, see `warp_frames`."""
    height, width = shape
    longer = max(height, width)
    middle = torch.tensor([width / 2, height / 2], device=points.device)
    centred = (points + 0.5 - middle) / longer - matrix[:, None, None, :, 2]
    inverse = torch.linalg.inv(matrix[:, :, :2])
    moved = torch.einsum("bij,bfkj->bfki", inverse, centred)
    return moved * longer + middle - 0.5


def pad_frames(images: Tensor) -> Tensor:
    """Frames (B, C, H, W) with the last row and column repeated up to the next multiples."""
    height, width = images.shape[-2:]
    right, below = -width % MULTIPLE, -height % MULTIPLE
    return F.pad(images, (0, right, 0, below), mode="replicate") if right or below else images


def _in_frame(boxes: Tensor, labelled: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The labels, with faces unsure of which less than half of the box is left in the frame."""
    height, width = shape[-2:]
    limit = torch.tensor([width - 1.0, height - 1.0], device=boxes.device)
    inside = torch.minimum(boxes[..., 2:], limit) - boxes[..., :2].clamp(min=0)
    share = inside.clamp(min=0).prod(-1) / (boxes[..., 2:] - boxes[..., :2]).prod(-1).clamp(
        min=1e-6
    )
    return torch.where((labelled == FACE) & (share < 0.5), UNSURE, labelled)
