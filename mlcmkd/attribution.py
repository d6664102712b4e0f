"""Which pixels a landmark was found by: integrated gradients, by captum.

A heatmap has no single class score to explain. Two scalars make sense, and one is chosen explicitly:
the log-probability of the cell where the landmark was found ("why here and nowhere else"), or one of
its coordinates ("what pushes it left or right").
"""

from typing import Literal, NamedTuple

import torch
from captum.attr import IntegratedGradients
from torch import Tensor, nn

from mlcmkd.errors import InputError
from mlcmkd.models import Landmarker
from mlcmkd.schemes import get_scheme
from mlcmkd.transforms import blurred

Target = Literal["log-probability", "x", "y"]
Baseline = Literal["blur", "mean", "black"]


class Attribution(NamedTuple):
    """What captum found.

    Attributes:
        maps: (B, P, P) signed contributions of the pixels, summed over channels.
        completeness_error: (B,) |sum of the contributions - difference of the scalar between image
            and baseline|, over that difference's size; small when the steps are enough.
    """

    maps: Tensor
    completeness_error: Tensor


class _Scalar(nn.Module):
    """The Landmarker as a function from images to the one number that is explained, (B,)."""

    def __init__(self, model: Landmarker, landmark: int, target: Target, peak: Tensor | None):
        super().__init__()
        self.model, self.landmark, self.target, self.peak = model, landmark, target, peak

    def forward(self, images: Tensor) -> Tensor:
        prediction = self.model(images)
        if self.target != "log-probability":
            return prediction.coordinates[:, self.landmark, "xy".index(self.target)]
        logs = prediction.logits[:, self.landmark].flatten(1).log_softmax(-1)
        # captum stacks its steps along the batch: step by step, all images of the batch.
        peak = self.peak.repeat(len(images) // len(self.peak))
        return logs.gather(1, peak[:, None]).squeeze(1)


def baseline_of(images: Tensor, kind: Baseline) -> Tensor:
    """What "nothing there" means: a strongly blurred image, its mean, or zeros."""
    if kind == "black":
        return torch.zeros_like(images)
    if kind == "mean":
        return images.mean(dim=(2, 3), keepdim=True).expand_as(images).contiguous()
    for _ in range(16):  # 16 times 1.4 px: about 5.7 px of standard deviation
        images = blurred(images)
    return images


def integrated_gradients(
    model: Landmarker,
    images: Tensor,
    landmark: int,
    *,
    target: Target = "log-probability",
    steps: int = 32,
    baseline: Baseline = "blur",
) -> Attribution:
    """Integrated gradients of one landmark (Sundararajan et al., 2017).

    Args:
        model: any Landmarker; it is put into evaluation mode and left as it was found.
        images: (B, C, P, P) in [0, 1].
        landmark: its index in the model's scheme.
        target: which scalar is explained; "log-probability" needs a heatmap head.
        steps: points on the path from baseline to image.
        baseline: see `baseline_of`.

    Raises:
        InputError: no such landmark, or a coordinate head asked for a log-probability.
    """
    points = get_scheme(model.spec.scheme).points
    if not 0 <= landmark < points:
        raise InputError(f"landmark {landmark}: scheme {model.spec.scheme} has 0 to {points - 1}")
    if target == "log-probability" and model.spec.head != "heatmap":
        raise InputError("a coordinate head has no log-probability; explain x or y")
    training = model.training
    model.eval()
    peak = None
    if target == "log-probability":
        with torch.no_grad():
            peak = model(images).logits[:, landmark].flatten(1).argmax(1)
    method = IntegratedGradients(_Scalar(model, landmark, target, peak))
    reference = baseline_of(images, baseline)
    contributions, delta = method.attribute(
        images, reference, n_steps=steps, internal_batch_size=None, return_convergence_delta=True
    )
    maps = contributions.sum(dim=1).detach()
    # delta = sum of the contributions - (scalar of the image - scalar of the baseline)
    difference = (maps.sum(dim=(1, 2)) - delta).abs().clamp_min(1e-6)
    model.train(training)
    return Attribution(maps, (delta.abs() / difference).float())
