"""Attribution methods by name, all from captum; each function explains one face."""

from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
from captum.attr import (
    FeatureAblation,
    GradientShap,
    IntegratedGradients,
    LayerGradCam,
    NoiseTunnel,
    Occlusion,
    Saliency,
)
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from mlcmkd.attribution.baselines import Baseline
from mlcmkd.attribution.regions import region_labels
from mlcmkd.attribution.scalars import Scalar
from mlcmkd.utils.config import Config, Seed

MethodName = Literal[
    "integrated-gradients", "smoothgrad", "gradient-shap", "occlusion", "grad-cam", "ablation"
]


class Settings(Config):
    """Settings of the attribution methods; each method uses those that it needs."""

    baseline: Baseline = Field(
        default="blur", description="Image that represents missing input, see `baseline_of`."
    )
    steps: int = Field(
        default=32,
        ge=1,
        description="Points on the path from baseline to image, for integrated gradients.",
    )
    samples: int = Field(
        default=16, ge=1, description="Noisy copies of the image, for SmoothGrad and GradientSHAP."
    )
    noise: float = Field(
        default=0.05,
        ge=0,
        description="Standard deviation of their noise, for an input in [0, 1].",
    )
    window: float = Field(
        default=0.125,
        gt=0,
        le=1,
        description="Side of the square that occlusion covers, a share of the input's side; the "
        "stride is half of it.",
    )
    batch: int = Field(
        default=64,
        ge=1,
        description="Most images in one forward pass, which limits the memory used.",
    )
    seed: Seed = Field(default=0, description="Seed of the noise.")


class Face(NamedTuple):
    """The input of a method.

    Attributes:
        scalar: the function that is explained.
        image: (1, C, P, P) in [0, 1].
        reference: the baseline image, (1, C, P, P).
        cells: (1, G), see `Scalar.cells`.
        coordinates: (1, K, 2) predicted centred coordinates of all landmarks.
    """

    scalar: Scalar
    image: Tensor
    reference: Tensor
    cells: Tensor | None
    coordinates: Tensor


def _integrated_gradients(face: Face, settings: Settings) -> Tensor:
    """Sundararajan et al., 2017: gradients on the path from baseline to image (Gauss-Legendre rule)."""
    contributions = IntegratedGradients(face.scalar).attribute(
        face.image,
        face.reference,
        additional_forward_args=(face.cells,),
        n_steps=settings.steps,
        internal_batch_size=settings.batch,
    )
    return contributions.sum(1)


def _smoothgrad(face: Face, settings: Settings) -> Tensor:
    """Smilkov et al., 2017: the signed gradient (captum's Saliency), averaged over noisy copies."""
    contributions = NoiseTunnel(Saliency(face.scalar)).attribute(
        face.image,
        nt_type="smoothgrad",
        nt_samples=settings.samples,
        nt_samples_batch_size=min(settings.samples, settings.batch),
        stdevs=settings.noise,
        abs=False,
        additional_forward_args=(face.cells,),
    )
    return contributions.sum(1)


def _gradient_shap(face: Face, settings: Settings) -> Tensor:
    """Lundberg and Lee, 2017 (captum's GradientShap): random points on paths from random baselines.

    The baselines are the face's own with as much noise as the image (our choice).
    """
    total, remaining = torch.zeros_like(face.image), settings.samples
    while remaining:
        count = min(remaining, settings.batch)
        shape = (count, *face.reference.shape[1:])
        noise = settings.noise * torch.randn(shape, device=face.reference.device)
        part = GradientShap(face.scalar).attribute(
            face.image,
            face.reference + noise,
            n_samples=count,
            stdevs=settings.noise,
            additional_forward_args=(face.cells,),
        )
        total, remaining = total + part * count / settings.samples, remaining - count
    return total.sum(1)


def _occlusion(face: Face, settings: Settings) -> Tensor:
    """Zeiler and Fergus, 2014: decrease of the scalar when the baseline covers a square.

    The value of a pixel is the mean over the squares that cover it.
    """
    window = max(1, round(settings.window * face.image.shape[-1]))
    channels = face.image.shape[1]
    contributions = Occlusion(face.scalar).attribute(
        face.image,
        sliding_window_shapes=(channels, window, window),
        strides=(channels, max(1, window // 2), max(1, window // 2)),
        baselines=face.reference,
        additional_forward_args=(face.cells,),
        perturbations_per_eval=settings.batch,
    )
    return contributions[:, 0]  # squares cover all channels, so all have the same value


def _grad_cam(face: Face, settings: Settings) -> Tensor:
    """Selvaraju et al., 2017: sum of the channels of `features`, weighted by their mean gradients.

    Negative values are set to 0, as in the paper. The map has the resolution of the features and is
    upsampled to that of the input.
    """
    layer = LayerGradCam(face.scalar, face.scalar.model.neck)  # its output is features(x)
    contributions = layer.attribute(
        face.image, additional_forward_args=(face.cells,), relu_attributions=True
    )
    side = face.image.shape[-1]
    return F.interpolate(contributions, size=(side, side), mode="bilinear", align_corners=False)[
        :, 0
    ]


def _ablation(face: Face, settings: Settings) -> Tensor:
    """Decrease of the scalar when the baseline covers a region of the face (`regions`).

    All pixels of a region have the value of the region.
    """
    scheme = face.scalar.model.spec.scheme
    labels, _ = region_labels(face.coordinates, scheme, face.image.shape[-1])
    contributions = FeatureAblation(face.scalar).attribute(
        face.image,
        baselines=face.reference,
        feature_mask=labels[:, None].expand(-1, face.image.shape[1], -1, -1),
        additional_forward_args=(face.cells,),
        perturbations_per_eval=settings.batch,
    )
    return contributions[:, 0]


METHODS: dict[MethodName, Callable[[Face, Settings], Tensor]] = {
    "integrated-gradients": _integrated_gradients,
    "smoothgrad": _smoothgrad,
    "gradient-shap": _gradient_shap,
    "occlusion": _occlusion,
    "grad-cam": _grad_cam,
    "ablation": _ablation,
}
# Complete methods: the contributions sum to the difference of the scalar between image and baseline.
COMPLETE = ("integrated-gradients", "gradient-shap")
