"""A landmark scheme, and helpers to write down the names of its points."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from mlcmkd.utils.errors import InputError


def mirrored(name: str) -> str:
    """The name of a point in the mirrored image: "left ..." and "right ..." are exchanged."""
    for prefix, other in (("left ", "right "), ("right ", "left ")):
        if name.startswith(prefix):
            return other + name.removeprefix(prefix)
    return name


def span(first: int, last: int, *, close: bool = False) -> tuple[int, ...]:
    """Indices first..last as one line to draw; `close` returns to the first point."""
    return tuple(range(first, last + 1)) + ((first,) if close else ())


def across(half: Sequence[str], *middle: str) -> tuple[str, ...]:
    """Names of the points on a line across the face: left half, middle, right half in reverse order.

    Args:
        half: names of the left half without the prefix "left ", from the outside to the middle.
        middle: names of the points on the midline.
    """
    left = [f"left {place}" for place in half]
    return (*left, *middle, *map(mirrored, reversed(left)))


@dataclass(frozen=True)
class Scheme:
    """One landmark scheme.

    Attributes:
        name: identifies the scheme in manifests and weights.
        names: name of each point, e.g. "left eye outer corner"; all different.
        outer_eyes: indices of the two outer eye corners, left then right. Their distance is the
            inter-ocular distance. None for a scheme without eye corners.
        pupils: for the eye on the left of the image and the one on the right, the indices whose
            mean is taken as the pupil (in the 300W convention the six points of each eye); None
            for a scheme without both eyes.
        nose_tip: index of the nose tip; None for a scheme without one.
        regions: region name -> indices; every point is in one region.
        edges: lines to draw, each a sequence of indices; a closed line repeats its first index.
        approximate: indices of points whose place differs a little from the point of the same name
            in other schemes, for instance on a contour that was divided differently.
    """

    name: str
    names: tuple[str, ...]
    outer_eyes: tuple[int, int] | None
    pupils: tuple[tuple[int, ...], tuple[int, ...]] | None
    nose_tip: int | None
    regions: Mapping[str, tuple[int, ...]]
    edges: tuple[tuple[int, ...], ...]
    approximate: tuple[int, ...] = ()

    @property
    def points(self) -> int:
        """Number of landmarks K."""
        return len(self.names)

    @cached_property
    def flip(self) -> tuple[int, ...]:
        """K indices; `landmarks[flip]` are the landmarks of the mirrored image, once their x is
        mirrored. Applying it twice is the identity.
        """
        return tuple(self.names.index(mirrored(name)) for name in self.names)

    @cached_property
    def partners(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Indices of the points on the left, and of their mirror images on the right."""
        left = tuple(n for n, name in enumerate(self.names) if name.startswith("left "))
        return left, tuple(self.flip[index] for index in left)


def check_scheme(scheme: Scheme) -> None:
    """Checks that a scheme is consistent.

    Raises:
        InputError: no points, two points of one name, a "left" point without its "right" partner, an
            index that is not a point, a point that is not in exactly one region, or outer eye corners
            that are not each other's mirror image.
    """
    where = f"landmark scheme '{scheme.name}'"
    repeated = [name for name, count in Counter(scheme.names).items() if count > 1]
    if not scheme.names or repeated:
        problem = f"two points are called '{repeated[0]}'" if repeated else "it has no points"
        raise InputError(f"{where}: {problem}; give each point a name of its own")
    for name in scheme.names:
        if mirrored(name) not in scheme.names:
            raise InputError(
                f"{where}: '{name}' has no mirror partner '{mirrored(name)}'; add it, or choose a "
                "name that does not begin with left or right"
            )
    for field, indices in _indices(scheme).items():
        outside = [index for index in indices if not 0 <= index < scheme.points]
        if outside:
            raise InputError(
                f"{where}, {field}: {outside[0]} is not a point; indices are 0 to {scheme.points - 1}"
            )
    regions = Counter(index for indices in scheme.regions.values() for index in indices)
    for index, name in enumerate(scheme.names):
        if regions[index] != 1:
            raise InputError(
                f"{where}, regions: point {index} ('{name}') is in {regions[index]} regions, not in 1"
            )
    if scheme.outer_eyes is not None and scheme.flip[scheme.outer_eyes[0]] != scheme.outer_eyes[1]:
        left, right = (scheme.names[index] for index in scheme.outer_eyes)
        raise InputError(
            f"{where}, outer_eyes: '{left}' and '{right}' are not mirror partners; give the outer "
            "corners of both eyes, the left one first"
        )


def _indices(scheme: Scheme) -> dict[str, tuple[int, ...]]:
    """Field -> all indices in it."""
    groups = {
        "outer_eyes": [scheme.outer_eyes or ()],
        "pupils": scheme.pupils or (),
        "nose_tip": [() if scheme.nose_tip is None else (scheme.nose_tip,)],
        "regions": scheme.regions.values(),
        "edges": scheme.edges,
        "approximate": [scheme.approximate],
    }
    return {field: tuple(i for part in parts for i in part) for field, parts in groups.items()}
