"""Time-adaptive decay: the weight of the distillation terms falls during training.

The paper (Tong et al., arXiv 2510.11128) states that the weight falls, but gives no formula. The
schedules below and their lower limit, `floor`, are our choices.
"""

import math
from typing import Literal

import torch
from torch import Tensor

from mlcmkd.utils.errors import InputError

DecayKind = Literal["constant", "linear", "cosine", "progress"]
DECAYS: tuple[DecayKind, ...] = ("constant", "linear", "cosine", "progress")
# Weight of the past in the average losses at each step: 0.98 averages over about the last 50 steps.
SMOOTHING = 0.98


def decay_weight(kind: DecayKind, progress: float, floor: float = 0.0) -> float:
    """Weight of the distillation terms as a function of the training step.

        constant    1
        linear      floor + (1 - floor) (1 - progress)
        cosine      floor + (1 - floor) (1 + cos(pi progress)) / 2

    Args:
        kind: one of the three above.
        progress: 0 at the first step, 1 at the end.
        floor: weight at the end, 0 to 1.

    Returns:
        the weight, `floor` to 1.

    Raises:
        InputError: an unknown kind, the kind "progress", which depends on the losses, or a progress
            outside 0 to 1.
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
    """Exponential moving average with bias correction, as in Adam (Kingma and Ba, 2015, section 3).

    Args:
        smoothing: weight of the past at each step, 0 or more and below 1.
    """

    def __init__(self, smoothing: float = SMOOTHING):
        self.smoothing = smoothing
        self.total: float | Tensor = 0.0
        self.weight: float = 0.0

    def add(self, value: Tensor) -> None:
        """Adds a value, a scalar, to the average."""
        self.total = self.smoothing * self.total + (1 - self.smoothing) * value
        self.weight = self.smoothing * self.weight + (1 - self.smoothing)

    @property
    def value(self) -> Tensor:
        """The average; at least one value must have been added."""
        return self.total / self.weight


class Decay:
    """The weight of the distillation terms at each training step.

    "constant", "linear" and "cosine" depend on the step only, see `decay_weight`. "progress" depends on
    the losses. Let L_S be the student's task loss on labelled thermal images, and L_T the teacher's task
    loss on the RGB images of the same pairs, both as moving averages. Let L_0 be L_S at the first step.
    The weight is (L_S - L_T) / (L_0 - L_T), clipped to [floor, 1]. So the guidance of the teacher ends
    when the student is as accurate as the teacher.

    Args:
        kind: one of `DECAYS`.
        floor: lowest weight, 0 to 1.

    Raises:
        InputError: an unknown kind.
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
        """Adds the mean task losses of a batch's labelled rows, two scalars, to the averages."""
        self.student.add(student.detach())
        self.teacher.add(teacher.detach())
        if self.initial is None:
            self.initial = self.student.value

    def state(self) -> dict[str, float | Tensor]:
        """The current averages, to be given to `restore`."""
        state = {
            "student total": self.student.total,
            "student weight": self.student.weight,
            "teacher total": self.teacher.total,
            "teacher weight": self.teacher.weight,
        }
        return state if self.initial is None else {**state, "first": self.initial}

    def restore(self, state: dict[str, float | Tensor]) -> None:
        """Restores the averages that `state` returned."""
        self.student.total, self.student.weight = state["student total"], state["student weight"]
        self.teacher.total, self.teacher.weight = state["teacher total"], state["teacher weight"]
        self.initial = state.get("first")

    def weight(self, progress: float) -> float | Tensor:
        """The weight of the distillation terms.

        Args:
            progress: 0 at the first step, 1 at the end.

        Returns:
            `floor` to 1. It is a 0-dimensional tensor where it depends on the losses, because a
            conversion to a number at every step would synchronise with the GPU.
        """
        if not self.follows_losses:
            return decay_weight(self.kind, progress, self.floor)
        if self.initial is None:
            return 1.0
        excess = self.student.value - self.teacher.value
        initial_excess = torch.clamp(self.initial - self.teacher.value, min=1e-6)
        return torch.clamp(excess / initial_excess, self.floor, 1.0)
