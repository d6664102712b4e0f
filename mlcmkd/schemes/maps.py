"""The points that two schemes share, and conversion of landmarks from one scheme to another.

Points with the same name are at the same place of the face. Two kinds of missing points are replaced by
means: a pupil by the mean of the points in `Scheme.pupils`, the middle of a lid by the mean of its outer
and inner point. All other missing points have no counterpart.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from mlcmkd.schemes.registry import get_scheme
from mlcmkd.schemes.scheme import Scheme
from mlcmkd.utils.errors import InputError

Landmarks = TypeVar("Landmarks")  # a numpy array or a torch tensor; torch is not imported here

_PUPILS = ("left pupil", "right pupil")  # as in Scheme.pupils
_SHOWN = 6  # number of points that an error names; it counts the rest


@dataclass(frozen=True)
class CommonPoints:
    """How the points of a target scheme are found in a source scheme.

    Attributes:
        sources: for each point of the target scheme, the indices in the source scheme whose mean
            it is: one index where the points coincide, several for a mean, none without a
            counterpart.
        approximate: indices in the target scheme of points that coincide only roughly, means
            included.
    """

    sources: tuple[tuple[int, ...], ...]
    approximate: tuple[int, ...]

    @property
    def source(self) -> tuple[int, ...]:
        """Indices in the source scheme of the shared points, in the target's order."""
        return tuple(indices[0] for indices in self.sources if len(indices) == 1)

    @property
    def target(self) -> tuple[int, ...]:
        """Indices in the target scheme of the shared points: `source[i]` is `target[i]`."""
        return tuple(point for point, indices in enumerate(self.sources) if len(indices) == 1)

    @property
    def means(self) -> tuple[int, ...]:
        """Indices in the target scheme of points that are a mean of several source points."""
        return tuple(point for point, indices in enumerate(self.sources) if len(indices) > 1)

    @property
    def missing(self) -> tuple[int, ...]:
        """Indices in the target scheme of points without counterpart."""
        return tuple(point for point, indices in enumerate(self.sources) if not indices)


def _sources(scheme: Scheme, name: str) -> tuple[int, ...]:
    """Indices in `scheme` whose mean is the point of that name; empty without a counterpart."""
    if name in scheme.names:
        return (scheme.names.index(name),)
    if name in _PUPILS:
        return scheme.pupils[_PUPILS.index(name)] if scheme.pupils else ()
    if name.endswith("lid middle"):
        neighbours = [name.replace("middle", end) for end in ("outer", "inner")]
        if all(point in scheme.names for point in neighbours):
            return tuple(scheme.names.index(point) for point in neighbours)
    return ()


def common_points(source: str, target: str) -> CommonPoints:
    """Where the points of scheme `target` are found in scheme `source`.

    Args:
        source, target: names of schemes.

    Raises:
        InputError: the name of a scheme is unknown.
    """
    source_scheme, target_scheme = get_scheme(source), get_scheme(target)
    sources = tuple(_sources(source_scheme, name) for name in target_scheme.names)
    rough = {
        scheme.names[point]
        for scheme in (source_scheme, target_scheme)
        for point in scheme.approximate
    }
    approximate = tuple(
        point
        for point, (name, indices) in enumerate(zip(target_scheme.names, sources, strict=True))
        if indices and source != target and (len(indices) > 1 or name in rough)
    )
    return CommonPoints(sources=sources, approximate=approximate)


def map_indices(source: str, target: str) -> tuple[int, ...]:
    """Indices into `source` that give the points of `target`, in its order.

    A head that keeps some of its outputs selects them by these indices. `convert` also computes
    means, and sets points without a counterpart to NaN.

    Args:
        source, target: names of schemes.

    Raises:
        InputError: the name of a scheme is unknown, or some point of `target` is not exactly one
            point of `source`; the message names such points.
    """
    common = common_points(source, target)
    lacking = [
        f"{_listed(target, points)} {reason}"
        for points, reason in (
            (common.missing, "without counterpart"),
            (common.means, "only as a mean of several points"),
        )
        if points
    ]
    if lacking:
        raise InputError(
            f"scheme '{source}' cannot be converted to '{target}': {'; '.join(lacking)}; "
            "use the points that both have (common_points), or another scheme"
        )
    return common.source


def _listed(scheme: str, points: tuple[int, ...]) -> str:
    """Names of the points, the first few of them."""
    names = [get_scheme(scheme).names[point] for point in points]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def convert(landmarks: Landmarks, source: str, target: str) -> Landmarks:
    """Landmarks of scheme `source` converted to scheme `target`.

    Args:
        landmarks: (..., K, 2), a numpy array or a torch tensor, in any unit.
        source: their scheme.
        target: scheme of the result.

    Returns:
        (..., K', 2) floating point; NaN where a point has no counterpart, and where one of its
        source points is NaN.

    Raises:
        InputError: the name of a scheme is unknown, or the shape of the landmarks does not fit.
    """
    points = get_scheme(source).points
    if landmarks.shape[-2:] != (points, 2):
        raise InputError(
            f"landmarks of shape {tuple(landmarks.shape)} do not fit scheme '{source}'; "
            f"give (..., {points}, 2)"
        )
    common = common_points(source, target)
    landmarks = landmarks * 1.0  # integers hold neither means nor NaN
    # The first source of each point (point 0 without any); means and missing points are set below.
    result = landmarks[..., [(*indices, 0)[0] for indices in common.sources], :]
    for point in common.means:
        result[..., point, :] = landmarks[..., list(common.sources[point]), :].mean(-2)
    result[..., list(common.missing), :] = np.nan
    return result
