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
        percent: of the inter-ocular distance, where that is known. 8 is the NME at which a face
            counts as failed: labels handed over that far off cannot teach better.
        px: thermal pixels, where it is not known; None for 2.5 % of the image's shorter side.
    """

    percent: float = 8.0
    px: float | None = None

    def __post_init__(self) -> None:
        for name, value in (("percent", self.percent), ("px", self.px)):
            if value is not None and not value > 0:
                raise InputError(f"limit {name}={value}: give a number above zero")


DEFAULT_LIMIT = Limit()


def inter_ocular(landmarks: np.ndarray, scheme: str | None) -> float | None:
    """Distance of the outer eye corners, pixels, landmarks (K, 2); None without a scheme or an eye.

    Raises:
        InputError: the scheme is unknown or has another number of points.
    """
    if scheme is None:
        return None
    known = get_scheme(scheme)
    if len(landmarks) != known.points:
        raise InputError(
            f"{len(landmarks)} landmarks, but scheme {scheme} has {known.points}; name their scheme"
        )
    left, right = landmarks[list(known.outer_eyes)]
    length = float(np.linalg.norm(left - right))
    return length if length > 0 else None  # NaN is not above zero either


def matched(rgb: np.ndarray, thermal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two sets of landmarks as (K, 2) float64 each, of one length; NaN marks a missing one.

    Raises:
        InputError: shapes that do not match.
    """
    rgb, thermal = (np.asarray(points, dtype=np.float64) for points in (rgb, thermal))
    for name, points in (("RGB", rgb), ("thermal", thermal)):
        if points.ndim != 2 or points.shape[1] != 2:
            raise InputError(f"{name} landmarks of shape {points.shape} instead of (K, 2)")
    if len(rgb) != len(thermal):
        raise InputError(
            f"{len(rgb)} RGB landmarks and {len(thermal)} thermal ones; give the same points, in "
            "the same order"
        )
    return rgb, thermal


def distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Euclidean distance of each pair of points, (K, 2) twice to (K,)."""
    return np.linalg.norm(a - b, axis=-1)


def held_out_px(transform: Transform, rgb: np.ndarray, thermal: np.ndarray) -> float | None:
    """Mean distance of landmarks (K, 2) that the map was not fitted to, thermal pixels.

    None where no landmark is in both, infinite where one has no place in the thermal image.
    """
    there = np.isfinite(rgb).all(axis=1) & np.isfinite(thermal).all(axis=1)
    if not there.any():
        return None
    off = distances(transform.forward(rgb[there]), thermal[there])
    return float(np.nan_to_num(off, nan=np.inf).mean())
