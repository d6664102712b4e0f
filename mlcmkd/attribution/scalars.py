"""The one number that is explained.

A heatmap has no single class score. Two scalars make sense, and one is chosen explicitly: the
log-probability of the cell where a landmark was found ("why here and nowhere else"), or one of its
coordinates ("what pushes it left or right"). Of a group of landmarks their mean is explained.
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
    """Every name that stands for landmarks of a scheme, and their indices.

    The scheme's regions by their names, both sides of a region together without "left" and "right"
    ("eye"), and "all".
    """
    regions = get_scheme(scheme).regions
    both: dict[str, tuple[int, ...]] = {}
    for name, points in regions.items():
        both[either_side(name)] = (*both.get(either_side(name), ()), *points)
    return {**regions, **both, ALL: tuple(range(get_scheme(scheme).points))}


def either_side(region: str) -> str:
    """A region's name without its side: "left eye" and "right eye" are both "eye"."""
    return region.removeprefix("left ").removeprefix("right ")


def landmark_indices(scheme: str, landmarks: int | str | Sequence[int]) -> tuple[int, ...]:
    """Indices of one landmark, of a group by its name (see `groups_of`), or of those listed.

    Raises:
        InputError: no such landmark or group (the message names the choices), or none at all.
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
        raise InputError("no landmark to explain; name one, or a group")
    return indices


class Scalar(nn.Module):
    """A Landmarker as a function from images (B, C, P, P) to the number that is explained, (B,).

    Args:
        model: any Landmarker.
        landmarks: one, a group's name, or several; the scalar is the mean over them.
        target: "x" or "y", centred coordinates; or "log-probability" of the heatmap's cell where
            the landmark was found, in nats.

    Raises:
        InputError: no such landmark, group or target, or a coordinate head asked for a
            log-probability.
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
        """Where the landmarks were found, (B, G) cells of the flattened heatmap.

        None for a coordinate, which needs no cell.
        """
        if self.target != "log-probability":
            return None
        return prediction.logits[:, self.landmarks].flatten(2).argmax(2)

    def forward(self, images: Tensor, cells: Tensor | None = None) -> Tensor:
        """The scalar; `cells` are an argument since captum repeats arguments as it repeats images."""
        return self.of(self.model(images), cells)

    def of(self, prediction: Prediction, cells: Tensor | None) -> Tensor:
        """The scalar of what the model has already said, (B,)."""
        if self.target != "log-probability":
            return prediction.coordinates[:, self.landmarks, "xy".index(self.target)].mean(1)
        logs = prediction.logits[:, self.landmarks].flatten(2).log_softmax(-1)
        return logs.gather(2, cells[:, :, None]).squeeze(2).mean(1)


@contextmanager
def explaining(model: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients for weights; every module and weight is left as it was."""
    modes = [(module, module.training) for module in model.modules()]
    trained = [(weight, weight.requires_grad) for weight in model.parameters()]
    model.eval().requires_grad_(False)
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
        for weight, wanted in trained:
            weight.requires_grad_(wanted)


@torch.no_grad()
def predicted(model: Landmarker, images: Tensor, batch: int = 64) -> Prediction:
    """What the model finds in images (B, C, P, P), `batch` of them at a time."""
    with explaining(model):
        parts = [model(some) for some in images.split(batch)]
    logits = None if parts[0].logits is None else torch.cat([part.logits for part in parts])
    return Prediction(torch.cat([part.coordinates for part in parts]), logits)
