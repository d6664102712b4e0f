"""Landmarkers: features(x), then head(f).

Distillation needs both halves by name, so they are methods and not hooks. All sizes share one shape:
a timm backbone, a top-down neck that brings its levels to one map at a quarter of the input, and a
head. Heads hold no batch statistics (GroupNorm): a head that is lent to the other network's features
has nothing to mix up, and the question which BatchNorm statistics it should use does not arise.
"""

from copy import deepcopy
from pathlib import Path

import timm
import torch
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from mlcmkd.models.heads import HEADS, Prediction, conv_block
from mlcmkd.models.spec import SIZES, ModelSpec
from mlcmkd.schemes import get_scheme, map_indices
from mlcmkd.utils.errors import InputError


class Neck(nn.Module):
    """Top-down sum of the backbone's levels at the resolution of the finest."""

    def __init__(self, channels: list[int], width: int):
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(c, width, 1) for c in channels)
        self.smooth = conv_block(width, width)

    def forward(self, levels: list[Tensor]) -> Tensor:
        total = self.lateral[-1](levels[-1])
        for lateral, level in zip(self.lateral[-2::-1], levels[-2::-1], strict=True):
            total = lateral(level) + F.interpolate(
                total, size=level.shape[-2:], mode="bilinear", align_corners=False
            )
        return self.smooth(total)


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
