"""Temperatures of a face in degrees C: at its landmarks, and in the regions of `face_regions`.

They are the temperatures that the camera stored, not the values of the network's input, which are
clipped to a range. Where the skin is not visible the temperature is NaN; a region also states the
reason. docs/guides/temperatures.md describes the accuracy.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from mlcmkd.deployment.face_regions import Outline, Side, face_size, outlines
from mlcmkd.deployment.faces import FaceLandmarks
from mlcmkd.deployment.pixel_masks import area, is_within, window
from mlcmkd.deployment.visibility import eye_points, far_side, hidden_points, hidden_regions
from mlcmkd.schemes import get_scheme
from mlcmkd.utils.errors import InputError

# Radius of the disc at a landmark, as a share of the face's size: about 3 mm on an adult's face.
DISC = 0.025
SMALLEST_DISC = 1.0  # px: the pixel of the landmark and its four neighbours
# Over fewer pixels the noise and the optical blur of the camera dominate a mean.
FEWEST_PIXELS = 5
# Degrees C. Bare skin around the eyes is rarely colder than the warmest of forehead and cheeks by more
# than this; glasses, which are opaque to thermal infrared, mostly are (benchmarks/temperatures.py).
COVERED = 2.5
_EYE = ("inner canthus", "periorbital")


@dataclass(frozen=True)
class RegionTemperature:
    """Temperatures of one region, degrees C; NaN where `missing` is not empty.

    Attributes:
        region: name of the region, such as "inner canthus".
        side: "left" or "right" of the subject; empty for a region on the midline.
        mean, max, min, deviation: statistics over the pixels whose centres are in the region; the
            deviation is the standard deviation.
        pixels: number of those pixels.
        x, y: centre of the region, pixels.
        extent: diameter of a circle of the region's area, pixels.
        polygon: (V, 2) outline, pixels.
        hole: (W, 2) outline of the part that is left out; W is 0 if there is none.
        missing: why there is no temperature: "outside" (of the image), "hidden", "turned away", "few
            pixels", "off scale" (beyond the camera's scale), or "covered" (an eye behind glasses); empty
            if there is a temperature.
    """

    region: str
    side: Side
    mean: float
    max: float
    min: float
    deviation: float
    pixels: int
    x: float
    y: float
    extent: float
    polygon: np.ndarray
    hole: np.ndarray
    missing: str = ""


@dataclass(frozen=True)
class FaceTemperatures:
    """Temperatures of one face.

    Attributes:
        landmarks: (K,) degrees C at the landmarks; NaN where unknown.
        regions: the regions whose points the scheme has.
    """

    landmarks: np.ndarray
    regions: tuple[RegionTemperature, ...]


def measure(face: FaceLandmarks, celsius: np.ndarray) -> FaceTemperatures:
    """Temperatures at the landmarks and in the regions of a face.

    Args:
        face: its landmarks, and their deviations where the network has them.
        celsius: (H, W) degrees C of the image in which the landmarks are, as `Predictor.celsius` returns
            it; NaN beyond the camera's scale.

    Raises:
        InputError: `celsius` does not have the size of the face's image.
    """
    _check_size(face, celsius)
    drawn = outlines(face.landmarks, face.scheme)
    contour = _contour(face, drawn)
    regions = _in_regions(face, celsius, drawn, contour)
    return FaceTemperatures(_at_landmarks(face, celsius, regions, contour), tuple(regions))


def landmark_temperatures(face: FaceLandmarks, celsius: np.ndarray) -> np.ndarray:
    """Mean temperature in a disc around each landmark.

    The disc has a radius of `DISC` times the face's size (`face_size`), at least one pixel. Only its
    part inside the contour of the face is used.

    Args:
        face: as in `measure`.
        celsius: as in `measure`.

    Returns:
        (K,) degrees C; NaN if the point is outside of the image, hidden, on the side that is turned
        away, or part of a covered eye, and if a pixel of the disc is beyond the camera's scale.

    Raises:
        InputError: as `measure`.
    """
    return measure(face, celsius).landmarks


def _at_landmarks(
    face: FaceLandmarks,
    celsius: np.ndarray,
    regions: list[RegionTemperature],
    contour: np.ndarray | None,
) -> np.ndarray:
    known = _is_inside(face.landmarks, celsius.shape) & ~hidden_points(face)
    covered = {region.side for region in regions if region.missing == "covered"}
    known &= ~eye_points(face.scheme, covered)
    found = np.full(len(face.landmarks), np.nan)
    if not known.any():
        return found
    radius = max(DISC * face_size(face.landmarks), SMALLEST_DISC)
    step = np.arange(-np.ceil(radius), np.ceil(radius) + 1)
    px, py = face.landmarks[known].T[..., None, None]
    x, y = np.rint(px) + step, np.rint(py) + step[:, None]  # (points, 1, n) and (points, n, 1)
    height, width = celsius.shape
    disc = ((x - px) ** 2 + (y - py) ** 2 <= radius**2) & (x >= 0) & (x < width)
    disc &= (y >= 0) & (y < height)
    if contour is not None:
        skin = disc & is_within(x, y, contour)
        disc = np.where(skin.any(axis=(1, 2), keepdims=True), skin, disc)
    rows, columns = y.clip(0, height - 1).astype(int), x.clip(0, width - 1).astype(int)
    values = np.where(disc, celsius[rows, columns], 0.0)
    found[known] = values.sum(axis=(1, 2)) / disc.sum(axis=(1, 2))  # NaN where one of them is
    return found


def region_temperatures(face: FaceLandmarks, celsius: np.ndarray) -> list[RegionTemperature]:
    """Temperatures in the regions of a face whose landmarks its scheme has.

    Args:
        face: as in `measure`.
        celsius: as in `measure`.

    Returns:
        One for each of `mlcmkd.deployment.face_regions.regions_of(face.scheme)`, in that order.

    Raises:
        InputError: as `measure`.
    """
    return list(measure(face, celsius).regions)


def _in_regions(
    face: FaceLandmarks, celsius: np.ndarray, drawn: list[Outline], contour: np.ndarray | None
) -> list[RegionTemperature]:
    far = far_side(face.landmarks, face.scheme)
    hidden = hidden_regions(face, [outline.region for outline in drawn])
    found = []
    for outline, uncertain in zip(drawn, hidden, strict=True):
        values = _pixels(outline, contour, celsius)
        missing = ""
        if not _is_inside(outline.centre, celsius.shape):
            missing = "outside"
        elif far and outline.region.side == far:
            missing = "turned away"
        elif uncertain:
            missing = "hidden"
        elif values.size < FEWEST_PIXELS:
            missing = "few pixels"
        elif np.isnan(values).any():
            missing = "off scale"
        found.append(_region_temperature(outline, values, missing))
    return _without_covered_eyes(found)


def eye_deficits(regions: Sequence[RegionTemperature]) -> dict[Side, float]:
    """Difference between bare skin and an eye, degrees C, for each side with a temperature.

    It is the mean temperature of the warmest of forehead and cheeks minus that of the colder one of
    inner canthus and periorbital region. It is positive if the eye is colder.
    """
    skin = [r.mean for r in regions if r.region in ("forehead", "cheek") and not r.missing]
    eyes = [r for r in regions if r.region in _EYE and not r.missing]
    if not skin:
        return {}
    sides = dict.fromkeys(r.side for r in eyes)
    return {side: max(skin) - min(r.mean for r in eyes if r.side == side) for side in sides}


def _without_covered_eyes(regions: list[RegionTemperature]) -> list[RegionTemperature]:
    """The same regions; those of an eye that is much colder than the skin are marked as covered."""
    covered = {side for side, deficit in eye_deficits(regions).items() if deficit > COVERED}
    unknown = dict.fromkeys(("mean", "max", "min", "deviation"), float("nan"))
    return [
        replace(r, missing="covered", **unknown)
        if r.region in _EYE and not r.missing and r.side in covered
        else r
        for r in regions
    ]


def _pixels(outline: Outline, contour: np.ndarray | None, celsius: np.ndarray) -> np.ndarray:
    """Values of those pixels of a region that are inside the contour of the face."""
    rows, columns = window(celsius.shape, outline.polygon)
    y, x = np.ogrid[rows, columns]
    inside = is_within(x, y, outline.polygon) & ~is_within(x, y, outline.hole)
    if contour is not None:
        inside &= is_within(x, y, contour)
    return celsius[rows, columns][inside]


def _region_temperature(outline: Outline, values: np.ndarray, missing: str) -> RegionTemperature:
    known = values.astype(np.float64) if not missing else np.array([np.nan])
    return RegionTemperature(
        region=outline.region.name,
        side=outline.region.side,
        mean=float(known.mean()),
        max=float(known.max()),
        min=float(known.min()),
        deviation=float(known.std()),
        pixels=values.size,
        x=float(outline.centre[0]),
        y=float(outline.centre[1]),
        extent=float(2 * np.sqrt(max(area(outline.polygon) - area(outline.hole), 0) / np.pi)),
        polygon=outline.polygon,
        hole=outline.hole,
        missing=missing,
    )


def _contour(face: FaceLandmarks, drawn: list[Outline]) -> np.ndarray | None:
    """The convex hull of landmarks and forehead (V, 2), or None in a scheme without a jaw."""
    if "jaw" not in get_scheme(face.scheme).regions:
        return None
    foreheads = [outline.polygon for outline in drawn if outline.region.name == "forehead"]
    points = np.concatenate((face.landmarks, *foreheads))
    points = points[np.isfinite(points).all(axis=1)]
    if len(points) < 3:
        return None
    return cv2.convexHull(points.astype(np.float32))[:, 0].astype(np.float64)


def _is_inside(points: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Whether points (..., 2) are in a pixel of the image; False for NaN."""
    return ((points >= -0.5) & (points < np.array(shape[::-1]) - 0.5)).all(axis=-1)


def _check_size(face: FaceLandmarks, celsius: np.ndarray) -> None:
    if celsius.shape != face.image.shape[:2]:
        raise InputError(
            f"temperatures of shape {celsius.shape} for a face in an image of "
            f"{face.image.shape[:2]}; give those of the same image"
        )
