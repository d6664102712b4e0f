"""A teacher that stays frozen."""

from typing import Self

import torch
from torch import Tensor, nn

from mlcmkd.data.transforms import Batch
from mlcmkd.models import Landmarker, Prediction
from mlcmkd.utils.errors import InputError


def require_same_scheme(teacher: str, student: Landmarker, name: str = "teacher") -> None:
    """Checks that a teacher predicts the student's landmarks.

    Args:
        teacher: the teacher's landmark scheme.
        student: the network that learns from it.
        name: name of the teacher, for the error message.

    Raises:
        InputError: the schemes differ.
    """
    if teacher != student.spec.scheme:
        raise InputError(
            f"{name} ({teacher}) and student ({student.spec.scheme}) must share a landmark scheme"
        )


class FrozenTeacher(nn.Module):
    """A Landmarker whose parameters and buffers training cannot change.

    `features` runs without autograd, because no layer before the teacher's features needs a gradient.
    `head` runs with autograd, because reverse injection passes the student's features through it and
    needs their gradient. The head's own parameters get no gradient (`requires_grad_(False)`).

    Args:
        landmarker: the trained network; frozen in place, not copied.
    """

    def __init__(self, landmarker: Landmarker):
        super().__init__()
        self.landmarker = landmarker.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> Self:
        """Keeps the network in evaluation mode; otherwise BatchNorm would update its statistics."""
        self.training = mode
        self.landmarker.eval()
        return self

    @torch.no_grad()
    def features(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) to features (B, width, h, w), without autograd."""
        return self.landmarker.features(images)

    @torch.no_grad()
    def predict(self, batch: Batch) -> Tensor:
        """Predicted landmarks (B, K, 2), centred coordinates, from images of its own modality."""
        images = batch.images(self.landmarker.spec.modality)
        return self.head(self.features(images)).coordinates

    def head(self, features: Tensor) -> Prediction:
        """Features (B, width, h, w) to a prediction, differentiable in the features."""
        return self.landmarker.head(features)
