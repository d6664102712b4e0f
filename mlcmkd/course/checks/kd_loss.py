"""Checks of the exercises of lesson 05."""

from typing import Any

import numpy as np
import torch

from mlcmkd.course.checks.answers import (
    FORM,
    NotYet,
    as_numbers,
    call_function,
    check_finding,
    check_table,
    check_value,
    is_close,
)
from mlcmkd.distillation.kd_loss import BAND, TOUGH_ALPHA, TOUGH_INNER, main_values


def assistive(answer: Any, p: list[float], g: float, t: float) -> str:
    """The assistive loss of the Tough-Teacher for each prediction, computed by hand.

    Args:
        p: predictions; g: ground truth; t: teacher prediction, all in centred coordinates.
    """
    value = as_numbers(answer, "values", (len(p),))
    d, r = abs(np.array(p) - g), abs(t - g)
    outside, inside = d > r, (d < BAND * r)

    def values(
        alpha: float = TOUGH_ALPHA,
        inner: float = TOUGH_INNER,
        distance: np.ndarray | None = None,
        band: np.ndarray = inside,
    ) -> np.ndarray:
        deviation = abs(d - r) if distance is None else distance
        return np.where(band, 0, np.where(outside, alpha, inner) * deviation)

    signed = abs(np.array(p) - t)
    check_value(
        value,
        values(),
        "values",
        [
            (values(inner=-TOUGH_INNER), "between band and teacher the weight is negative: the loss "
             "decreases with the distance from the teacher"),
            (values(1.8, -0.4), "1.8 and -0.4 are the Tolerant-Teacher's weights"),
            (values(band=np.zeros_like(inside)), "inside the band, d < 0.15 r, the loss is 0"),
            (values(inner=TOUGH_ALPHA), "you used one weight for all regions: between band and "
             "teacher it is -0.45"),
            (values(distance=signed), "for a prediction with the opposite sign the teacher is "
             "mirrored, so |t' - p| = |d - r|"),
            (values(distance=d), "the weight multiplies the distance to the *teacher*, |d - r|"),
        ],
        hint="Compute d and r first, then find the region, then compute weight times |d - r|.",
    )  # fmt: skip
    return (
        "Right: the gradient points towards the truth on both sides of the teacher, and is 0 in the "
        "band."
    )


def main_loss(function: Any) -> str:
    """A function (p, g, t) of tensors to the main loss of each coordinate."""
    p = torch.tensor([0.01, -0.03, 0.05, 0.10, -0.20])
    g, t = torch.zeros(5), torch.tensor([0.02, 0.02, 0.05, -0.05, 0.02])
    value = as_numbers(call_function(function, "main_loss", p, g, t), "main_loss(p, g, t)")
    if value.shape == ():
        raise NotYet("main_loss: one value per coordinate is required, not their mean")
    d, r = p.abs().numpy(), t.abs().numpy()
    check_value(
        value,
        main_values(p, g, t).numpy(),
        "main_loss(p, g, t)",
        [
            (np.where(d <= r, 3 * d, d**2), "the loss is not continuous at d = r: for d > r, "
             "3 r - r^2 is missing"),
            (np.where(d <= r, d**2, 3 * d), "the branches are exchanged: linear up to the teacher's "
             "distance, quadratic beyond"),
            (3 * d, "this is linear everywhere; beyond the Tolerant-Teacher it is d^2 + 3 r - r^2"),
            (np.where((p <= t).numpy(), 3 * d, d**2 + 3 * r - r**2), "compare distances, |p - g| and "
             "|t - g|, not coordinates, which may have either sign"),
            (np.where(d <= r, 3 * d, d**2 + 3 * r + r**2), "wrong sign: + 3 r, but - r^2"),
        ],
    )  # fmt: skip
    q = p.clone().requires_grad_()
    value = call_function(function, "main_loss", q, g, t)
    if isinstance(value, torch.Tensor) and not value.requires_grad:
        raise NotYet(
            "main_loss: p gets no gradient; use only torch operations, and do not detach p"
        )
    return "Right, and continuous at d = r: steep near the truth, a small gradient far from it."


def clip(function: Any) -> str:
    """A function (b, variances) to the limited coefficients, |b_i| <= 3 sqrt(v_i)."""
    b = np.array([[5.0, -0.25, 0.02], [-2.0, 0.35, -0.31]])
    variances = np.array([0.04, 0.01, 0.01])
    value = as_numbers(call_function(function, "clip", b, variances), "clip(b, variances)", b.shape)
    limit = 3 * np.sqrt(variances)
    check_value(
        value,
        np.clip(b, -limit, limit),
        "clip(b, variances)",
        [
            (np.clip(b, -3 * variances, 3 * variances), "v_i is a variance; three standard "
             "deviations are 3 sqrt(v_i)"),
            (np.clip(b, -np.sqrt(variances), np.sqrt(variances)), "this is one standard deviation; "
             "the limit is three"),
            (np.clip(b, -3, 3), "each mode has its own standard deviation: 3 sqrt(v_i), not 3"),
            (np.minimum(b, limit), "large negative coefficients are not limited: clip in both "
             "directions"),
            (np.where(abs(b) > limit, 0, b), "a coefficient that is too large is set to its limit, "
             "not to zero"),
            (b, "the coefficients are unchanged"),
        ],
    )  # fmt: skip
    if not is_close(value, as_numbers(call_function(function, "clip", value, variances), "clip")):
        raise NotYet("clip: applied twice, it must not change the result")
    return "Right: every coefficient is limited to three standard deviations of its mode."


def variances(rows: Any, text: Any) -> str:
    """Form of the open experiment: share of the variance, modes, distance of soft landmarks."""
    for row in check_table(rows, ("variance", "modes", "percent"), "rows", least=3):
        if not 0 < float(row["variance"]) <= 1:
            raise NotYet("rows: a share of the variance is above 0 and at most 1")
    check_finding(text)
    return FORM
