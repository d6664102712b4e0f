"""The interface of training data: pairs of faces, or frames for the face detector."""

from collections.abc import Callable, Collection, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from mlcmkd.data.modality import Modality
from mlcmkd.data.transforms import Augmentation


class TrainingData(Protocol):
    """Rows of images with labels.

    Attributes:
        rgb, thermal: images of N rows, (N, 3 or 1, H, W), or None.
        landmarks, labelled: labels of N rows; shapes as in `Pairs` or `Frames`.
        ids: N names, for error messages.
    """

    rgb: Tensor | None
    thermal: Tensor | None
    landmarks: Tensor
    labelled: Tensor
    ids: Sequence[str]

    def __len__(self) -> int: ...

    def only(self, modalities: Collection[Modality]) -> "TrainingData":
        """The same rows with the images of these modalities alone."""

    def to(self, device: torch.device | str) -> "TrainingData":
        """The same rows on another device."""


# From rows (TrainingData), their numbers (B,), the augmentation and a generator to a batch.
MakeBatch = Callable[[Any, Tensor, Augmentation, torch.Generator], Any]
