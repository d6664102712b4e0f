"""Alignment of shapes by translation, rotation and scale: Procrustes analysis of a whole batch.

A landmark is one complex number x + iy here. A rotation with a scale is then a complex factor. The
factor that maps the mean onto a shape by least squares is the inner product of the two.
`scipy.spatial.procrustes` takes one pair of shapes and may mirror it. This module takes a batch, on its
device, and does not mirror.
"""

import torch
from torch import Tensor

from mlcmkd.schemes import get_scheme
from mlcmkd.utils.errors import InputError

_MAX_ITERATIONS = 100  # of the alignment; real faces need fewer than ten
_CONVERGED = 1e-12  # change of the mean, whose size is 1
# Smallest |cosine| between a shape and the mean. It is at least 0.93 for the 2,236 faces of 300W, and at
# most 0.13 if the points are in a wrong order. The alignment would scale such a shape up, and it would
# dominate the first mode of variation.
_MIN_SIMILARITY = 0.5


def to_plane(landmarks: Tensor) -> Tensor:
    """(..., 2) real to (...) complex."""
    return torch.complex(landmarks[..., 0], landmarks[..., 1])


def similarity_to(centred: Tensor, mean: Tensor) -> Tensor:
    """Rotation and scale that map the mean onto each shape by least squares: `centred ~ factor * mean`.

    Args:
        centred: (..., K) complex, each with centroid 0.
        mean: (K,) complex, centroid 0, size 1.

    Returns:
        (..., 1) complex: its absolute value is the scale, its angle the rotation.
    """
    return (mean.conj() * centred).sum(dim=-1, keepdim=True)


def first_wrong(wrong: Tensor) -> int:
    """Index of the first wrong shape, from 0, over all leading dimensions."""
    return int(torch.nonzero(wrong.flatten())[0])


def check_shapes(landmarks: Tensor, scheme: str) -> None:
    """Checks shapes, (..., K, 2) floating point: they must have the K points of the scheme.

    Raises:
        InputError: another number of points, a value that is not finite, or all points of a shape in
            one place.
    """
    points = get_scheme(scheme).points
    if landmarks.ndim < 2 or landmarks.shape[-2:] != (points, 2):
        raise InputError(
            f"landmarks have the shape {tuple(landmarks.shape)}; scheme '{scheme}' needs "
            f"(..., {points}, 2): give its {points} points, or name their scheme"
        )
    extent = (landmarks.amax(-2) - landmarks.amin(-2)).amax(-1)
    rounding = 100 * torch.finfo(landmarks.dtype).eps * landmarks.abs().amax((-2, -1))
    wrong = ~(extent > rounding)  # also where NaN or infinity makes the comparison false
    if wrong.any():
        number = first_wrong(wrong)
        shape = landmarks.reshape(-1, points, 2)[number]
        if not shape.isfinite().all():
            raise InputError(f"shape {number} has NaN or infinite coordinates; leave it out")
        raise InputError(
            f"shape {number} has all its points in one place; leave out rows without a label"
        )


def align(shapes: Tensor, scheme: str) -> tuple[Tensor, Tensor]:
    """Generalised Procrustes analysis: the mean shape, and the shapes aligned with it.

    The mean has centroid 0, size 1 (root of the sum of squares), and horizontal eyes, whatever the
    rotation of the first face.

    Args:
        shapes: (N, K, 2) float64, checked.

    Returns:
        mean (K,) and aligned shapes (N, K), complex.

    Raises:
        InputError: a shape is too different from the others, or the iteration does not converge.
    """
    points = to_plane(shapes)
    centred = points - points.mean(dim=-1, keepdim=True)
    size = centred.norm(dim=-1)
    mean = centred[0] / size[0]
    for _ in range(_MAX_ITERATIONS):
        before, mean = mean, (centred / similarity_to(centred, mean)).mean(dim=0)
        mean = mean / mean.norm()
        change = float((mean - before).norm())
        if change < _CONVERGED:
            break
    cosines = similarity_to(centred, mean).abs().squeeze(-1) / size
    different = ~(cosines >= _MIN_SIMILARITY)
    if different.any():
        raise InputError(
            f"shape {first_wrong(different)} is too different from the mean of the others; "
            f"bring its points into the order of scheme '{scheme}', or leave it out"
        )
    if not change < _CONVERGED:
        raise InputError(
            f"the mean of the {len(shapes)} shapes does not converge in {_MAX_ITERATIONS} iterations; "
            f"bring their points into the order of scheme '{scheme}'"
        )
    mean = mean * torch.exp(-1j * _eye_line(mean, scheme).angle())
    return mean, centred / similarity_to(centred, mean)


def _eye_line(mean: Tensor, scheme: str) -> Tensor:
    """The vector from the left to the right outer eye corner, or pupil, as a complex number.

    It is 1, a horizontal vector, for a scheme without these points, such as a profile scheme. The mean
    of such a scheme is not rotated.
    """
    points = get_scheme(scheme)
    if points.outer_eyes is not None:
        left, right = points.outer_eyes
        return mean[right] - mean[left]
    if points.pupils is not None:
        left, right = (mean[list(pupil)].mean() for pupil in points.pupils)
        return right - left
    return torch.ones_like(mean[0])
