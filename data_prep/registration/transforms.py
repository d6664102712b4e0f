"""Maps from RGB pixels to thermal pixels, each with its inverse.

Every map has `forward`, RGB to thermal, and `inverse`, thermal to RGB; both map (N, 2) float64 pixels,
0-based with centres at integers. The result is NaN where a point has no counterpart (behind a camera,
or where a spline folds).
"""

from dataclasses import dataclass, field
from typing import Protocol

import cv2
import numpy as np
from scipy.interpolate import RBFInterpolator

from mlcmkd.utils.errors import InputError

# Above this condition number the inverse of a homography has no correct digit.
_SINGULAR = 1e12
_DISTORTION_COUNTS = (0, 4, 5, 8, 12, 14)  # numbers of coefficients that OpenCV accepts


class Transform(Protocol):
    """A map from RGB to thermal pixels with its inverse."""

    def forward(self, points: np.ndarray) -> np.ndarray: ...

    def inverse(self, points: np.ndarray) -> np.ndarray: ...


def checked_matrix(matrix: np.ndarray, name: str) -> np.ndarray:
    """Return a 3 x 3 invertible matrix as float64.

    Raises:
        InputError: another shape, not finite, or singular.
    """
    matrix = np.asarray(matrix, dtype=np.float64)
    if matrix.shape != (3, 3):
        raise InputError(f"{name}: shape {matrix.shape} instead of (3, 3); write three rows of 3")
    if not np.isfinite(matrix).all():
        raise InputError(f"{name}: contains NaN or infinity; calibrate again")
    if np.linalg.cond(matrix) > _SINGULAR:
        raise InputError(
            f"{name}: singular, it maps the image to a line or a point; calibrate again"
        )
    return matrix


def projected(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Map points by a homography; NaN for points behind the camera."""
    moved = np.column_stack([points, np.ones(len(points))]) @ matrix.T
    depth = np.where(moved[:, 2] > 0, moved[:, 2], np.nan)
    return moved[:, :2] / depth[:, None]


@dataclass(frozen=True)
class Homography:
    """A 3 x 3 matrix on homogeneous pixels; similarities and affine maps are special cases.

    Its sign is chosen so that RGB pixel (0, 0) is in front of the thermal camera.
    """

    matrix: np.ndarray

    def __post_init__(self) -> None:
        matrix = checked_matrix(self.matrix, "homography")
        object.__setattr__(self, "matrix", -matrix if matrix[2, 2] < 0 else matrix)

    def forward(self, points: np.ndarray) -> np.ndarray:
        return projected(self.matrix, points)

    def inverse(self, points: np.ndarray) -> np.ndarray:
        return projected(np.linalg.inv(self.matrix), points)


@dataclass(frozen=True)
class Stereo:
    """A stereo calibration as `cv2.stereoCalibrate` returns it, RGB first: x_thermal = R x_rgb + t.

    Attributes:
        K1, K2: (3, 3) camera matrices, pixels.
        dist1, dist2: distortion coefficients, 0, 4, 5, 8, 12 or 14 in OpenCV's order.
        R: (3, 3) rotation.
        t: (3,) translation, in the unit of length of the calibration.
    """

    K1: np.ndarray
    dist1: np.ndarray
    K2: np.ndarray
    dist2: np.ndarray
    R: np.ndarray
    t: np.ndarray

    def __post_init__(self) -> None:
        for name, matrix in (("K1", self.K1), ("K2", self.K2), ("R", self.R)):
            object.__setattr__(self, name, checked_matrix(matrix, name))
        for name, vector in (("dist1", self.dist1), ("dist2", self.dist2), ("t", self.t)):
            values = np.asarray(vector, dtype=np.float64).ravel()
            if not np.isfinite(values).all():
                raise InputError(f"{name}: contains NaN or infinity; calibrate again")
            object.__setattr__(self, name, values)
        for name, camera in (("K1", self.K1), ("K2", self.K2)):
            if min(camera[0, 0], camera[1, 1]) <= 0:
                raise InputError(f"{name}: a focal length is not above zero; calibrate again")
        for name, distortion in (("dist1", self.dist1), ("dist2", self.dist2)):
            if len(distortion) not in _DISTORTION_COUNTS:
                raise InputError(f"{name}: {len(distortion)} numbers; give 0, 4, 5, 8, 12 or 14")
        if len(self.t) != 3:
            raise InputError(f"t: {len(self.t)} numbers instead of 3; give x, y and z")
        if np.abs(self.R @ self.R.T - np.eye(3)).max() > 1e-3 or np.linalg.det(self.R) < 0:
            raise InputError("R: not a rotation; give the matrix, not a rotation vector")


@dataclass(frozen=True)
class ThroughPlane:
    """The map from one camera to the other for points on a plane.

    For points of the plane n x = d in front of the RGB camera, x_thermal = (R + t n' / d) x_rgb: the
    plane-induced homography (Hartley and Zisserman, Multiple View Geometry, 2nd edition, section
    13.1, with the opposite sign of the plane). Lens distortion is removed before and applied after it.

    Attributes:
        stereo: the calibration.
        depth: d, in the unit of t; above zero.
        normal: n, (3,), in the RGB camera's frame; (0, 0, 1) is perpendicular to its optical axis.
    """

    stereo: Stereo
    depth: float
    normal: np.ndarray = field(default_factory=lambda: np.array([0.0, 0.0, 1.0]))

    def __post_init__(self) -> None:
        if not (np.isfinite(self.depth) and self.depth > 0):
            raise InputError(f"depth: {self.depth}; give the plane's distance, above zero")
        normal = np.asarray(self.normal, dtype=np.float64).ravel()
        if len(normal) != 3 or not np.isfinite(normal).all() or not np.linalg.norm(normal) > 0:
            raise InputError("normal: give 3 numbers, not all zero")
        object.__setattr__(self, "normal", normal / np.linalg.norm(normal))
        checked_matrix(self.rays, "plane through the thermal camera's own centre")

    @property
    def rays(self) -> np.ndarray:
        """(3, 3) matrix from undistorted RGB rays (x, y, 1) to thermal ones."""
        return self.stereo.R + np.outer(self.stereo.t, self.normal) / self.depth

    @property
    def pixels(self) -> np.ndarray:
        """(3, 3) homography from RGB to thermal pixels without lens distortion."""
        return self.stereo.K2 @ self.rays @ np.linalg.inv(self.stereo.K1)

    def forward(self, points: np.ndarray) -> np.ndarray:
        rays = _undistorted(points, self.stereo.K1, self.stereo.dist1)
        return _distorted(projected(self.rays, rays), self.stereo.K2, self.stereo.dist2)

    def inverse(self, points: np.ndarray) -> np.ndarray:
        rays = _undistorted(points, self.stereo.K2, self.stereo.dist2)
        rays = projected(np.linalg.inv(self.rays), rays)
        return _distorted(rays, self.stereo.K1, self.stereo.dist1)


def _distorted(rays: np.ndarray, matrix: np.ndarray, distortion: np.ndarray) -> np.ndarray:
    """Map rays (N, 2) at depth 1 to pixels (N, 2)."""
    solid = np.column_stack([rays, np.ones(len(rays))])
    finite = np.isfinite(rays).all(axis=1)
    pixels = np.full((len(rays), 2), np.nan)
    if finite.any():
        zero = np.zeros(3)
        pixels[finite] = cv2.projectPoints(solid[finite], zero, zero, matrix, distortion)[0][:, 0]
    return pixels


def _undistorted(points: np.ndarray, matrix: np.ndarray, distortion: np.ndarray) -> np.ndarray:
    """Map pixels (N, 2) to rays (N, 2) at depth 1.

    OpenCV stops after five iterations, which is inexact for strong distortion. Repeating it with the
    remaining error added to its input makes the result exact.
    """
    corrected = np.array(points, dtype=np.float64)
    for _ in range(4):
        rays = cv2.undistortPoints(corrected[:, None], matrix, distortion)[:, 0]
        corrected += points - _distorted(rays, matrix, distortion)
    return rays


class ThinPlate:
    """A thin-plate spline through landmarks: minimal bending energy, affine far from them.

    Computed by SciPy's RBFInterpolator. Coordinates are divided by the standard deviation of the
    points, so that `smoothing` has the same effect for every camera.

    Args:
        rgb, thermal: (K, 2) pixels, not all on a line.
        smoothing: 0 interpolates every landmark; larger values bend less. No unit.
    """

    _STEPS = 50
    _TOLERANCE = 0.01  # largest error of the inverse, thermal pixels

    def __init__(self, rgb: np.ndarray, thermal: np.ndarray, smoothing: float = 0.0):
        self._middle, self._spread = rgb.mean(axis=0), float(rgb.std())
        self._spline = RBFInterpolator(
            self._scaled(rgb), thermal, kernel="thin_plate_spline", degree=1, smoothing=smoothing
        )
        design = np.column_stack([rgb, np.ones(len(rgb))])
        self._affine = np.linalg.lstsq(design, thermal, rcond=None)[0]  # (3, 2)

    def _scaled(self, points: np.ndarray) -> np.ndarray:
        return (points - self._middle) / self._spread

    def forward(self, points: np.ndarray) -> np.ndarray:
        return self._spline(self._scaled(np.asarray(points, dtype=np.float64)))

    def inverse(self, points: np.ndarray) -> np.ndarray:
        """Invert by iteration: the remaining error is mapped back by the inverse of the affine part."""
        points = np.asarray(points, dtype=np.float64)
        back = np.linalg.inv(self._affine[:2])
        sources = (points - self._affine[2]) @ back
        errors = points - self.forward(sources)
        for _ in range(self._STEPS):
            far = np.abs(errors).max(axis=1) > self._TOLERANCE
            if not far.any():
                return sources
            sources[far] += errors[far] @ back
            errors[far] = points[far] - self.forward(sources[far])
        sources[np.abs(errors).max(axis=1) > self._TOLERANCE] = np.nan
        return sources

    def folds(self, points: np.ndarray) -> bool:
        """Whether the spline folds the image somewhere in the bounding box of RGB points (K, 2)."""
        low, high = points.min(axis=0), points.max(axis=0)
        axes = [np.linspace(low[i], high[i], 40) for i in (0, 1)]
        grid = np.stack(np.meshgrid(*axes), axis=-1)
        moved = self.forward(grid.reshape(-1, 2)).reshape(grid.shape)
        across, down = np.diff(moved, axis=1)[:-1], np.diff(moved, axis=0)[:, :-1]
        turn = across[..., 0] * down[..., 1] - across[..., 1] * down[..., 0]
        return bool((turn <= 0).any())
