"""The objective of the face detector: where the centres are, and the boxes there.

The target of the centres is a Gaussian about each face's centre; the loss is CenterNet's variant of
the focal loss (Zhou et al. 2019, equation 1, alpha 2 and beta 4). The boxes are learned in the cells
around the centre, by the distance of centre and logarithmic size.
"""

import torch
from torch import Tensor

from mlcmkd.data.face_grid import STRIDE, UNIT_SIDE
from mlcmkd.data.frames import FACE, UNSURE, FrameBatch
from mlcmkd.data.modality import Modality
from mlcmkd.distillation.objective import Objective, Terms
from mlcmkd.models.face_detector import FaceDetector, FaceMaps

_SPREAD = 0.12  # standard deviation of the target's Gaussian, a share of the box's side
_NARROWEST = 0.6  # smallest standard deviation, cells
_LEARNED = 0.3  # boxes are learned in cells where the Gaussian is higher
_BOX_WEIGHT = 1.0


class DetectionObjective(Objective):
    """Loss terms of a FaceDetector: "centres" and "boxes".

    Args:
        detector: the network that is trained.
    """

    def __init__(self, detector: FaceDetector):
        super().__init__(detector)

    @property
    def reads(self) -> frozenset[Modality]:
        return frozenset({self.student.spec.modality})

    def forward(self, batch: FrameBatch, decay: float | Tensor = 1.0) -> Terms:
        maps = self.student(batch.images)
        heat, ignored, assigned = face_targets(batch, maps.centres.shape[-2:])
        return {
            "centres": focal_loss(maps.centres, heat, ignored),
            "boxes": _BOX_WEIGHT * box_loss(maps, batch.boxes, heat, assigned),
        }


def face_targets(batch: FrameBatch, cells: tuple[int, int]) -> tuple[Tensor, Tensor, Tensor]:
    """Targets of a detector's maps.

    Args:
        batch: B frames with up to F boxes each, in pixels.
        cells: (h, w) of the maps.

    Returns:
        heat (B, h, w), 0 to 1, and 1 in the cell of a centre; ignored (B, h, w) bool, True within faces
        that are `UNSURE`; assigned (B, h, w), index of the face whose Gaussian is the highest there.
    """
    centre = (batch.boxes[..., :2] + batch.boxes[..., 2:]) / 2
    side = (batch.boxes[..., 2:] - batch.boxes[..., :2]).clamp(min=1e-3)
    # Pixel u lies in cell (u + 0.5) / STRIDE - 0.5.
    column = ((centre[..., 0] + 0.5) / STRIDE - 0.5).round()[..., None, None]
    row = ((centre[..., 1] + 0.5) / STRIDE - 0.5).round()[..., None, None]
    x = torch.arange(cells[1], device=centre.device).view(1, 1, 1, -1)
    y = torch.arange(cells[0], device=centre.device).view(1, 1, -1, 1)
    spread = (_SPREAD * side / STRIDE).clamp(min=_NARROWEST)[..., None, None]
    distance = ((x - column) / spread[..., 0, :, :]) ** 2 + ((y - row) / spread[..., 1, :, :]) ** 2
    gaussian = torch.exp(-distance / 2) * (batch.labelled == FACE)[..., None, None]
    heat, assigned = gaussian.max(dim=1)
    half = side[..., None, None] / STRIDE / 2
    within = ((x - column).abs() <= half[..., 0, :, :]) & ((y - row).abs() <= half[..., 1, :, :])
    ignored = (within & (batch.labelled == UNSURE)[..., None, None]).any(dim=1)
    return heat, ignored & (heat < 0.5), assigned


def focal_loss(logits: Tensor, heat: Tensor, ignored: Tensor) -> Tensor:
    """CenterNet's focal loss, divided by the number of faces.

    Args:
        logits: (B, h, w).
        heat: (B, h, w) targets, 0 to 1, and 1 at centres.
        ignored: (B, h, w) bool, cells that do not count.
    """
    probability = logits.sigmoid()
    is_centre = heat >= 1 - 1e-6
    found = -((1 - probability) ** 2) * torch.nn.functional.logsigmoid(logits)
    elsewhere = -((1 - heat) ** 4) * probability**2 * torch.nn.functional.logsigmoid(-logits)
    loss = torch.where(is_centre, found, elsewhere).masked_fill(ignored, 0)
    return loss.sum() / is_centre.sum().clamp(min=1)


def box_loss(maps: FaceMaps, boxes: Tensor, heat: Tensor, assigned: Tensor) -> Tensor:
    """Mean distance of the boxes in the cells around centres, weighted by the Gaussian.

    Args:
        maps: output of the detector.
        boxes: (B, F, 4) pixels.
        heat, assigned: from `face_targets`.
    """
    batch, row, column = torch.nonzero(heat > _LEARNED, as_tuple=True)
    weight = heat[batch, row, column]
    target = boxes[batch, assigned[batch, row, column]]
    side = (target[:, 2:] - target[:, :2]).clamp(min=1e-3)
    centre = ((target[:, :2] + target[:, 2:]) / 2 + 0.5) / STRIDE - 0.5
    predicted = maps.boxes[batch, :, row, column]
    # Errors of the centre are divided by the shorter side: relative, as those of the logarithmic size.
    offset = centre - torch.stack((column, row), dim=-1)
    of_centre = (predicted[:, :2] - offset).abs() * STRIDE / side.amin(dim=1, keepdim=True)
    of_size = (predicted[:, 2:] - (side / UNIT_SIDE).log()).abs()
    loss = (of_centre + of_size).sum(dim=1)
    return (loss * weight).sum() / weight.sum().clamp(min=1)
