"""Random numbers of the augmentation."""

import torch
from torch import Tensor


class Draw:
    """Random numbers drawn by a generator on the CPU and moved to the images' device.

    Drawing on the CPU gives the same augmentation on every device for a seed.
    """

    def __init__(self, generator: torch.Generator, device: torch.device):
        self.generator, self.device = generator, device

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        return (low + (high - low) * torch.rand(shape, generator=self.generator)).to(self.device)

    def chance(self, probability: float, *shape: int) -> Tensor:
        return (torch.rand(shape, generator=self.generator) < probability).to(self.device)

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self.generator).to(self.device)
