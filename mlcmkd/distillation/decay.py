"""Time-adaptive decay: distillation leads early in training, the ground truth late.

The paper (Tong et al., arXiv 2510.11128) states a weight that falls during training, and no formula for
it. The forms below and their floor are our choices.
"""

import math
from typing import Literal

import torch
from torch import Tensor

from mlcmkd.utils.errors import InputError

DecayKind = Literal["constant", "linear", "cosine", "progress"]
DECAYS: tuple[DecayKind, ...] = ("constant", "linear", "cosine", "progress")
# Smoothing of the average losses: about the last fifty steps count.
SMOOTHING = 0.98


def decay_weight(kind: DecayKind, progress: float, floor: float = 0.0) -> float:
    """Weight of the distillation terms as a function of the training step.

    Args:
        kind: "constant" (1 throughout), "linear" or "cosine" (from 1 down to `floor`).
        progress: 0 at the first step, 1 at the end.
        floor: weight at the end, 0 to 1.

    Raises:
        InputError: a kind that is unknown or depends on the losses, or progress outside 0 to 1.
    """
    if not 0 <= progress <= 1:
        raise InputError(f"progress {progress} is outside 0 to 1")
    if kind == "constant":
        return 1.0
    if kind == "linear":
        remaining = 1 - progress
    elif kind == "cosine":
        remaining = (1 + math.cos(math.pi * progress)) / 2
    else:
        raise InputError(f"decay '{kind}' is unknown; use one of {', '.join(DECAYS)}")
    return floor + (1 - floor) * remaining


class MovingAverage:
    """Exponential moving average, without bias for the first values."""

    def __init__(self, smoothing: float = SMOOTHING):
        self.smoothing = smoothing
        self.total: float | Tensor = 0.0
        self.weight: float = 0.0

    def add(self, value: Tensor) -> None:
        """Includes a value."""
        self.total = self.smoothing * self.total + (1 - self.smoothing) * value
        self.weight = self.smoothing * self.weight + (1 - self.smoothing)

    @property
    def value(self) -> Tensor:
        """The average; at least one value must have been added."""
        return self.total / self.weight


class Decay:
    """The weight of the distillation terms, step by step.

    "progress" depends on the losses, not on the step. With L_S the student's task loss on labelled
    thermal images, L_T the teacher's on the RGB images of the same pairs (both moving averages), and L_0
    the value of L_S at the first step, the weight is (L_S - L_T) / (L_0 - L_T), limited to `floor` to 1:
    a student as good as its teacher does not need its guidance.
    """

    def __init__(self, kind: DecayKind, floor: float = 0.0):
        if kind not in DECAYS:
            raise InputError(f"decay '{kind}' is unknown; use one of {', '.join(DECAYS)}")
        self.kind, self.floor = kind, floor
        self.student, self.teacher = MovingAverage(), MovingAverage()
        self.initial: Tensor | None = None

    @property
    def follows_losses(self) -> bool:
        """Whether the weight depends on the losses given to `observe`."""
        return self.kind == "progress"

    def observe(self, student: Tensor, teacher: Tensor) -> None:
        """Includes the task losses of a batch's labelled rows, two scalars."""
        self.student.add(student.detach())
        self.teacher.add(teacher.detach())
        if self.initial is None:
            self.initial = self.student.value

    def state(self) -> dict[str, float | Tensor]:
        """The averages so far, for `restore`."""
        state = {
            "student total": self.student.total,
            "student weight": self.student.weight,
            "teacher total": self.teacher.total,
            "teacher weight": self.teacher.weight,
        }
        return state if self.initial is None else {**state, "first": self.initial}

    def restore(self, state: dict[str, float | Tensor]) -> None:
        """Continues from what `state` returned."""
        self.student.total, self.student.weight = state["student total"], state["student weight"]
        self.teacher.total, self.teacher.weight = state["teacher total"], state["teacher weight"]
        self.initial = state.get("first")

    def weight(self, progress: float) -> float | Tensor:
        """The weight, `floor` to 1, at a progress of 0 (first step) to 1 (end).

        A 0-dimensional tensor where it depends on the losses: converting it to a number at every step
        would make a GPU wait.
        """
        if not self.follows_losses:
            return decay_weight(self.kind, progress, self.floor)
        if self.initial is None:
            return 1.0
        excess = self.student.value - self.teacher.value
        initial_excess = torch.clamp(self.initial - self.teacher.value, min=1e-6)
        return torch.clamp(excess / initial_excess, self.floor, 1.0)
