"""Attribution methods by name, all from captum: each a small function, one face at a time."""

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
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor
from torch.nn import functional as F

from mlcmkd.attribution.baselines import Baseline
from mlcmkd.attribution.regions import region_labels
from mlcmkd.attribution.scalars import Scalar

MethodName = Literal[
    "integrated-gradients", "smoothgrad", "gradient-shap", "occlusion", "grad-cam", "ablation"
]


class Settings(BaseModel):
    """How a method works; each reads what it needs.

    Attributes:
        baseline: "nothing there", see `baseline_of`.
        steps: points on the path from baseline to image (integrated gradients).
        samples: noisy copies of the image (SmoothGrad, GradientSHAP).
        noise: their standard deviation, of an input in [0, 1].
        window: side of the square that occlusion covers, a share of the input's side; it moves by
            half of that.
        batch: how many images the network reads at once, at most: what bounds the memory.
        seed: of the noise.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    baseline: Baseline = "blur"
    steps: int = Field(default=32, ge=1)
    samples: int = Field(default=16, ge=1)
    noise: float = Field(default=0.05, ge=0)
    window: float = Field(default=0.125, gt=0, le=1)
    batch: int = Field(default=64, ge=1)
    seed: int = Field(default=0, ge=0)


class Face(NamedTuple):
    """What a method explains: one image (1, C, P, P), its baseline, and where it was found.

    Attributes:
        cells: (1, G), see `Scalar.cells`.
        coordinates: (1, K, 2) of all landmarks.
    """

    scalar: Scalar
    image: Tensor
    reference: Tensor
    cells: Tensor | None
    coordinates: Tensor


def _integrated_gradients(face: Face, how: Settings) -> Tensor:
    """Sundararajan et al., 2017: gradients along the path from baseline to image, by Gauss-Legendre."""
    found = IntegratedGradients(face.scalar).attribute(
        face.image,
        face.reference,
        additional_forward_args=(face.cells,),
        n_steps=how.steps,
        internal_batch_size=how.batch,
    )
    return found.sum(1)


def _smoothgrad(face: Face, how: Settings) -> Tensor:
    """Smilkov et al., 2017: the signed gradient (captum's Saliency), averaged over noisy copies."""
    found = NoiseTunnel(Saliency(face.scalar)).attribute(
        face.image,
        nt_type="smoothgrad",
        nt_samples=how.samples,
        nt_samples_batch_size=min(how.samples, how.batch),
        stdevs=how.noise,
        abs=False,
        additional_forward_args=(face.cells,),
    )
    return found.sum(1)


def _gradient_shap(face: Face, how: Settings) -> Tensor:
    """Lundberg and Lee, 2017 (captum's GradientShap): random points on paths from random baselines.

    The baselines are the face's own, disturbed by as much noise as the image: a choice of ours.
    """
    total, left = torch.zeros_like(face.image), how.samples
    while left:
        count = min(left, how.batch)
        shape = (count, *face.reference.shape[1:])
        noise = how.noise * torch.randn(shape, device=face.reference.device)
        part = GradientShap(face.scalar).attribute(
            face.image,
            face.reference + noise,
            n_samples=count,
            stdevs=how.noise,
            additional_forward_args=(face.cells,),
        )
        total, left = total + part * count / how.samples, left - count
    return total.sum(1)


def _occlusion(face: Face, how: Settings) -> Tensor:
    """Zeiler and Fergus, 2014: how far the scalar falls when a square is covered by the baseline.

    A pixel has the mean over the squares that cover it.
    """
    window = max(1, round(how.window * face.image.shape[-1]))
    channels = face.image.shape[1]
    found = Occlusion(face.scalar).attribute(
        face.image,
        sliding_window_shapes=(channels, window, window),
        strides=(channels, max(1, window // 2), max(1, window // 2)),
        baselines=face.reference,
        additional_forward_args=(face.cells,),
        perturbations_per_eval=how.batch,
    )
    return found[:, 0]  # a square covers all channels, so each has the same


def _grad_cam(face: Face, how: Settings) -> Tensor:
    """Selvaraju et al., 2017: the channels of `features`, each weighed by its mean gradient.

    What speaks against the scalar is cut off at 0, as in the paper. The map has a quarter of the
    input's resolution and is enlarged to it.
    """
    layer = LayerGradCam(face.scalar, face.scalar.model.neck)  # whose output is features(x)
    found = layer.attribute(
        face.image, additional_forward_args=(face.cells,), relu_attributions=True
    )
    side = face.image.shape[-1]
    return F.interpolate(found, size=(side, side), mode="bilinear", align_corners=False)[:, 0]


def _ablation(face: Face, how: Settings) -> Tensor:
    """How far the scalar falls when a region of the face, see `regions`, is covered by the baseline.

    All pixels of a region have the same number: that of the whole region.
    """
    scheme = face.scalar.model.spec.scheme
    labels, _ = region_labels(face.coordinates, scheme, face.image.shape[-1])
    found = FeatureAblation(face.scalar).attribute(
        face.image,
        baselines=face.reference,
        feature_mask=labels[:, None].expand(-1, face.image.shape[1], -1, -1),
        additional_forward_args=(face.cells,),
        perturbations_per_eval=how.batch,
    )
    return found[:, 0]


METHODS: dict[MethodName, Callable[[Face, Settings], Tensor]] = {
    "integrated-gradients": _integrated_gradients,
    "smoothgrad": _smoothgrad,
    "gradient-shap": _gradient_shap,
    "occlusion": _occlusion,
    "grad-cam": _grad_cam,
    "ablation": _ablation,
}
# Their contributions add up to the scalar's difference between image and baseline.
COMPLETE = ("integrated-gradients", "gradient-shap")
