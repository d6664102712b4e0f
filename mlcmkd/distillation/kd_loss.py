"""KD-Loss: a student between the ground truth and two teachers (Fard and Mahoor, arXiv 2111.07047).

All is said coordinate by coordinate, in centred coordinates (pixels of the input divided by its side,
-0.5 to 0.5). The scale matters: `main_values` has a linear and a quadratic branch, and in pixels the
two would weigh otherwise. With g the ground truth, p the prediction and t a teacher's prediction, the
formulas know only two distances, d = |p - g| and r = |t - g|. The paper mirrors the teacher to the
prediction's side of g, t' = g + sign(p - g) r; then |t' - p| = |d - r|, and neither side nor sign is
needed here.

Functions named `..._values` return one value a coordinate, for objectives that weigh rows; the others
return the mean. Target and teachers carry no gradient. Half precision is computed in float32.
"""

import torch
from torch import Tensor

from mlcmkd.utils.errors import InputError

# The constants of the authors' published code.
BAND = 0.15  # share of the teacher's distance within which the teacher is silent
TOUGH_ALPHA, TOUGH_INNER = 1.9, -0.45
TOLERANT_ALPHA, TOLERANT_INNER = 1.8, -0.4
MAIN_WEIGHT, TOUGH_WEIGHT, TOLERANT_WEIGHT = 2.0, 1.0, 1.0
SLOPE = 3.0  # of the main loss's linear branch


def _distances(prediction: Tensor, target: Tensor, teacher: Tensor) -> tuple[Tensor, Tensor]:
    """d of the prediction, with a gradient, and r of the teacher, without; at least float32.

    Raises:
        InputError: shapes that differ, which torch would broadcast in silence, or nothing in them.
    """
    if not prediction.shape == target.shape == teacher.shape:
        raise InputError(
            f"prediction {tuple(prediction.shape)}, target {tuple(target.shape)} and teacher "
            f"{tuple(teacher.shape)} must have the same shape"
        )
    if not prediction.numel():
        raise InputError(f"shape {tuple(prediction.shape)} holds no coordinate to compare")
    p, g, t = (
        each.to(torch.promote_types(each.dtype, torch.float32))
        for each in (prediction, target.detach(), teacher.detach())
    )
    return (p - g).abs(), (t - g).abs()


def assistive_values(
    prediction: Tensor,
    target: Tensor,
    teacher: Tensor,
    alpha: float,
    alpha_inner: float,
    band: float = BAND,
) -> Tensor:
    """Assistive loss (ALoss) of each coordinate, w |t' - p|, in its three regions.

    The pull is the derivative by d: positive draws the prediction towards g.

        region    where               value                 pull
        beyond    d > r               alpha (d - r)         alpha
        between   band r <= d <= r    alpha_inner (r - d)   -alpha_inner
        band      d < band r          0                     0
        (silent)  r = 0               0                     0

    What follows:

    - With alpha_inner < 0 < alpha no pull points away from g; the negative value rewards being
      nearer than the teacher, as a weaker pull in the same direction.
    - The value is positive beyond the teacher, negative between, and continuous at d = r, where the
      pull drops from alpha to -alpha_inner.
    - At the border of the band the value is not continuous: it is alpha_inner (1 - band) r on it,
      the lowest of all (-0.3825 r for the Tough-Teacher, -0.34 r for the Tolerant-Teacher), and 0
      inside. Gradients do not see the jump; whoever compares values does: a lower loss is not always a
      smaller error.
    - A teacher that is exactly right says nothing, one that is nearly right pulls with alpha.

    Both borders belong to "between", as in the authors' code; their gradient is its, too. At p = g,
    which has no side, the gradient is 0.

    Args:
        prediction, target, teacher: one shape (..., coordinates), centred coordinates.
        alpha: weight beyond the teacher.
        alpha_inner: weight between band and teacher; negative in the paper.
        band: where the band ends, as a share of r, 0 to 1. Without one, 0, nothing is inside: p = g
            is between, and the value continuous.

    Returns:
        The same shape.
    """
    d, r = _distances(prediction, target, teacher)
    outside = torch.where(d > r, alpha * (d - r), alpha_inner * (r - d))
    # Asked this way round, a NaN is in no region that would hide it.
    silent = (d < band * r) | (r == 0)
    return torch.where(silent, torch.zeros_like(d), outside)


def main_values(prediction: Tensor, target: Tensor, tolerant: Tensor) -> Tensor:
    """Main loss of each coordinate, never negative; r is the Tolerant-Teacher's distance.

        where     value              pull
        d <= r    3 d                3
        d > r     d^2 + 3 r - r^2    2 d, at most 2 where d is at most 1

    Continuous at d = r; the pull falls there from 3 to 2 r. It is thus strong for a student that is
    already nearer than the teacher, and weak, on this scale, for one that is further off: there the
    assistive losses lead. Under a teacher that is exactly right it is d^2 throughout.

    Args:
        prediction, target, tolerant: one shape (..., coordinates), centred coordinates.

    Returns:
        The same shape.
    """
    d, r = _distances(prediction, target, tolerant)
    return torch.where(d <= r, SLOPE * d, d.square() + SLOPE * r - r.square())


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
) -> dict[str, Tensor]:
    """KD-Loss of each coordinate, as weighted terms that sum to the total.

    Pull towards g by default, with d the prediction's distance; inside one band, what that teacher
    adds (0.45 or 0.4 between) is missing:

        beyond both teachers                   4 d + 3.7
        between them, Tough-Teacher nearer     8.3
        between them, Tolerant-Teacher nearer  4 d + 2.25
        nearer than both                       6.85
        inside both bands                      6

    So there is no place that a gradient leads to but g; and it pulls hardest not on the worst
    predictions but on those between the two teachers.

    The total is 0 at p = g and rises with d but for its jumps at the two bands. With both teachers
    equally far it is positive elsewhere. Where the Tolerant-Teacher is much nearer to g than the
    Tough-Teacher it becomes negative, and is lowest at the border of the Tough-Teacher's band, away
    from g, where no gradient leads.

    Args:
        prediction, target, tough, tolerant: one shape (..., coordinates), centred coordinates.
        main_weight, tough_weight, tolerant_weight: of the three terms.
        tough_alpha, tough_inner: `alpha` and `alpha_inner` of the Tough-Teacher.
        tolerant_alpha, tolerant_inner: those of the Tolerant-Teacher.
        band: of both teachers.

    Returns:
        "main", "tough" and "tolerant", each the same shape.
    """
    aloss_tough = assistive_values(prediction, target, tough, tough_alpha, tough_inner, band)
    aloss_tolerant = assistive_values(
        prediction, target, tolerant, tolerant_alpha, tolerant_inner, band
    )
    return {
        "main": main_weight * main_values(prediction, target, tolerant),
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
) -> Tensor:
    """Mean of `assistive_values` over all coordinates, a scalar of either sign."""
    return assistive_values(prediction, target, teacher, alpha, alpha_inner, band).mean()


def main_loss(prediction: Tensor, target: Tensor, tolerant: Tensor) -> Tensor:
    """Mean of `main_values` over all coordinates, a scalar, at least 0."""
    return main_values(prediction, target, tolerant).mean()


def kd_loss(
    prediction: Tensor, target: Tensor, tough: Tensor, tolerant: Tensor, **constants: float
) -> dict[str, Tensor]:
    """Means of `kd_values` over all coordinates: scalars by name that sum to KD-Loss.

    Args:
        prediction, target, tough, tolerant: as for `kd_values`.
        constants: weights, alphas and band, by the names they have there.
    """
    values = kd_values(prediction, target, tough, tolerant, **constants)
    return {name: each.mean() for name, each in values.items()}
