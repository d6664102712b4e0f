"""Time-adaptive decay: distillation leads early, the ground truth late.

The paper asks for a weight that falls over training and leaves its form open; the forms here and
their floor are ours.
"""

import math
from typing import Literal

import torch
from torch import Tensor

from mlcmkd.utils.errors import InputError

DecayKind = Literal["constant", "linear", "cosine", "progress"]
DECAYS: tuple[DecayKind, ...] = ("constant", "linear", "cosine", "progress")
# How much of its past the running mean of a loss keeps, a step: about the last fifty steps count.
MEMORY = 0.98


def decay_weight(kind: DecayKind, progress: float, floor: float = 0.0) -> float:
    """Weight of the distillation terms at a point of training, by the clock alone.

    Args:
        kind: "constant" (1 throughout), "linear" or "cosine" (from 1 down to `floor`).
        progress: 0 at the first step, 1 at the last.
        floor: what is left at the end, 0 to 1.

    Raises:
        InputError: a kind that is unknown or not a matter of the clock, or progress outside 0 to 1.
    """
    if not 0 <= progress <= 1:
        raise InputError(f"progress {progress} is outside 0 to 1")
    if kind == "constant":
        return 1.0
    if kind == "linear":
        left = 1 - progress
    elif kind == "cosine":
        left = (1 + math.cos(math.pi * progress)) / 2
    else:
        raise InputError(f"decay '{kind}' is unknown; use one of {', '.join(DECAYS)}")
    return floor + (1 - floor) * left


class RunningMean:
    """Mean of what was seen lately, the first values unbiased."""

    def __init__(self, memory: float = MEMORY):
        self.memory, self.total, self.weight = memory, 0.0, 0.0

    def add(self, value: Tensor) -> None:
        self.total = self.memory * self.total + (1 - self.memory) * value
        self.weight = self.memory * self.weight + (1 - self.memory)

    @property
    def value(self) -> Tensor:
        return self.total / self.weight


_PARTS = ("total", "weight")


class Decay:
    """The weight of the distillation terms, step by step.

    "progress" follows the student instead of the clock. With L_S the student's task loss on labelled
    thermal images, L_T the teacher's on their RGB twins (running means both) and L_0 what L_S was at
    the first step, the weight is (L_S - L_T) / (L_0 - L_T), kept between `floor` and 1: a student who
    has caught up with its teacher has no more to learn from it.
    """

    def __init__(self, kind: DecayKind, floor: float = 0.0):
        if kind not in DECAYS:
            raise InputError(f"decay '{kind}' is unknown; use one of {', '.join(DECAYS)}")
        self.kind, self.floor = kind, floor
        self.student, self.teacher = RunningMean(), RunningMean()
        self.first: Tensor | None = None

    @property
    def listens(self) -> bool:
        """Whether `observe` has any influence."""
        return self.kind == "progress"

    def observe(self, student: Tensor, teacher: Tensor) -> None:
        """Task losses of a batch's labelled rows: the student's on thermal, the teacher's on RGB."""
        self.student.add(student.detach())
        self.teacher.add(teacher.detach())
        if self.first is None:
            self.first = self.student.value

    def state(self) -> dict[str, float | Tensor]:
        """What was observed so far, for `take`."""
        means = {"student": self.student, "teacher": self.teacher}
        told = {f"{k} {part}": getattr(m, part) for k, m in means.items() for part in _PARTS}
        return told if self.first is None else {**told, "first": self.first}

    def take(self, state: dict[str, float | Tensor]) -> None:
        """Goes on where `state` was asked for."""
        for name, mean in (("student", self.student), ("teacher", self.teacher)):
            for part in _PARTS:
                setattr(mean, part, state[f"{name} {part}"])
        self.first = state.get("first")

    def weight(self, progress: float) -> float | Tensor:
        """The weight at a point of training (0 at the first step, 1 at the last), `floor` to 1.

        A 0-dimensional tensor where it follows the losses: reading it as a number each step would
        make a GPU wait.
        """
        if not self.listens:
            return decay_weight(self.kind, progress, self.floor)
        if self.first is None:
            return 1.0
        ahead = self.student.value - self.teacher.value
        span = torch.clamp(self.first - self.teacher.value, min=1e-6)
        return torch.clamp(ahead / span, self.floor, 1.0)
