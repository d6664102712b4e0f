"""Which points two schemes share, and landmarks of one scheme read as another.

Two points of one name are the same place. Where a scheme lacks a point, two kinds of means stand in
for it: a pupil is the mean of what the scheme says of it (`Scheme.pupils`), the middle of a lid the
mean of its outer and inner point. Everything else has no counterpart.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from mlcmkd.schemes.registry import get_scheme
from mlcmkd.schemes.scheme import Scheme
from mlcmkd.utils.errors import InputError

Landmarks = TypeVar("Landmarks")  # a numpy array or a torch tensor: the ground floor needs no torch

_PUPILS = ("left pupil", "right pupil")  # as in Scheme.pupils
_SHOWN = 6  # names in an error before it counts the rest


@dataclass(frozen=True)
class CommonPoints:
    """What one scheme gives of another.

    Attributes:
        sources: for each point of the target scheme, the indices in the source scheme whose mean
            it is: one index where the points coincide, several for a mean, none where there is no
            counterpart.
        approximate: indices in the target scheme of points that coincide only roughly; every mean
            is one of them.
    """

    sources: tuple[tuple[int, ...], ...]
    approximate: tuple[int, ...]

    @property
    def source(self) -> tuple[int, ...]:
        """Indices in the source scheme of the points both have, in the target's order."""
        return tuple(found[0] for found in self.sources if len(found) == 1)

    @property
    def target(self) -> tuple[int, ...]:
        """Indices in the target scheme of the points both have: `source[i]` is `target[i]`."""
        return tuple(point for point, found in enumerate(self.sources) if len(found) == 1)

    @property
    def means(self) -> tuple[int, ...]:
        """Indices in the target scheme of points that are a mean of several source points."""
        return tuple(point for point, found in enumerate(self.sources) if len(found) > 1)

    @property
    def missing(self) -> tuple[int, ...]:
        """Indices in the target scheme of points without counterpart."""
        return tuple(point for point, found in enumerate(self.sources) if not found)


def _sources(scheme: Scheme, name: str) -> tuple[int, ...]:
    """Indices in `scheme` whose mean is the point of that name; none where it has nothing of it."""
    if name in scheme.names:
        return (scheme.names.index(name),)
    if name in _PUPILS:
        return scheme.pupils[_PUPILS.index(name)] if scheme.pupils else ()
    if name.endswith("lid middle"):
        beside = [name.replace("middle", side) for side in ("outer", "inner")]
        if all(point in scheme.names for point in beside):
            return tuple(scheme.names.index(point) for point in beside)
    return ()


def common_points(source: str, target: str) -> CommonPoints:
    """What landmarks in scheme `source` say of the points of scheme `target`.

    Raises:
        InputError: a name is unknown.
    """
    have, want = get_scheme(source), get_scheme(target)
    sources = tuple(_sources(have, name) for name in want.names)
    rough = {scheme.names[point] for scheme in (have, want) for point in scheme.approximate}
    approximate = tuple(
        point
        for point, found in enumerate(sources)
        if found and source != target and (len(found) > 1 or want.names[point] in rough)
    )
    return CommonPoints(sources=sources, approximate=approximate)


def map_indices(source: str, target: str) -> tuple[int, ...]:
    """Indices into `source` that give the points of `target`, in its order.

    This is what a head needs that keeps some of its outputs. `convert` also makes means, and
    leaves out what has no counterpart.

    Raises:
        InputError: a name is unknown, or some point of `target` is not one point of `source`; the
            message names such points.
    """
    common = common_points(source, target)
    lacking = [
        f"{_listed(target, points)} {what}"
        for points, what in (
            (common.missing, "without counterpart"),
            (common.means, "only as a mean of several points"),
        )
        if points
    ]
    if lacking:
        raise InputError(
            f"scheme '{source}' cannot be read as '{target}': {'; '.join(lacking)}; "
            "use the points that both have (common_points), or another scheme"
        )
    return common.source


def _listed(scheme: str, points: tuple[int, ...]) -> str:
    """Names of the points, the first few of them."""
    names = [get_scheme(scheme).names[point] for point in points]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def convert(landmarks: Landmarks, source: str, target: str) -> Landmarks:
    """Landmarks of scheme `source` read as scheme `target`.

    Args:
        landmarks: (..., K, 2), a numpy array or a torch tensor, in any unit.
        source: their scheme.
        target: the scheme wanted.

    Returns:
        (..., K', 2) floating point; NaN where a point has no counterpart, and where a point it is
        made of is NaN.

    Raises:
        InputError: a name is unknown, or the landmarks are not K of two coordinates.
    """
    points = get_scheme(source).points
    if landmarks.shape[-2:] != (points, 2):
        raise InputError(
            f"landmarks of shape {tuple(landmarks.shape)} are none of scheme '{source}'; "
            f"give (..., {points}, 2)"
        )
    common = common_points(source, target)
    landmarks = landmarks * 1.0  # whole numbers have no halves, and no NaN
    # Each point's only source; what has none, or several, takes point 0 and is filled in below.
    found = landmarks[..., [(*indices, 0)[0] for indices in common.sources], :]
    for point in common.means:
        found[..., point, :] = landmarks[..., list(common.sources[point]), :].mean(-2)
    found[..., list(common.missing), :] = np.nan
    return found
