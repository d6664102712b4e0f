"""Landmark schemes: how many points, in which order, and what a mirror does to them.

Indices are 0-based. "Left" and "right" are the viewer's, as in the iBUG figure: point 36 is the
outer corner of the eye on the left of the image.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from mlcmkd.errors import InputError


def _swap(points: int, pairs: list[tuple[int, int]]) -> tuple[int, ...]:
    """Flip order in which each pair changes places and every other point stays."""
    order = list(range(points))
    for a, b in pairs:
        order[a], order[b] = b, a
    return tuple(order)


def _span(first: int, last: int, *, close: bool = False) -> tuple[int, ...]:
    """Indices first..last as one line to draw; `close` returns to the first point."""
    return tuple(range(first, last + 1)) + ((first,) if close else ())


@dataclass(frozen=True)
class Scheme:
    """One landmark scheme.

    Attributes:
        name: the word manifests and weights use for it.
        points: number of landmarks K.
        flip: K indices; `landmarks[flip]` are the landmarks of the mirrored image, once their x is
            mirrored. Applying it twice is the identity.
        outer_eyes: indices of the two outer eye corners, whose distance is the inter-ocular one.
        nose_tip: index of the nose tip.
        regions: region name -> indices.
        edges: lines to draw, each a run of indices; a closed line repeats its first index.
    """

    name: str
    points: int
    flip: tuple[int, ...]
    outer_eyes: tuple[int, int]
    nose_tip: int
    regions: Mapping[str, tuple[int, ...]]
    edges: tuple[tuple[int, ...], ...]


# What the 68- and 54-point schemes share: jaw, brows, nose and eyes (points 0 to 47).
_UPPER_PAIRS = (
    [(i, 16 - i) for i in range(8)]
    + [(17 + i, 26 - i) for i in range(5)]
    + [(31, 35), (32, 34)]
    + [(36, 45), (37, 44), (38, 43), (39, 42), (40, 47), (41, 46)]
)
_UPPER_REGIONS = {
    "jaw": _span(0, 16),
    "left brow": _span(17, 21),
    "right brow": _span(22, 26),
    "nose": _span(27, 35),
    "left eye": _span(36, 41),
    "right eye": _span(42, 47),
}
_UPPER_EDGES = (
    _span(0, 16),
    _span(17, 21),
    _span(22, 26),
    _span(27, 30),
    _span(31, 35),
    _span(36, 41, close=True),
    _span(42, 47, close=True),
)

IBUG68 = Scheme(
    name="ibug68",
    points=68,
    flip=_swap(
        68,
        _UPPER_PAIRS
        + [(48, 54), (49, 53), (50, 52), (55, 59), (56, 58)]
        + [(60, 64), (61, 63), (65, 67)],
    ),
    outer_eyes=(36, 45),
    nose_tip=30,
    regions={**_UPPER_REGIONS, "mouth": _span(48, 67)},
    edges=(*_UPPER_EDGES, _span(48, 59, close=True), _span(60, 67, close=True)),
)

# SF-TL54's mouth: left corner, top, right corner, bottom of the outer lip, then top and bottom of
# the inner lip.
SFTL54 = Scheme(
    name="sf_tl54",
    points=54,
    flip=_swap(54, [*_UPPER_PAIRS, (48, 50)]),
    outer_eyes=(36, 45),
    nose_tip=30,
    regions={**_UPPER_REGIONS, "mouth": _span(48, 53)},
    edges=(*_UPPER_EDGES, (48, 49, 50, 51, 48), (48, 52, 50, 53, 48)),
)

SCHEMES: Mapping[str, Scheme] = {scheme.name: scheme for scheme in (IBUG68, SFTL54)}

# (from, to) -> for each point of `to`, its index in `from`.
_MAPS: Mapping[tuple[str, str], tuple[int, ...]] = {
    ("ibug68", "sf_tl54"): (*range(48), 48, 51, 54, 57, 62, 66),
}


def get_scheme(name: str) -> Scheme:
    """The scheme of that name.

    Raises:
        InputError: no such scheme; the message lists the known ones.
    """
    try:
        return SCHEMES[name]
    except KeyError:
        raise InputError(
            f"landmark scheme '{name}' is unknown; use one of {', '.join(SCHEMES)}"
        ) from None


def map_indices(source: str, target: str) -> tuple[int, ...]:
    """Indices into `source` that give the points of `target`, in its order.

    Raises:
        InputError: a name is unknown, or some point of `target` has no counterpart in `source`.
    """
    count = get_scheme(target).points
    if get_scheme(source).name == target:
        return tuple(range(count))
    try:
        return _MAPS[source, target]
    except KeyError:
        raise InputError(
            f"scheme '{source}' cannot be read as '{target}': not every point has a counterpart"
        ) from None
