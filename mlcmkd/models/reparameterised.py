"""A light network of plain 3 x 3 convolutions, trained with parallel branches and run without them.

A convolution has parallel branches in training: a large kernel, a small kernel and, where the shapes
allow it, the identity, each with BatchNorm. In evaluation mode all of them are linear, so `merge`
replaces them by one convolution with the same output. This is the block of RepVGG (Ding et al., arXiv
2101.03697, 2021). MobileOne (Vasu et al., arXiv 2206.04040, 2023) finds that FLOPs and parameters say
little about the latency of small networks, and uses such blocks, too.

Kernels, widths, the neck and the stride of 8 are our choices, from latencies of ONNX Runtime on one
thread: an operator costs some microseconds, however small it is.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ConvolutionNorm(nn.Module):
    """A convolution without bias, and BatchNorm.

    Args:
        width_in, width_out: numbers of channels.
        kernel, stride, padding: of the convolution.
    """

    def __init__(self, width_in: int, width_out: int, kernel: int, stride: int, padding: int):
        super().__init__()
        self.convolution = nn.Conv2d(
            width_in, width_out, kernel, stride, padding=padding, bias=False
        )
        self.norm = nn.BatchNorm2d(width_out)

    def forward(self, x: Tensor) -> Tensor:
        """(B, width_in, h, w) to (B, width_out, h', w')."""
        return self.norm(self.convolution(x))

    def kernel_and_bias(self) -> tuple[Tensor, Tensor]:
        """Kernel (width_out, width_in, k, k) and bias (width_out,) of the layer in evaluation mode."""
        return _with_norm(self.convolution.weight, self.norm)


def _with_norm(kernel: Tensor, norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """A kernel and a BatchNorm after it as one kernel and bias."""
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    return kernel * scale[:, None, None, None], norm.bias - norm.running_mean * scale


class BranchedConvolution(nn.Module):
    """Parallel linear branches and a ReLU; one convolution and the ReLU after `merge`.

    Args:
        width_in, width_out: numbers of channels.
        kernel, stride, padding: of the large kernel.
        small: size of the small kernel, in the middle of the large one; kernel - small is even. 0 for a
            convolution without further branches, the control.

    Attributes:
        branches: the branches with a convolution; empty after `merge`.
        identity: BatchNorm of the identity branch; None if input and output differ in shape, and after
            `merge`.
        merged: the only convolution after `merge`; None before.
    """

    def __init__(
        self,
        width_in: int,
        width_out: int,
        kernel: int = 3,
        stride: int = 1,
        padding: int = 1,
        small: int = 1,
    ):
        super().__init__()
        self.stride, self.padding = stride, padding
        self.branches = nn.ModuleList(
            ConvolutionNorm(width_in, width_out, size, stride, padding - (kernel - size) // 2)
            for size in (kernel, small)
            if size
        )
        same = bool(small) and width_in == width_out and stride == 1
        self.identity = nn.BatchNorm2d(width_out) if same else None
        self.merged: nn.Conv2d | None = None

    def forward(self, x: Tensor) -> Tensor:
        """(B, width_in, h, w) to (B, width_out, h', w'), at least 0."""
        if self.merged is not None:
            return F.relu(self.merged(x))
        total = sum(branch(x) for branch in self.branches)
        return F.relu(total if self.identity is None else total + self.identity(x))

    @torch.no_grad()
    def merge(self) -> None:
        """Replaces the branches by one convolution, in place; no effect on a merged one."""
        if self.merged is not None:
            return
        (kernel, bias), *parts = [branch.kernel_and_bias() for branch in self.branches]
        if self.identity is not None:
            width = self.identity.num_features
            parts.append(_with_norm(torch.eye(width).to(kernel)[..., None, None], self.identity))
        for small, small_bias in parts:
            border = (kernel.shape[-1] - small.shape[-1]) // 2
            kernel, bias = kernel + F.pad(small, [border] * 4), bias + small_bias
        self._become(kernel, bias)

    def _become(self, kernel: Tensor, bias: Tensor) -> None:
        """Drops the branches for one convolution with these values."""
        before = self.branches[0].convolution if self.merged is None else self.merged
        trained = before.weight.requires_grad
        width_out, width_in, size, _ = kernel.shape
        self.merged = nn.Conv2d(width_in, width_out, size, self.stride, padding=self.padding)
        self.merged.weight = nn.Parameter(kernel.clone(), trained)
        self.merged.bias = nn.Parameter(bias.clone(), trained)
        self.branches, self.identity = nn.ModuleList(), None

    def _load_from_state_dict(self, state: dict[str, Any], prefix: str, *rest: Any) -> None:
        """Loads tensors of a merged convolution, too."""
        kernel = state.get(f"{prefix}merged.weight")
        if kernel is not None and self.merged is None:
            self._become(kernel, state[f"{prefix}merged.bias"])
        super()._load_from_state_dict(state, prefix, *rest)


class PlainBackbone(nn.Module):
    """Convolutions in three stages, at a quarter, an eighth and a sixteenth of the input.

    Args:
        widths: channels of the stages; multiples of 16, as the kernels of ONNX Runtime use them.
        depths: convolutions of each stage at constant resolution; from the second stage on, one with
            stride 2 comes before them.
        branched: False for one branch in every convolution, the control.

    Attributes:
        channels: channels of the maps that the neck uses, those of the last two stages.
    """

    def __init__(
        self,
        widths: tuple[int, int, int],
        depths: tuple[int, int, int],
        branched: bool = True,
    ):
        super().__init__()
        self.channels = list(widths[1:])
        # A kernel of 8 and a stride of 4: one operator for the two or three of a usual stem.
        self.stem = BranchedConvolution(
            3, widths[0], kernel=8, stride=4, padding=2, small=4 * branched
        )
        self.stage1 = _stage(widths[0], widths[0], depths[0], 1, branched)
        self.stage2 = _stage(widths[0], widths[1], depths[1], 2, branched)
        self.stage3 = _stage(widths[1], widths[2], depths[2], 2, branched)

    @property
    def input_channels(self) -> int:
        """Channels of the input: 3, or 1 after `merge_input`."""
        return 3 if self.stem.merged is None else self.stem.merged.in_channels

    def forward(self, images: Tensor) -> list[Tensor]:
        """Images (B, 3, H, W) to maps (B, C, H / 8, W / 8) and (B, C, H / 16, W / 16)."""
        middle = self.stage2(self.stage1(self.stem(images)))
        return [middle, self.stage3(middle)]

    @torch.no_grad()
    def merge_input(self) -> None:
        """Lets the merged stem take one channel, in place of three equal ones."""
        stem = self.stem.merged
        if stem.in_channels == 3:
            self.stem._become(stem.weight.sum(1, keepdim=True), stem.bias)


def _stage(width_in: int, width: int, depth: int, stride: int, branched: bool) -> nn.Sequential:
    """Convolutions of a stage; with a stride of 2, one more before them has it."""
    small = int(branched)
    first = [BranchedConvolution(width_in, width, stride=2, small=small)] if stride == 2 else []
    rest = (BranchedConvolution(width, width, small=small) for _ in range(depth))
    return nn.Sequential(*first, *rest)


class PlainNeck(nn.Module):
    """Adds the enlarged coarse map to the fine one, then one convolution.

    Args:
        channels: channels of the fine and of the coarse map.
        width: channels of the output.
    """

    def __init__(self, channels: list[int], width: int):
        super().__init__()
        fine, coarse = channels
        self.lateral = nn.Conv2d(coarse, fine, 1)
        self.smooth = BranchedConvolution(fine, width)

    def forward(self, levels: list[Tensor]) -> Tensor:
        """Maps (B, C, h, w) and (B, C', h / 2, w / 2) to (B, width, h, w)."""
        fine, coarse = levels
        # Nearest neighbours: the convolution after it is smooth enough, and the operator is faster.
        return self.smooth(fine + F.interpolate(self.lateral(coarse), scale_factor=2.0))


def merge_branches(network: nn.Module) -> None:
    """Merges the parallel branches of all convolutions of a network, in place."""
    for module in network.modules():
        if isinstance(module, BranchedConvolution):
            module.merge()
