"""KD-Loss: a student learns from the ground truth and two teachers (Fard and Mahoor, arXiv 2111.07047).

All formulas apply to single coordinates. These are centred coordinates: pixels of the input divided by
its width, -0.5 to 0.5. The scale matters, because `main_values` has a linear and a quadratic branch,
whose ratio depends on it. Let g be the ground truth, p the prediction and t a teacher's prediction. The
formulas use only two distances, d = |p - g| and r = |t - g|. The paper mirrors the teacher to the
prediction's side of g, t' = g + sign(p - g) r. Then |t' - p| = |d - r|, so the sign is not needed here.

The band is the interval around g in which the assistive loss has another weight: d < band r. By default
the constants and the rules at the borders are those of the authors' published code. The sample figures
of the paper differ from the code in three ways. Inside the band the weight of the assistive loss is a
ramp, so that the loss is continuous; the band is wider; and the main loss has another weight. `inner`,
`band`, `slope` and `main_weight` select one of the two, and `FIGURES` holds the values of the figures.

Functions named `..._values` return one value per coordinate; the others return the mean over all
coordinates. Target and teachers carry no gradient. Half precision is computed in float32.
"""

from typing import Any, Literal, get_args

import torch
from torch import Tensor

from mlcmkd.utils.errors import InputError

Inner = Literal["zero", "ramp"]

# The constants of the authors' published code.
BAND = 0.15  # half width of the band around the truth, as a share of the teacher's distance r
TOUGH_ALPHA, TOUGH_INNER = 1.9, -0.45
TOLERANT_ALPHA, TOLERANT_INNER = 1.8, -0.4
MAIN_WEIGHT, TOUGH_WEIGHT, TOLERANT_WEIGHT = 2.0, 1.0, 1.0
SLOPE = 3.0  # of the main loss's linear branch
# Arguments of `kd_values` for the authors' sample figures. The figures do not state the slope of the
# main loss. They label the slope of the total loss at the truth as low. With a main slope of 1 it is
# 2.5 - (0.45 + 0.4) / 0.4 = 0.375; with 3 it would be 5.375.
FIGURES: dict[str, Any] = {"inner": "ramp", "band": 0.4, "slope": 1.0, "main_weight": 2.5}


def _distances(prediction: Tensor, target: Tensor, teacher: Tensor) -> tuple[Tensor, Tensor]:
    """The distances d = |p - g|, with gradient, and r = |t - g|, without; at least float32.

    Raises:
        InputError: different shapes, which torch would broadcast without notice, or empty tensors.
    """
    if not prediction.shape == target.shape == teacher.shape:
        raise InputError(
            f"prediction {tuple(prediction.shape)}, target {tuple(target.shape)} and teacher "
            f"{tuple(teacher.shape)} must have the same shape"
        )
    if not prediction.numel():
        raise InputError(f"shape {tuple(prediction.shape)} has no coordinates to compare")
    p, g, t = (
        values.to(torch.promote_types(values.dtype, torch.float32))
        for values in (prediction, target.detach(), teacher.detach())
    )
    return (p - g).abs(), (t - g).abs()


def assistive_values(
    prediction: Tensor,
    target: Tensor,
    teacher: Tensor,
    alpha: float,
    alpha_inner: float,
    band: float = BAND,
    inner: Inner = "zero",
) -> Tensor:
    """Assistive loss (ALoss) of each coordinate, w |t' - p|, in its three regions.

    The slope is the derivative by d: a positive slope moves the prediction towards g.

        region           where               value                      slope
        beyond           d > r               alpha (d - r)              alpha
        between          band r <= d <= r    alpha_inner (r - d)        -alpha_inner
        band, "zero"     d < band r          0                          0
        band, "ramp"     d < band r          s d (r - d)                s (r - 2 d)
        exact teacher    r = 0               0                          0

    The ramp's weight rises from 0 at the truth to alpha_inner at the border: s d with
    s = alpha_inner / (band r).

    Properties:

    - With alpha_inner < 0 < alpha no gradient step outside of a ramp moves the prediction away from g.
      Nearer to g than the teacher the loss is negative, and its slope is smaller than beyond the
      teacher.
    - The value is positive beyond the teacher, negative between, and continuous at d = r, where the
      slope falls from alpha to -alpha_inner as d decreases.
    - With "zero" the value is discontinuous at the border of the band: alpha_inner (1 - band) r on the
      border, the minimum (-0.3825 r for the Tough-Teacher, -0.34 r for the Tolerant-Teacher), and 0
      inside. The gradients do not contain this jump, but the values do: a lower loss does not always
      mean a smaller error.
    - With "ramp" the value is continuous everywhere and 0 at p = g. Inside the band the slope is
      negative where d < r / 2, so it reduces the slope of the main loss. The reduction is largest at the
      truth: -alpha_inner / band.
    - A teacher with r = 0 has no effect. One with a very small r has the slope alpha nearly everywhere.

    Both borders belong to "between", as in the authors' code, and so does their gradient. At p = g the
    gradient is 0.

    Args:
        prediction, target, teacher: one shape (..., coordinates), centred coordinates.
        alpha: weight beyond the teacher.
        alpha_inner: weight between band and teacher; negative in the paper.
        band: half width of the band, as a share of r, 0 to 1. With 0 there is no band: p = g belongs to
            "between", and the value is continuous.
        inner: weight inside the band: "zero" as in the authors' code, "ramp" as in their figures.

    Returns:
        The same shape; positive or negative.

    Raises:
        InputError: different shapes, empty tensors, or an unknown `inner`.
    """
    if inner not in get_args(Inner):
        raise InputError(f"inner={inner!r} must be zero or ramp")
    d, r = _distances(prediction, target, teacher)
    outside = torch.where(d > r, alpha * (d - r), alpha_inner * (r - d))
    # With comparisons in this direction a NaN is not in the band, so it stays in the result.
    inside = (d < band * r) | (r == 0)
    if inner == "zero":
        return torch.where(inside, torch.zeros_like(d), outside)
    # A masked division by 0 would still give a NaN gradient.
    width = torch.where(inside & (r > 0), band * r, torch.ones_like(r))
    return torch.where(inside, alpha_inner * (d / width) * (r - d) * (r > 0), outside)


def main_values(
    prediction: Tensor, target: Tensor, tolerant: Tensor, slope: float = SLOPE
) -> Tensor:
    """Main loss of each coordinate; r is the Tolerant-Teacher's distance, s the slope, 3 by default.

        where     value              slope
        d <= r    s d                s
        d > r     d^2 + s r - r^2    2 d, at most 2 where d is at most 1

    The value is continuous at d = r, where the slope falls from s to 2 r. So the slope is large where
    the student is nearer to g than the teacher. Where the student is further away the slope is small,
    because d is small in centred coordinates, and the assistive losses dominate. With r = 0 the value is
    d^2 everywhere.

    Args:
        prediction, target, tolerant: one shape (..., coordinates), centred coordinates.
        slope: slope s of the linear branch, above 0.

    Returns:
        The same shape, at least 0.

    Raises:
        InputError: different shapes, or empty tensors.
    """
    d, r = _distances(prediction, target, tolerant)
    return torch.where(d <= r, slope * d, d.square() + slope * r - r.square())


def kd_values(
    prediction: Tensor,
    target: Tensor,
    tough: Tensor,
    tolerant: Tensor,
    *,
    main_weight: float = MAIN_WEIGHT,
    tough_weight: float = TOUGH_WEIGHT,
    tolerant_weight: float = TOLERANT_WEIGHT,
    tough_alpha: float = TOUGH_ALPHA,
    tough_inner: float = TOUGH_INNER,
    tolerant_alpha: float = TOLERANT_ALPHA,
    tolerant_inner: float = TOLERANT_INNER,
    band: float = BAND,
    inner: Inner = "zero",
    slope: float = SLOPE,
) -> dict[str, Tensor]:
    """KD-Loss of each coordinate, as weighted terms that sum to the total.

    The table gives the slope of the sum for the default arguments. Inside the band of one teacher only,
    the slope is lower by the contribution of that teacher (0.45 or 0.4):

        beyond both teachers                   4 d + 3.7
        between them, Tough-Teacher nearer     8.3
        between them, Tolerant-Teacher nearer  4 d + 2.25
        nearer than both                       6.85
        inside both bands                      6

    So every gradient step moves the prediction towards g. The largest slope is not that of the worst
    predictions, but that of predictions between the two teachers.

    With inner "ramp" the slope falls to 6 - (0.45 + 0.4) / 0.15 = 0.33 at the truth. It can be negative
    where the student is further from g than the Tolerant-Teacher and much nearer than the Tough-Teacher.
    A gradient step then moves the prediction away from g.

    The total is 0 at p = g and rises with d. With inner "zero" it also jumps at the borders of the two
    bands. With both teachers at the same distance it is positive elsewhere. Where the Tolerant-Teacher
    is much nearer to g than the Tough-Teacher it becomes negative, with its minimum at the border of the
    Tough-Teacher's band, not at g. With inner "zero" no gradient points towards this minimum.

    Args:
        prediction, target, tough, tolerant: one shape (..., coordinates), centred coordinates.
        main_weight, tough_weight, tolerant_weight: weights of the three terms.
        tough_alpha, tough_inner: `alpha` and `alpha_inner` of the Tough-Teacher.
        tolerant_alpha, tolerant_inner: `alpha` and `alpha_inner` of the Tolerant-Teacher.
        band, inner: the band of both teachers, see `assistive_values`.
        slope: slope of the main loss, see `main_values`.

    Returns:
        "main", "tough" and "tolerant", each of the same shape.

    Raises:
        InputError: different shapes, empty tensors, or an unknown `inner`.
    """
    aloss_tough = assistive_values(prediction, target, tough, tough_alpha, tough_inner, band, inner)
    aloss_tolerant = assistive_values(
        prediction, target, tolerant, tolerant_alpha, tolerant_inner, band, inner
    )
    return {
        "main": main_weight * main_values(prediction, target, tolerant, slope),
        "tough": tough_weight * aloss_tough,
        "tolerant": tolerant_weight * aloss_tolerant,
    }


def assistive_loss(
    prediction: Tensor,
    target: Tensor,
    teacher: Tensor,
    alpha: float,
    alpha_inner: float,
    band: float = BAND,
    inner: Inner = "zero",
) -> Tensor:
    """Mean of `assistive_values` over all coordinates, a scalar, positive or negative.

    Arguments and errors are those of `assistive_values`.
    """
    return assistive_values(prediction, target, teacher, alpha, alpha_inner, band, inner).mean()


def main_loss(prediction: Tensor, target: Tensor, tolerant: Tensor, slope: float = SLOPE) -> Tensor:
    """Mean of `main_values` over all coordinates, a scalar, at least 0.

    Arguments and errors are those of `main_values`.
    """
    return main_values(prediction, target, tolerant, slope).mean()


def kd_loss(
    prediction: Tensor, target: Tensor, tough: Tensor, tolerant: Tensor, **constants: Any
) -> dict[str, Tensor]:
    """Means of `kd_values` over all coordinates: scalars by name that sum to KD-Loss.

    Args:
        prediction, target, tough, tolerant: as for `kd_values`.
        constants: keyword arguments of `kd_values`: weights, alphas, band, inner and slope.

    Raises:
        InputError: as `kd_values`.
    """
    values = kd_values(prediction, target, tough, tolerant, **constants)
    return {name: value.mean() for name, value in values.items()}
