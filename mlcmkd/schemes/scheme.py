"""What a scheme is, and the words its points are named with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property


def mirrored(name: str) -> str:
    """The name a point has in a mirror: "left ..." and "right ..." change places."""
    for side, other in (("left ", "right "), ("right ", "left ")):
        if name.startswith(side):
            return other + name.removeprefix(side)
    return name


def span(first: int, last: int, *, close: bool = False) -> tuple[int, ...]:
    """Indices first..last as one line to draw; `close` returns to the first point."""
    return tuple(range(first, last + 1)) + ((first,) if close else ())


def across(half: Sequence[str], *middle: str) -> tuple[str, ...]:
    """Names of a line across the face: its left half, the middle, the right half mirrored.

    `half` holds the left names without the word "left".
    """
    left = [f"left {place}" for place in half]
    return (*left, *middle, *map(mirrored, reversed(left)))


@dataclass(frozen=True)
class Scheme:
    """One landmark scheme.

    Attributes:
        name: the word manifests and weights use for it.
        names: what each point is, e.g. "left eye outer corner"; no two alike.
        outer_eyes: indices of the two outer eye corners, left then right, whose distance is the
            inter-ocular one; None where a scheme has no eye corners.
        pupils: for the eye on the left of the image and the one on the right, the indices whose
            mean stands for the pupil (in the 300W convention the six points of each eye); None
            where a scheme does not have both eyes.
        nose_tip: index of the nose tip, None where there is none.
        regions: region name -> indices; every point is in one region.
        edges: lines to draw, each a run of indices; a closed line repeats its first index.
        approximate: indices of points that lie only roughly where the point of that name lies in
            other schemes, for instance on a contour that was divided differently.
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
