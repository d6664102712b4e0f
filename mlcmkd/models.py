"""Landmarkers: features(x), then head(f).

Distillation needs both halves by name, so they are methods and not hooks. All sizes share one shape:
a timm backbone, a top-down neck that brings its levels to one map at a quarter of the input, and a
head. Heads hold no batch statistics (GroupNorm): a head that is lent to the other network's features
has nothing to mix up, and the question which BatchNorm statistics it should use does not arise.
"""

from copy import deepcopy
from pathlib import Path
from typing import Any, Literal, NamedTuple

import timm
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from mlcmkd.errors import InputError
from mlcmkd.radiometry import Radiometry
from mlcmkd.schemes import get_scheme, map_indices

# A heatmap is trained to be a Gaussian of 0.025 of the side; this is three of its deviations.
CONFIDENCE_RADIUS = 0.075


class Size(NamedTuple):
    """What a size's name stands for: a timm backbone, its levels, and the width of the features.

    Attributes:
        backbone: timm's name.
        levels: of its maps, the finest first; 1 is a quarter of the input.
        width: channels of the features.
        narrowed: timm's options for a backbone that is narrower than its name says; no weights of others
            fit it. None for the backbone as it is.
    """

    backbone: str
    levels: tuple[int, ...]
    width: int
    narrowed: dict[str, Any] | None = None


SizeName = Literal[
    "large", "base", "half", "small", "slim", "light", "mobilenetv2", "efficientnet_b3"
]
# The last two are the backbones of KD-Loss: its students and its teachers. "half" and "slim" are "base",
# narrower: half as wide, and as wide as a tenth of its parameters and FLOPs allows.
SIZES: dict[SizeName, Size] = {
    "large": Size("resnet18", (1, 2, 3, 4), 128),
    "base": Size("resnet10t", (1, 2, 3, 4), 96),
    "half": Size("resnet10t", (1, 2, 3, 4), 64, {"channels": (32, 64, 128, 256), "stem_width": 16}),
    "small": Size("lcnet_100", (1, 2, 3, 4), 64),
    "slim": Size("resnet10t", (1, 2, 3, 4), 32, {"channels": (16, 48, 96, 128), "stem_width": 8}),
    "light": Size("mobilenetv3_small_100", (1, 2, 3), 48),
    "mobilenetv2": Size("mobilenetv2_100", (1, 2, 3, 4), 64),
    "efficientnet_b3": Size("efficientnet_b3", (1, 2, 3, 4), 96),
}


class ModelSpec(BaseModel):
    """Everything needed to build a Landmarker, and to predict with it.

    Attributes:
        size: a name of `SIZES`.
        head: "heatmap" (soft-argmax over one map a landmark) or "coordinate" (regression).
        scheme: landmark scheme of the output.
        input_px: side of the square input, pixels; a multiple of 32.
        normalisation: "fixed" maps the input's [0, 1] to [-2, 2]; "image" gives every image mean 0
            and standard deviation 1, which forgets absolute temperature and so carries over between
            thermal cameras with other ranges.
        modality: what the weights were trained to read.
        radiometry: how thermal values become the input; None for RGB.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: SizeName = "base"
    head: Literal["heatmap", "coordinate"] = "heatmap"
    scheme: str = "ibug68"
    input_px: int = Field(default=96, ge=32, le=512, multiple_of=32)
    normalisation: Literal["fixed", "image"] = "image"
    modality: Literal["rgb", "thermal"] = "rgb"
    radiometry: Radiometry | None = None

    @field_validator("scheme")
    @classmethod
    def _known(cls, name: str) -> str:
        return get_scheme(name).name


class Prediction(NamedTuple):
    """What a head says.

    Attributes:
        coordinates: (B, K, 2), x and y divided by the input's side and centred, -0.5 to 0.5.
        logits: (B, K, h, w) unnormalised log-probabilities of each landmark's place; None from a
            coordinate head.
    """

    coordinates: Tensor
    logits: Tensor | None


def grid_axis(count: int, like: Tensor) -> Tensor:
    """Centred coordinates of the centres of `count` cells along one axis, (count,)."""
    return (torch.arange(count, device=like.device, dtype=torch.float32) + 0.5) / count - 0.5


def soft_argmax(logits: Tensor) -> Tensor:
    """Expected place under softmax(logits): (B, K, h, w) to (B, K, 2), centred coordinates."""
    probability = logits.float().flatten(2).softmax(-1).unflatten(2, logits.shape[-2:])
    x = (probability.sum(-2) * grid_axis(logits.shape[-1], logits)).sum(-1)
    y = (probability.sum(-1) * grid_axis(logits.shape[-2], logits)).sum(-1)
    return torch.stack((x, y), dim=-1)


def confidence(prediction: Prediction) -> Tensor:
    """How sure each landmark is, (B, K).

    From a heatmap: the share of its probability that lies within `CONFIDENCE_RADIUS` of the answer,
    0 to 1; cells on the rim count in part. A coordinate head says nothing of the kind, so NaN: a one
    would be a claim, and NaN fails loudly where somebody sorts by it.
    """
    places, logits = prediction
    if logits is None:
        return torch.full_like(places[..., 0], torch.nan)
    height, width = logits.shape[-2:]
    probability = logits.flatten(2).softmax(-1).unflatten(2, (height, width))
    x = grid_axis(width, logits) - places[..., 0, None]
    y = grid_axis(height, logits) - places[..., 1, None]
    distance = (x[..., None, :].square() + y[..., :, None].square()).sqrt()
    inside = ((CONFIDENCE_RADIUS - distance) * width + 0.5).clamp(0, 1)
    return (probability * inside).sum((-2, -1))


def _block(width_in: int, width_out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(width_in, width_out, 3, padding=1, bias=False),
        nn.GroupNorm(8, width_out),
        nn.ReLU(),
    )


class Neck(nn.Module):
    """Top-down sum of the backbone's levels at the resolution of the finest."""

    def __init__(self, channels: list[int], width: int):
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(c, width, 1) for c in channels)
        self.smooth = _block(width, width)

    def forward(self, levels: list[Tensor]) -> Tensor:
        total = self.lateral[-1](levels[-1])
        for lateral, level in zip(self.lateral[-2::-1], levels[-2::-1], strict=True):
            total = lateral(level) + F.interpolate(
                total, size=level.shape[-2:], mode="bilinear", align_corners=False
            )
        return self.smooth(total)


def _keep_rows(layer: nn.Conv2d | nn.Linear, rows: list[int]) -> None:
    """Leaves a layer these of its outputs, in this order."""
    for name in ("weight", "bias"):
        old = getattr(layer, name)
        setattr(layer, name, nn.Parameter(old.detach()[rows], old.requires_grad))
    setattr(layer, "out_channels" if isinstance(layer, nn.Conv2d) else "out_features", len(rows))


class HeatmapHead(nn.Module):
    """One map of log-probabilities a landmark; coordinates by soft-argmax, so sub-pixel."""

    def __init__(self, width: int, points: int):
        super().__init__()
        self.body = _block(width, width)
        self.maps = nn.Conv2d(width, points, 1)

    def forward(self, features: Tensor) -> Prediction:
        logits = self.maps(self.body(features)).float()
        return Prediction(soft_argmax(logits), logits)

    def keep(self, points: list[int]) -> None:
        """Drops all landmarks but these, in this order."""
        _keep_rows(self.maps, points)


class CoordinateHead(nn.Module):
    """Coordinates by regression from a 4 x 4 grid of pooled features."""

    def __init__(self, width: int, points: int):
        super().__init__()
        self.body = _block(width, width)
        self.linear = nn.Linear(width * 16, points * 2)
        # Every landmark starts at the centre; the default would scatter them over +-0.1 of nothing.
        nn.init.normal_(self.linear.weight, std=1e-3)
        nn.init.zeros_(self.linear.bias)

    def forward(self, features: Tensor) -> Prediction:
        pooled = F.adaptive_avg_pool2d(self.body(features), 4).flatten(1)
        return Prediction(self.linear(pooled).float().unflatten(1, (-1, 2)), None)

    def keep(self, points: list[int]) -> None:
        """Drops all landmarks but these, in this order."""
        _keep_rows(self.linear, [2 * point + axis for point in points for axis in (0, 1)])


HEADS = {"heatmap": HeatmapHead, "coordinate": CoordinateHead}


class Landmarker(nn.Module):
    """A landmark network: `head(features(x))`.

    Attributes:
        spec: its ModelSpec.
        width: channels of `features(x)`.
        head: module from features (B, width, h, w) to a Prediction.
    """

    def __init__(self, spec: ModelSpec, *, pretrained: bool = False):
        """
        Args:
            spec: what to build.
            pretrained: start the backbone from ImageNet weights, which timm downloads.

        Raises:
            InputError: pretrained weights cannot be had (no network, or a size of our own).
        """
        super().__init__()
        self.spec = spec
        backbone, levels, self.width, narrowed = SIZES[spec.size]
        if pretrained and narrowed:
            raise InputError(f"no ImageNet weights are made for size {spec.size}; pretrained=False")
        try:
            # "getter" keeps no layer beyond the last level: a parameter that nothing reads would
            # be counted as size, and DDP would wait for its gradient.
            self.backbone = timm.create_model(
                backbone,
                pretrained=pretrained,
                features_only=True,
                out_indices=levels,
                feature_cls="getter",
                **(narrowed or {}),
            )
        except Exception as error:
            if not pretrained:
                raise
            raise InputError(
                f"no ImageNet weights for {backbone}: they are downloaded and the network gave "
                f"none ({type(error).__name__}); go on with pretrained=False"
            ) from error
        points = get_scheme(spec.scheme).points
        self.neck = Neck(self.backbone.feature_info.channels(), self.width)
        self.head = HEADS[spec.head](self.width, points)

    def normalise(self, images: Tensor) -> Tensor:
        """(B, 1 or 3, H, W) in [0, 1] to what the backbone reads, (B, 3, H, W)."""
        if self.spec.normalisation == "fixed":
            images = (images - 0.5) / 0.25
        else:
            deviation, mean = torch.std_mean(images, dim=(1, 2, 3), keepdim=True, correction=0)
            images = (images - mean) / (deviation + 1e-3)
        return images.expand(-1, 3, -1, -1)

    def levels(self, images: Tensor) -> list[Tensor]:
        """Images (B, 1 or 3, H, W) in [0, 1] to the backbone's levels, the finest first.

        Each is (B, C, h, w) with a C of its own, and half as high and wide as the one before.
        """
        images = self.normalise(images).contiguous(memory_format=torch.channels_last)
        return self.backbone(images)

    def features(self, images: Tensor) -> Tensor:
        """Images (B, 1 or 3, H, W) in [0, 1] to features (B, width, H / 4, W / 4)."""
        return self.neck(self.levels(images))

    def forward(self, images: Tensor) -> Prediction:
        return self.head(self.features(images))

    def for_scheme(self, name: str) -> "Landmarker":
        """A copy that answers in another scheme: the head keeps that scheme's outputs and no other.

        Raises:
            InputError: the scheme is unknown, or some of its points are none of this model's.
        """
        points = map_indices(self.spec.scheme, name)
        other = deepcopy(self)
        other.spec = self.spec.model_copy(update={"scheme": name})
        other.head.keep(list(points))
        return other

    def parameter_count(self) -> int:
        """Number of parameters."""
        return sum(parameter.numel() for parameter in self.parameters())

    def save(self, path: Path | str) -> None:
        """Weights and spec in one safetensors file, written whole or not at all."""
        path = Path(path)
        part = path.with_name(path.name + ".part")
        tensors = {
            name: value.detach().cpu().contiguous() for name, value in self.state_dict().items()
        }
        # safetensors makes its files readable by their owner alone; the others of a run are not.
        part.touch()
        mode = part.stat().st_mode
        save_file(tensors, part, metadata={"mlcmkd": self.spec.model_dump_json()})
        part.chmod(mode)
        part.replace(path)

    @classmethod
    def load(cls, path: Path | str) -> "Landmarker":
        """The Landmarker saved at `path`, on the CPU, in evaluation mode.

        Raises:
            InputError: no such file, not safetensors, or not written by `save`.
        """
        path = Path(path)
        if not path.is_file():
            raise InputError(f"{path}: no such weights; train them with `mlcmkd train`")
        try:
            with safe_open(path, framework="pt") as file:
                told = (file.metadata() or {}).get("mlcmkd")
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except SafetensorError as error:
            raise InputError(f"{path}: not a whole safetensors file ({error})") from None
        if told is None:
            raise InputError(f"{path}: safetensors, but without mlcmkd's description of the model")
        try:
            model = cls(ModelSpec.model_validate_json(told))
            model.load_state_dict(tensors)
        except (ValidationError, RuntimeError) as error:
            raise InputError(f"{path}: made by another version of mlcmkd ({error})") from None
        return model.eval()
