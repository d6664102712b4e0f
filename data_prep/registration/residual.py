"""How far off a registration is, and the limit above which a pair is refused."""

from dataclasses import dataclass

import numpy as np

from data_prep.registration.transforms import Transform
from mlcmkd.schemes import get_scheme
from mlcmkd.utils.errors import InputError


@dataclass(frozen=True)
class Limit:
    """The residual above which a pair is refused.

    Attributes:
        percent: in percent of the inter-ocular distance, if that is known. 8 is the NME above which
            a face counts as a failure: labels transferred with this error cannot train a better
            model.
        px: in thermal pixels, if that distance is unknown; None for 2.5 % of the image's shorter
            side.
    """

    percent: float = 8.0
    px: float | None = None

    def __post_init__(self) -> None:
        for name, value in (("percent", self.percent), ("px", self.px)):
            if value is not None and not value > 0:
                raise InputError(f"limit {name}={value}: give a number above zero")


DEFAULT_LIMIT = Limit()


def inter_ocular(landmarks: np.ndarray, scheme: str | None) -> float | None:
    """Return the distance of the outer eye corners of landmarks (K, 2), pixels.

    Returns:
        None without a scheme, or if an eye corner is missing.

    Raises:
        InputError: the scheme is unknown or has another number of points.
    """
    if scheme is None:
        return None
    points = get_scheme(scheme)
    if len(landmarks) != points.points:
        raise InputError(
            f"{len(landmarks)} landmarks, but scheme {scheme} has {points.points}; name their scheme"
        )
    left, right = landmarks[list(points.outer_eyes)]
    length = float(np.linalg.norm(left - right))
    return length if length > 0 else None  # also None for NaN


def checked_landmarks(rgb: np.ndarray, thermal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return two sets of corresponding landmarks as (K, 2) float64; NaN marks a missing one.

    Raises:
        InputError: shapes that do not match.
    """
    rgb, thermal = (np.asarray(points, dtype=np.float64) for points in (rgb, thermal))
    for name, points in (("RGB", rgb), ("thermal", thermal)):
        if points.ndim != 2 or points.shape[1] != 2:
            raise InputError(
                f"{name} landmarks of shape {points.shape} instead of (K, 2); reshape them"
            )
    if len(rgb) != len(thermal):
        raise InputError(
            f"{len(rgb)} RGB landmarks and {len(thermal)} thermal ones; give the same points, in "
            "the same order"
        )
    return rgb, thermal


def distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the Euclidean distances of corresponding points, (K, 2) and (K, 2) to (K,)."""
    return np.linalg.norm(a - b, axis=-1)


def landmark_residual(transform: Transform, rgb: np.ndarray, thermal: np.ndarray) -> float | None:
    """Return the mean distance of landmarks (K, 2) not used for the fit, thermal pixels.

    Returns:
        None if no landmark is in both images; infinity if the map is undefined at a landmark.
    """
    both = np.isfinite(rgb).all(axis=1) & np.isfinite(thermal).all(axis=1)
    if not both.any():
        return None
    errors = distances(transform.forward(rgb[both]), thermal[both])
    return float(np.nan_to_num(errors, nan=np.inf).mean())
