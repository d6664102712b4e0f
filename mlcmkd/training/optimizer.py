"""The optimizer and its learning rate."""

import math

import torch
from torch import nn

from mlcmkd.training.config import FitConfig
from mlcmkd.training.muon import Muon


def learning_rate(step: int, config: FitConfig) -> float:
    """The learning rate of a step: a linear rise over the warm-up, then a cosine that falls to zero.

    The cosine is equation 5 of Loshchilov and Hutter, "SGDR", arXiv:1608.03983, 2017, without restarts.

    Args:
        step: 0 to `config.steps` - 1.
        config: highest learning rate, number of steps, share of warm-up.
    """
    warm = config.warmup * config.steps
    if step < warm:
        return config.learning_rate * (step + 1) / (warm + 1)
    progress = (step - warm) / max(1.0, config.steps - warm)
    return config.learning_rate * (1 + math.cos(math.pi * progress)) / 2


def make_optimizer(objective: nn.Module, config: FitConfig) -> torch.optim.Optimizer:
    """AdamW or Muon for all parameters that require a gradient; weight decay of matrices and kernels.

    AdamW is that of Loshchilov and Hutter (arXiv:1711.05101, 2019), Muon that of `training.muon`.
    """
    trained = [p for p in objective.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    if config.optimizer == "muon":
        return Muon(groups, lr=config.learning_rate)
    # The fused version reads memory once instead of ten times; on a CPU it takes a third of the time.
    return torch.optim.AdamW(groups, lr=config.learning_rate, fused=True)
