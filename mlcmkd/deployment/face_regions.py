"""Regions of a face whose temperatures are used in thermal physiology, as outlines made of landmarks.

Corners and centres of regions are weighted means of landmarks of the scheme ibug68, with weights that
add up to 1. So a region rotates and scales with the face, and is foreshortened with it. Left and right
are those of the subject, as in physiology: the subject's left side is on the right of an image that is
not mirrored. (The names of landmarks use left and right of the viewer, see `mlcmkd.schemes`.) The
extents of the regions are our choice.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal

import numpy as np

from mlcmkd.data.crops import tight_box
from mlcmkd.schemes import IBUG68, common_points, convert
from mlcmkd.schemes.ibug import LEFT_EYE
from mlcmkd.schemes.scheme import mirrored

Side = Literal["left", "right", ""]
Mean = Mapping[str, float]  # weights of landmarks by their name in ibug68; they add up to 1

_ANGLES = np.linspace(0, 2 * np.pi, 24, endpoint=False)
_CIRCLE = np.column_stack((np.cos(_ANGLES), np.sin(_ANGLES)))


@dataclass(frozen=True)
class Region:
    """One region: a polygon, or a disc if there is one corner.

    Attributes:
        name: name of the region, such as "inner canthus".
        side: side of the subject; empty for a region on the midline.
        corners: corners of the polygon in order, or the centre of the disc.
        radius: radius of the disc, as a share of the face's size (`face_size`); 0 for a polygon.
        hole: corners of a polygon that is left out, such as the opening between the eyelids.
    """

    name: str
    side: Side
    corners: tuple[Mean, ...]
    radius: float = 0.0
    hole: tuple[Mean, ...] = ()

    @cached_property
    def points(self) -> tuple[int, ...]:
        """Indices of the landmarks in ibug68 that the region is made of."""
        names = dict.fromkeys(name for mean in (*self.corners, *self.hole) for name in mean)
        return tuple(IBUG68.names.index(name) for name in names)

    @cached_property
    def weights(self) -> np.ndarray:
        """Weights of `points` in each corner of the region, then of the hole; (corners, points)."""
        names = [IBUG68.names[index] for index in self.points]
        return np.array(
            [[mean.get(name, 0.0) for name in names] for mean in (*self.corners, *self.hole)]
        )


def _between(first: str, second: str, share: float) -> Mean:
    """The place at a share of the way from the first point to the second; may be outside 0 to 1."""
    return {first: 1 - share, second: share}


def _above_brow(brow: str, share: float) -> Mean:
    """A place above a brow's point, at a share of the distance from the base of the nose to the brows.

    Few schemes have points on the forehead. By the rule of thirds the hairline is at a share of about 1.
    The forehead region ends at 0.5, which is below most hair.
    """
    up = {"left brow inner end": 0.5, "right brow inner end": 0.5, "nose base": -1.0}
    return _sum({brow: 1.0}, {name: share * weight for name, weight in up.items()})


def _sum(*means: Mean) -> Mean:
    names = dict.fromkeys(name for mean in means for name in mean)
    return {name: sum(mean.get(name, 0.0) for mean in means) for name in names}


_NOSE_SIDE = "left nose wing"
# Regions on the left of the image, the subject's right side; those of the other side are mirrored.
_ONE_SIDE = (
    # The skin is warmest at the corner of the eye and next to it, towards the nose.
    Region(
        "inner canthus",
        "right",
        (_between("left eye inner corner", "right eye inner corner", 0.06),),
        0.04,
    ),
    # The orbit without the eye itself, from halfway up to the brow to as far below the eye.
    Region(
        "periorbital",
        "right",
        (
            _between("left eye outer corner", "left eye inner corner", -0.25),
            _between("left upper lid outer", "left brow outer quarter", 0.5),
            _between("left upper lid inner", "left brow inner quarter", 0.5),
            _between("left eye inner corner", "left eye outer corner", -0.25),
            _between("left lower lid inner", "left brow inner quarter", -0.4),
            _between("left lower lid outer", "left brow outer quarter", -0.4),
        ),
        hole=tuple({name: 1.0} for name in LEFT_EYE),
    ),
    Region(
        "cheek",
        "right",
        (
            _between("left lower lid inner", _NOSE_SIDE, 0.65),
            _between(_NOSE_SIDE, "left jaw 4", 0.22),
            _between("left mouth corner", "left jaw 4", 0.3),
            _between("left mouth corner", "left jaw 4", 0.7),
            _between("left lower lid outer", "left jaw 4", 0.5),
        ),
    ),
)
_MIDLINE = (
    Region(
        "forehead",
        "",
        (
            _above_brow("left brow middle", 0.12),
            _above_brow("left brow inner end", 0.12),
            _above_brow("right brow inner end", 0.12),
            _above_brow("right brow middle", 0.12),
            _above_brow("right brow middle", 0.5),
            _above_brow("left brow middle", 0.5),
        ),
    ),
    Region("nose tip", "", ({"nose tip": 1.0},), 0.06),
    # Between the nose and the red of the lip: the perinasal region, in which sweating is measured.
    Region(
        "upper lip",
        "",
        (
            _between("left nose wing", "left upper lip 1", 0.25),
            _between("left nostril", "left upper lip 2", 0.25),
            _between("nose base", "upper lip middle", 0.25),
            _between("right nostril", "right upper lip 2", 0.25),
            _between("right nose wing", "right upper lip 1", 0.25),
            _between("right nose wing", "right upper lip 1", 0.85),
            _between("right nostril", "right upper lip 2", 0.85),
            _between("nose base", "upper lip middle", 0.85),
            _between("left nostril", "left upper lip 2", 0.85),
            _between("left nose wing", "left upper lip 1", 0.85),
        ),
    ),
)


def _mirror(region: Region) -> Region:
    """The same region on the other side."""
    corners, hole = (
        tuple({mirrored(name): weight for name, weight in mean.items()} for mean in means)
        for means in (region.corners, region.hole)
    )
    side: Side = "left" if region.side == "right" else "right"
    return Region(region.name, side, corners, region.radius, hole)


REGIONS: tuple[Region, ...] = (
    *(part for region in _ONE_SIDE for part in (region, _mirror(region))),
    *_MIDLINE,
)


@lru_cache
def regions_of(scheme: str) -> tuple[Region, ...]:
    """The regions whose landmarks a scheme has, in the order of `REGIONS`.

    Raises:
        InputError: the name of the scheme is unknown.
    """
    sources = common_points(scheme, IBUG68.name).sources
    return tuple(region for region in REGIONS if all(sources[index] for index in region.points))


@dataclass(frozen=True)
class Outline:
    """A region in an image.

    Attributes:
        region: the region.
        polygon: (V, 2) its corners, pixels.
        hole: (W, 2) corners of the part that is left out; W is 0 if there is none.
        centre: (2,) centre of the disc, or mean of the polygon's corners, pixels.
    """

    region: Region
    polygon: np.ndarray
    hole: np.ndarray
    centre: np.ndarray


def outlines(landmarks: np.ndarray, scheme: str) -> list[Outline]:
    """The regions of a face in pixels.

    Args:
        landmarks: (K, 2) pixels. If a point is NaN, the corners of its regions are NaN.
        scheme: landmark scheme of the K points.

    Returns:
        One outline for each of `regions_of(scheme)`, in that order.

    Raises:
        InputError: the name of the scheme is unknown.
    """
    points = convert(landmarks, scheme, IBUG68.name)
    size, found = face_size(landmarks), []
    for region in regions_of(scheme):
        places = region.weights @ points[list(region.points)]
        corners, hole = np.split(places, [len(region.corners)])
        centre = corners.mean(axis=0)
        if region.radius:
            corners = centre + region.radius * size * _CIRCLE
        found.append(Outline(region, corners, hole, centre))
    return found


def face_size(landmarks: np.ndarray) -> float:
    """Size of a face, pixels: sqrt(w h) of the tight box of its landmarks (K, 2)."""
    x0, y0, x1, y1 = tight_box(landmarks)
    return float(np.sqrt((x1 - x0) * (y1 - y0)))
