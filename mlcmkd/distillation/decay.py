"""Time-adaptive decay: distillation leads early, the ground truth late.

The paper asks for a weight that falls over training and leaves its form open; the forms here and
their floor are ours.
"""

import math
from typing import Literal

from mlcmkd.errors import InputError

Decay = Literal["constant", "linear", "cosine"]
DECAYS: tuple[Decay, ...] = ("constant", "linear", "cosine")


def decay_weight(kind: Decay, progress: float, floor: float = 0.0) -> float:
    """Weight of the distillation terms at a point of training.

    Args:
        kind: "constant" (1 throughout), "linear" or "cosine" (from 1 down to `floor`).
        progress: 0 at the first step, 1 at the last.
        floor: what is left at the end, 0 to 1.

    Raises:
        InputError: unknown kind, or progress outside 0 to 1.
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
