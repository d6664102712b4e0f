"""The scalar that is explained.

Attribution methods need one number for each image, and a heatmap has no class score. Two scalars are
offered: the log-probability of the predicted cell of a landmark (why it is here and not elsewhere), or
one of its coordinates (what moves it left or right). For a group of landmarks it is their mean.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from mlcmkd.models import Landmarker, Prediction
from mlcmkd.schemes import get_scheme
from mlcmkd.utils.errors import InputError

Target = Literal["log-probability", "x", "y"]
ALL = "all"


def groups_of(scheme: str) -> dict[str, tuple[int, ...]]:
    """Names of the landmark groups of a scheme, and their indices.

    The groups are the regions of the scheme, left and right regions combined ("eye"), and "all".
    """
    regions = get_scheme(scheme).regions
    combined: dict[str, tuple[int, ...]] = {}
    for name, points in regions.items():
        combined[without_side(name)] = (*combined.get(without_side(name), ()), *points)
    return {**regions, **combined, ALL: tuple(range(get_scheme(scheme).points))}


def without_side(region: str) -> str:
    """A region's name without "left" or "right": "left eye" and "right eye" become "eye"."""
    return region.removeprefix("left ").removeprefix("right ")


def landmark_indices(scheme: str, landmarks: int | str | Sequence[int]) -> tuple[int, ...]:
    """Indices of a landmark, of a group by its name (see `groups_of`), or of a list of landmarks.

    Raises:
        InputError: unknown landmark or group, or an empty list.
    """
    if isinstance(landmarks, str):
        groups = groups_of(scheme)
        if landmarks not in groups:
            raise InputError(
                f"landmark group '{landmarks}': scheme {scheme} has {', '.join(groups)}"
            )
        return groups[landmarks]
    indices = (landmarks,) if isinstance(landmarks, int) else tuple(landmarks)
    points = get_scheme(scheme).points
    for landmark in indices:
        if not 0 <= landmark < points:
            raise InputError(f"landmark {landmark}: scheme {scheme} has 0 to {points - 1}")
    if not indices:
        raise InputError("landmarks: the list is empty; give an index or the name of a group")
    return indices


class Scalar(nn.Module):
    """A function from images (B, C, P, P) to the scalar that is explained, (B,).

    Args:
        model: any Landmarker.
        landmarks: an index, a group's name, or several indices; the scalar is the mean over them.
        target: "x" or "y", centred coordinates; or "log-probability" of the predicted heatmap cell,
            in nats.

    Raises:
        InputError: unknown landmark, group or target, or the log-probability of a coordinate head.
    """

    def __init__(self, model: Landmarker, landmarks: int | str | Sequence[int], target: Target):
        super().__init__()
        self.landmarks = list(landmark_indices(model.spec.scheme, landmarks))
        if target not in get_args(Target):
            raise InputError(f"target '{target}' is unknown; use {', '.join(get_args(Target))}")
        if target == "log-probability" and model.spec.head != "heatmap":
            raise InputError("a coordinate head has no log-probability; explain x or y")
        self.model, self.target = model, target

    def cells(self, prediction: Prediction) -> Tensor | None:
        """Predicted cells of the landmarks in the flattened heatmap, (B, G).

        None if the target is a coordinate.
        """
        if self.target != "log-probability":
            return None
        return prediction.logits[:, self.landmarks].flatten(2).argmax(2)

    def forward(self, images: Tensor, cells: Tensor | None = None) -> Tensor:
        """The scalar, (B,). `cells` is an argument because captum repeats arguments with the images."""
        return self.of(self.model(images), cells)

    def of(self, prediction: Prediction, cells: Tensor | None) -> Tensor:
        """The scalar of a prediction, (B,)."""
        if self.target != "log-probability":
            return prediction.coordinates[:, self.landmarks, "xy".index(self.target)].mean(1)
        logs = prediction.logits[:, self.landmarks].flatten(2).log_softmax(-1)
        return logs.gather(2, cells[:, :, None]).squeeze(2).mean(1)


@contextmanager
def frozen_eval(model: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients of weights; the previous state is restored at the end."""
    modes = [(module, module.training) for module in model.modules()]
    gradients = [(weight, weight.requires_grad) for weight in model.parameters()]
    model.eval().requires_grad_(False)
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
        for weight, required in gradients:
            weight.requires_grad_(required)


@torch.no_grad()
def predict(model: Landmarker, images: Tensor, batch: int = 64) -> Prediction:
    """Predictions for images (B, C, P, P), computed in batches."""
    with frozen_eval(model):
        parts = [model(part) for part in images.split(batch)]
    logits = None if parts[0].logits is None else torch.cat([part.logits for part in parts])
    return Prediction(torch.cat([part.coordinates for part in parts]), logits)
