"""Hyperparameters of the training loop."""

from typing import Literal

from pydantic import Field

from mlcmkd.utils.config import Config, late


class FitConfig(Config):
    """Hyperparameters of the training loop, and the devices that it runs on."""

    steps: int = Field(default=1000, ge=1, description="Optimiser steps.")
    batch: int = Field(
        default=32, ge=2, description="Pairs per step, in each process and accumulated part."
    )
    learning_rate: float = Field(
        default=2e-3,
        gt=0,
        description="Highest learning rate, reached after the warm-up; then a cosine that falls to 0.",
    )
    warmup: float = Field(
        default=0.05, ge=0, lt=1, description="Share of the steps in which the learning rate rises."
    )
    weight_decay: float = Field(
        default=0.05,
        ge=0,
        description="Weight decay of the optimizer, on matrices and kernels, not on biases and norms.",
    )
    clip: float = Field(default=5.0, gt=0, description="Largest norm of the gradient.")
    evaluations: int = Field(
        default=5, ge=1, description="How often the validation split is scored during the training."
    )
    precision: Literal["32-true", "bf16-mixed"] = Field(
        default="32-true",
        description="Precision of Lightning Fabric: float32, or bfloat16 where the hardware has it.",
    )
    accelerator: str = Field(
        default="auto", description="Accelerator of Lightning Fabric, such as cpu or cuda."
    )
    devices: int | Literal["auto"] = Field(
        default=1, description="Devices on each node, one process each."
    )
    accumulate: int = late(
        1,
        ge=1,
        description="Batches per step; the optimiser steps by the mean of their gradients.",
    )
    nodes: int = late(1, ge=1, description="Machines that take part.")
    ema: float | None = late(
        None,
        gt=0,
        lt=1,
        description="Decay of an exponential moving average of the weights, which is validated and "
        "saved instead of the last weights; 0.99 is over about 100 steps. None for no average.",
    )
    optimizer: Literal["adamw", "muon"] = late(
        "adamw",
        description="adamw; or muon, which orthogonalises the steps of matrices and kernels: lower "
        "errors after short trainings, while a step takes longer. The learning rates are comparable.",
    )

    @property
    def processes(self) -> int | None:
        """Number of processes; None if it follows from the devices of the machine."""
        known = isinstance(self.devices, int) and self.devices >= 0
        return self.devices * self.nodes if known else None
