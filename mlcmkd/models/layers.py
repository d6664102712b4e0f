"""Layers between backbone and head. They use GroupNorm, so they hold no batch statistics."""

from torch import Tensor, nn
from torch.nn import functional as F

from mlcmkd.models.backbones import GROUPS


def conv_block(width_in: int, width_out: int) -> nn.Sequential:
    """3 x 3 convolution, GroupNorm and ReLU: (B, width_in, h, w) to (B, width_out, h, w)."""
    return nn.Sequential(
        nn.Conv2d(width_in, width_out, 3, padding=1, bias=False),
        nn.GroupNorm(GROUPS, width_out),
        nn.ReLU(),
    )


class Neck(nn.Module):
    """Top-down sum of the backbone's feature maps at the resolution of the finest map.

    It is the top-down path of a feature pyramid network (Lin et al., arXiv:1612.03144, 2017) with one
    output. GroupNorm, ReLU and bilinear interpolation are our choices.

    Args:
        channels: numbers of channels of the maps, the finest first.
        width: channels of the sum, a multiple of 8.
    """

    def __init__(self, channels: list[int], width: int):
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(c, width, 1) for c in channels)
        self.smooth = conv_block(width, width)

    def forward(self, levels: list[Tensor]) -> Tensor:
        """Maps (B, C, h, w), the finest first, to (B, width, h, w) at the finest resolution."""
        total = self.lateral[-1](levels[-1])
        for lateral, level in zip(self.lateral[-2::-1], levels[-2::-1], strict=True):
            total = lateral(level) + F.interpolate(
                total, size=level.shape[-2:], mode="bilinear", align_corners=False
            )
        return self.smooth(total)
