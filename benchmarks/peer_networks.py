"""Published light landmark networks, built from their papers with random weights.

PFLD-like            Guo et al., arXiv 1902.10859, table 1: inverted residuals, three scales
MobileFaceNet-like   Chen et al., arXiv 1804.07573, table 1, its last layer widened to the landmarks
MobileNetV2          Sandler et al., arXiv 1801.04381, by torchvision, with a linear layer of landmarks

The papers do not state the last, global convolution for our input sizes; here it covers the whole map.
"""

import torch
import torchvision
from torch import Tensor, nn
from torchvision.ops import Conv2dNormActivation


def conv(inside: int, out: int, kernel: int = 3, stride: int = 1, groups: int = 1, act=nn.ReLU):
    """Convolution, BatchNorm, activation."""
    return Conv2dNormActivation(
        inside, out, kernel, stride, groups=groups, activation_layer=act, inplace=None
    )


class Bottleneck(nn.Module):
    """An inverted residual: expansion, depthwise convolution, projection."""

    def __init__(self, inside: int, out: int, stride: int, expansion: int, act=nn.ReLU):
        super().__init__()
        wide = inside * expansion
        self.body = nn.Sequential(
            conv(inside, wide, 1, act=act),
            conv(wide, wide, 3, stride, groups=wide, act=act),
            conv(wide, out, 1, act=None),
        )
        self.residual = stride == 1 and inside == out

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x) if self.residual else self.body(x)


def bottlenecks(inside: int, rows: list[tuple[int, int, int, int]], act=nn.ReLU) -> nn.Sequential:
    """Rows (expansion, channels, repetitions, stride of the first) as in the papers' tables."""
    layers: list[nn.Module] = []
    for expansion, out, count, stride in rows:
        for n in range(count):
            layers.append(Bottleneck(inside, out, stride if n == 0 else 1, expansion, act))
            inside = out
    return nn.Sequential(*layers)


class PFLDLike(nn.Module):
    """(B, 3, P, P) to (B, 2 * points)."""

    def __init__(self, px: int, points: int = 68):
        super().__init__()
        self.features = nn.Sequential(
            conv(3, 64, 3, 2),
            conv(64, 64, 3, groups=64),
            bottlenecks(64, [(2, 64, 5, 2), (2, 128, 1, 2), (4, 128, 6, 1), (2, 16, 1, 1)]),
        )
        self.second = conv(16, 32, 3, 2)
        self.third = conv_valid(32, 128, px // 16)
        self.out = nn.Linear(16 + 32 + 128, 2 * points)

    def forward(self, images: Tensor) -> Tensor:
        first = self.features(images)
        second = self.second(first)
        third = self.third(second)
        scales = [first.mean((2, 3)), second.mean((2, 3)), third.flatten(1)]
        return self.out(torch.cat(scales, dim=1))


def conv_valid(inside: int, out: int, kernel: int) -> nn.Module:
    """A convolution that covers the whole map; its output is 1 x 1."""
    return nn.Sequential(nn.Conv2d(inside, out, kernel), nn.ReLU())


class MobileFaceNetLike(nn.Module):
    """(B, 3, P, P) to (B, 2 * points)."""

    def __init__(self, px: int, points: int = 68):
        super().__init__()
        rows = [
            (2, 64, 5, 2), (4, 128, 1, 2), (2, 128, 6, 1), (4, 128, 1, 2), (2, 128, 2, 1),
        ]  # fmt: skip
        self.body = nn.Sequential(
            conv(3, 64, 3, 2, act=nn.PReLU),
            conv(64, 64, 3, groups=64, act=nn.PReLU),
            bottlenecks(64, rows, act=nn.PReLU),
            conv(128, 512, 1, act=nn.PReLU),
            nn.Conv2d(512, 512, px // 16, groups=512),
            nn.BatchNorm2d(512),
            nn.Conv2d(512, 2 * points, 1),
        )

    def forward(self, images: Tensor) -> Tensor:
        return self.body(images).flatten(1)


def mobilenet_v2(px: int, points: int = 68) -> nn.Module:
    """(B, 3, P, P) to (B, 2 * points)."""
    return torchvision.models.mobilenet_v2(num_classes=2 * points)


NETWORKS = {
    "PFLD-like": PFLDLike,
    "MobileFaceNet-like": MobileFaceNetLike,
    "MobileNetV2": mobilenet_v2,
}
