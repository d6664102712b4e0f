"""Checks of the exercises of lesson 05."""

from typing import Any

import numpy as np
import torch

from mlcmkd.course.checks.answers import (
    FORM,
    NotYet,
    agree,
    call,
    close,
    finding,
    numbers,
    table,
)
from mlcmkd.distillation.kd_loss import BAND, TOUGH_ALPHA, TOUGH_INNER, main_values


def assistive(answer: Any, p: list[float], g: float, t: float) -> str:
    """The Tough-Teacher's assistive loss of each prediction, by hand.

    Args:
        p: predictions; g: the truth; t: the teacher, all centred coordinates.
    """
    found = numbers(answer, "values", (len(p),))
    d, r = abs(np.array(p) - g), abs(t - g)
    outside, inside = d > r, (d < BAND * r)

    def values(
        alpha: float = TOUGH_ALPHA,
        inner: float = TOUGH_INNER,
        distance: np.ndarray | None = None,
        silent: np.ndarray = inside,
    ) -> np.ndarray:
        off = abs(d - r) if distance is None else distance
        return np.where(silent, 0, np.where(outside, alpha, inner) * off)

    signed = abs(np.array(p) - t)
    agree(
        found,
        values(),
        "values",
        [
            (values(inner=-TOUGH_INNER), "between band and teacher the weight is negative: the loss "
             "rewards being nearer than the teacher"),
            (values(1.8, -0.4), "1.8 and -0.4 are the Tolerant-Teacher's weights"),
            (values(silent=np.zeros_like(inside)), "inside the band, d < 0.15 r, the teacher is "
             "silent: 0"),
            (values(inner=TOUGH_ALPHA), "one weight for all: between band and teacher it is -0.45"),
            (values(distance=signed), "a prediction on the other side of g: the teacher is mirrored "
             "to its side, so |t' - p| = |d - r|"),
            (values(distance=d), "the weight multiplies the distance to the *teacher*, |d - r|"),
        ],
        hint="Find d and r first, then the region, then weight times |d - r|.",
    )  # fmt: skip
    return "Right: pulled beyond the teacher, pulled on past it, left alone in the band."


def main_loss(function: Any) -> str:
    """A function (p, g, t) of tensors to the main loss of each coordinate."""
    p = torch.tensor([0.01, -0.03, 0.05, 0.10, -0.20])
    g, t = torch.zeros(5), torch.tensor([0.02, 0.02, 0.05, -0.05, 0.02])
    found = numbers(call(function, "main_loss", p, g, t), "main_loss(p, g, t)")
    if found.shape == ():
        raise NotYet("main_loss: one value a coordinate is asked for, not their mean")
    d, r = p.abs().numpy(), t.abs().numpy()
    agree(
        found,
        main_values(p, g, t).numpy(),
        "main_loss(p, g, t)",
        [
            (np.where(d <= r, 3 * d, d**2), "at d = r the loss jumps: beyond it, 3 r - r^2 is "
             "missing"),
            (np.where(d <= r, d**2, 3 * d), "the branches have changed places: linear up to the "
             "teacher's distance, quadratic beyond"),
            (3 * d, "that is linear everywhere; beyond the Tolerant-Teacher it is d^2 + 3 r - r^2"),
            (np.where((p <= t).numpy(), 3 * d, d**2 + 3 * r - r**2), "compare distances, |p - g| and "
             "|t - g|, not places: a prediction may lie on either side"),
            (np.where(d <= r, 3 * d, d**2 + 3 * r + r**2), "a sign: + 3 r, but - r^2"),
        ],
    )  # fmt: skip
    q = p.clone().requires_grad_()
    value = call(function, "main_loss", q, g, t)
    if isinstance(value, torch.Tensor) and not value.requires_grad:
        raise NotYet("main_loss: no gradient comes back to p; did you leave torch, or detach p?")
    return (
        "Right, and continuous at d = r: steep near the truth, gentle where even a teacher is far."
    )


def clip(function: Any) -> str:
    """A function (b, variances) to the coefficients of a soft shape, |b_i| <= 3 sqrt(lambda_i)."""
    b = np.array([[5.0, -0.25, 0.02], [-2.0, 0.35, -0.31]])
    variances = np.array([0.04, 0.01, 0.01])
    found = numbers(call(function, "clip", b, variances), "clip(b, variances)", b.shape)
    reach = 3 * np.sqrt(variances)
    agree(
        found,
        np.clip(b, -reach, reach),
        "clip(b, variances)",
        [
            (np.clip(b, -3 * variances, 3 * variances), "lambda is a variance; three standard "
             "deviations are 3 sqrt(lambda)"),
            (np.clip(b, -np.sqrt(variances), np.sqrt(variances)), "that is one standard deviation; "
             "three are allowed"),
            (np.clip(b, -3, 3), "each mode has its own spread: 3 sqrt(lambda_i), not 3"),
            (np.minimum(b, reach), "large negative coefficients pass: clip on both sides"),
            (np.where(abs(b) > reach, 0, b), "a coefficient that is too large is brought to its "
             "limit, not dropped"),
            (b, "nothing was clipped"),
        ],
    )  # fmt: skip
    if not close(found, numbers(call(function, "clip", found, variances), "clip")):
        raise NotYet("clip: clipping once more should change nothing")
    return "Right: what is rare about a face is brought back to three standard deviations."


def variances(rows: Any, text: Any) -> str:
    """The form of the open experiment: share of the variance, modes, and how soft landmarks become."""
    for row in table(rows, ("variance", "modes", "percent"), "rows", least=3):
        if not 0 < float(row["variance"]) <= 1:
            raise NotYet("rows: a share of the variance lies above 0 and at most at 1")
    finding(text)
    return FORM
