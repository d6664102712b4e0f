"""Backbones: the sizes that a Landmarker can have, and how their networks are made."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Protocol, runtime_checkable

from pydantic import AfterValidator
from torch import Tensor, nn

from mlcmkd.models.reparameterised import PlainBackbone
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.registry import Registry

GROUPS = 8  # groups of GroupNorm in neck and heads; every width is a multiple of it


@runtime_checkable
class Backbone(Protocol):
    """Interface of a user-defined backbone: a torch module with these two members.

    Attributes:
        channels: number of channels of each feature map, the finest (highest resolution) first.
    """

    channels: Sequence[int]

    def __call__(self, images: Tensor) -> Sequence[Tensor]:
        """Normalised images (B, 3, H, W) to feature maps (B, C, h, w), the finest first.

        The finest has the input's size divided by `Size.stride`, a quarter unless stated otherwise;
        each of the others is half as high and wide as the one before.
        """


@dataclass(frozen=True)
class Size:
    """Backbone and width of a Landmarker.

    Attributes:
        backbone: timm's name, or a function or class that is called without arguments and returns a
            `Backbone` with random weights.
        width: channels of the Landmarker's features, a multiple of 8.
        levels: indices of the feature maps of a timm backbone that are used, the finest first; map 1
            is a quarter as high and wide as the input. A user-defined `Backbone` returns only the maps
            that are used.
        timm_options: further arguments of `timm.create_model`. They change the network, so ImageNet
            weights do not fit it. None for the network as timm defines it.
        stride: size of the input divided by that of the features. The heatmaps are a quarter of the
            input in all cases: a head after features with a stride of 8 has 2 x 2 cells per position.
        plain: neck and heatmap head of `mlcmkd.models.reparameterised`, with few operators, instead of
            a `Neck` and a head with a convolution of its own.
    """

    backbone: str | Callable[[], nn.Module]
    width: int
    levels: tuple[int, ...] = (1, 2, 3, 4)
    timm_options: Mapping[str, Any] | None = None
    stride: int = 4
    plain: bool = False


# "mobilenetv2" and "efficientnet_b3" are the backbones of students and teachers in the KD-Loss paper
# (Fard and Mahoor, arXiv 2111.07047). "half" and "slim" are narrower variants of "base": "half" has half
# as many channels, "slim" has about a tenth of the parameters and FLOPs.
SIZES: Registry[Size] = Registry(
    "model size",
    {
        "large": Size("resnet18", 128),
        "base": Size("resnet10t", 96),
        "half": Size(
            "resnet10t", 64, timm_options={"channels": (32, 64, 128, 256), "stem_width": 16}
        ),
        "small": Size("lcnet_100", 64),
        "slim": Size(
            "resnet10t", 32, timm_options={"channels": (16, 48, 96, 128), "stem_width": 8}
        ),
        "light": Size("mobilenetv3_small_100", 48, levels=(1, 2, 3)),
        "mobilenetv2": Size("mobilenetv2_100", 64),
        "efficientnet_b3": Size("efficientnet_b3", 96),
        "swift": Size(partial(PlainBackbone, (32, 64, 128), (1, 2, 2)), 64, stride=8, plain=True),
    },
)


SIZE_NAMES = ", ".join(SIZES)  # for descriptions of config fields


def _known_size(name: str) -> str:
    SIZES.find(name)
    return name


# The type of config fields: a name of `SIZES`, looked up when the config is validated.
SizeName = Annotated[str, AfterValidator(_known_size)]


def register_backbone(name: str, size: Size) -> Size:
    """Adds a model size: `ModelSpec(size=name)`, and `size=name` in the configs of the stages.

    Register it in each process, before a config or weights of this size are loaded. Saved weights
    contain the name, not the code.

    Args:
        name: new name of the size.
        size: backbone and width.

    Returns:
        The same size.

    Raises:
        InputError: the name belongs to mlcmkd, timm has no such backbone, or the width does not fit
            the group normalisation.
    """
    import timm  # here, because its import takes as long as that of torch

    if isinstance(size.backbone, str) and not timm.is_model(size.backbone):
        raise InputError(
            f"model size '{name}': timm has no backbone '{size.backbone}'; see timm.list_models()"
        )
    if size.width < 1 or size.width % GROUPS:
        raise InputError(f"model size '{name}': width {size.width} is not a multiple of {GROUPS}")
    SIZES.register(name, size)
    return size


def make_backbone(name: str, *, pretrained: bool) -> tuple[nn.Module, list[int]]:
    """The backbone of a size, and the numbers of channels of its feature maps, the finest first.

    Args:
        name: a name of `SIZES`.
        pretrained: load ImageNet weights, which timm downloads.

    Raises:
        InputError: an unknown size, no pretrained weights (no network, or none exist for this size),
            or a user-defined backbone that is not a `Backbone`.
    """
    size = SIZES.find(name)
    if pretrained and (size.timm_options or callable(size.backbone)):
        raise InputError(f"no ImageNet weights exist for size {name}; use pretrained=False")
    if callable(size.backbone):
        backbone = size.backbone()
        if not isinstance(backbone, Backbone):
            raise InputError(
                f"model size '{name}': its backbone has no attribute `channels`; list the channels of "
                "its feature maps there"
            )
        return backbone, list(backbone.channels)
    import timm

    try:
        # "getter" keeps no layer beyond the last level: an unused parameter would count as size, and
        # DDP would wait for its gradient.
        backbone = timm.create_model(
            size.backbone,
            pretrained=pretrained,
            features_only=True,
            out_indices=size.levels,
            feature_cls="getter",
            **(size.timm_options or {}),
        )
    except Exception as error:
        if not pretrained:
            raise
        raise InputError(
            f"no ImageNet weights for {size.backbone}: the download failed "
            f"({type(error).__name__}); use pretrained=False"
        ) from error
    return backbone, backbone.feature_info.channels()
