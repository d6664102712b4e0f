"""A teacher that stays frozen."""

from typing import Self

import torch
from torch import Tensor, nn

from mlcmkd.data.transforms import Batch
from mlcmkd.models import Landmarker, Prediction
from mlcmkd.utils.errors import InputError


def need_one_scheme(teacher: str, student: Landmarker, name: str = "teacher") -> None:
    """Refuses a teacher whose answers are other landmarks than the student's.

    Args:
        teacher: its scheme.
        student: who learns from it.
        name: what to call it.
    """
    if teacher != student.spec.scheme:
        raise InputError(
            f"{name} ({teacher}) and student ({student.spec.scheme}) must share a landmark scheme"
        )


class FrozenTeacher(nn.Module):
    """A Landmarker whose parameters and buffers no training can change.

    `features` runs without autograd: nothing below the teacher's features ever needs a gradient.
    `head` keeps autograd, because reverse injection sends the student's features through it and
    must bring their gradient back; its own parameters take none (`requires_grad_(False)`).
    """

    def __init__(self, landmarker: Landmarker):
        super().__init__()
        self.landmarker = landmarker.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> Self:
        """Stays in evaluation mode: BatchNorm statistics would move otherwise."""
        self.training = mode
        self.landmarker.eval()
        return self

    @torch.no_grad()
    def features(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) to features (B, width, h, w), without autograd."""
        return self.landmarker.features(images)

    @torch.no_grad()
    def answer(self, batch: Batch) -> Tensor:
        """Where it sees the landmarks of a batch, in the images of its own side, (B, K, 2) centred."""
        images = getattr(batch, self.landmarker.spec.modality)
        return self.head(self.features(images)).coordinates

    def head(self, features: Tensor) -> Prediction:
        """Features (B, width, h, w) to a prediction, differentiable in the features."""
        return self.landmarker.head(features)
