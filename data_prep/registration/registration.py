"""The result of a registration: a map, its residual, and whether the pair may be used."""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.interpolate import RegularGridInterpolator

from data_prep.registration.residual import Limit
from data_prep.registration.transforms import ThinPlate, Transform
from mlcmkd.utils.errors import InputError

Size = tuple[int, int]  # width, height in pixels

# A spline's inverse is computed on a grid of this spacing, thermal pixels, and interpolated linearly.
_SPLINE_STEP = 4


@dataclass(frozen=True)
class Registration:
    """A map from RGB pixels to thermal pixels, with its residual.

    Attributes:
        method: name of the method.
        transform: the map; None if none was found.
        thermal_size: (width, height) of the thermal image and of the result of `warp`.
        rgb_size: (width, height) that RGB images must have; None for any.
        residual_px: error of the map, thermal pixels; None if it could not be measured. It is never
            measured on the points to which the map was fitted; the functions that register say how.
        residual_percent: the same in percent of the inter-ocular distance; None if that is unknown.
        ok: whether the pair may be used.
        reason: why not, or what could not be checked; "" otherwise.
        fit_px: mean distance of the fitted landmarks, thermal pixels. It is smaller than
            `residual_px`, zero for an interpolating spline, and does not measure quality.
        kept, given: number of landmarks used for the fit, and number of landmarks in both images.
    """

    method: str
    transform: Transform | None
    thermal_size: Size
    rgb_size: Size | None = None
    residual_px: float | None = None
    residual_percent: float | None = None
    ok: bool = True
    reason: str = ""
    fit_px: float | None = None
    kept: int | None = None
    given: int | None = None

    def apply(self, points: np.ndarray) -> np.ndarray:
        """Map RGB pixels (N, 2) to thermal pixels (N, 2), float64; NaN stays NaN.

        Raises:
            InputError: there is no map, or the points have another shape.
        """
        points = np.asarray(points, dtype=np.float64)
        if points.ndim != 2 or points.shape[1] != 2:
            raise InputError(f"points of shape {points.shape} instead of (N, 2); reshape them")
        finite = np.isfinite(points).all(axis=1)
        moved = np.full(points.shape, np.nan)
        if finite.any():
            moved[finite] = self._map().forward(points[finite])
        return moved

    def warp(self, image: np.ndarray) -> np.ndarray:
        """Resample an RGB image in thermal pixels: (H, W, ...) to (h, w, ...), same dtype.

        Thermal pixels outside the RGB image become 0. If thermal pixels are larger than RGB ones,
        the RGB image is smoothed first, to avoid aliasing.

        Raises:
            InputError: there is no map, the image has another size than the one registered, or the
                two images do not overlap.
        """
        transform = self._map()
        height, width = image.shape[:2]
        if self.rgb_size is not None and (width, height) != self.rgb_size:
            raise InputError(
                f"RGB image of {width} x {height} pixels, but the registration is for "
                f"{self.rgb_size[0]} x {self.rgb_size[1]}; resize it, or register that size"
            )
        sources = _sources(transform, self.thermal_size)
        inside = (sources > -0.5).all(axis=-1) & (sources < (width - 0.5, height - 0.5)).all(
            axis=-1
        )
        if not inside.any():
            raise InputError(
                "the warped RGB image does not overlap the thermal one; check the calibration and "
                "the order of the two cameras"
            )
        # Coordinates outside any image, so that OpenCV fills these pixels with the border value.
        sources = np.where(inside[..., None], sources, -1e4).astype(np.float32)
        return cv2.remap(
            _smoothed(image, sources, inside),
            sources,
            None,
            interpolation=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
        )

    def _map(self) -> Transform:
        if self.transform is None:
            raise InputError(f"nothing to apply, the registration failed: {self.reason}")
        return self.transform


def _sources(transform: Transform, size: Size) -> np.ndarray:
    """Return the RGB coordinates of each thermal pixel, (h, w, 2); NaN where there are none."""
    step = _SPLINE_STEP if isinstance(transform, ThinPlate) else 1
    xs, ys = (np.arange(0, length + step - 1, step, dtype=np.float64) for length in size)
    nodes = np.stack(np.meshgrid(xs, ys), axis=-1)
    sources = transform.inverse(nodes.reshape(-1, 2)).reshape(nodes.shape)
    if step == 1:
        return sources
    interpolate = RegularGridInterpolator((ys, xs), sources)
    pixels = np.stack(np.meshgrid(*(np.arange(length) for length in size)), axis=-1)
    return interpolate(pixels[..., ::-1])


def _smoothed(image: np.ndarray, sources: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Remove the detail that is finer than a thermal pixel from an RGB image."""
    steps = np.linalg.norm(np.diff(sources, axis=1), axis=-1)[inside[:, 1:] & inside[:, :-1]]
    spacing = float(np.median(steps)) if steps.size else 1.0  # RGB pixels per thermal pixel
    if spacing <= 1:
        return image
    return cv2.GaussianBlur(image, (0, 0), (spacing - 1) / 2 + 1e-3)


def assessed(
    method: str,
    transform: Transform,
    thermal_size: Size,
    residual_px: float | None,
    inter_ocular_px: float | None,
    limit: Limit,
    *,
    defect: str = "",
    **fields,
) -> Registration:
    """Return a registration, with `ok` false if its residual is above the limit.

    Args:
        defect: reason to refuse the pair whatever its residual; "" for none.
        fields: further fields of the Registration.
    """
    percent = None
    reason = defect
    if residual_px is not None and inter_ocular_px is not None:
        percent = 100 * residual_px / inter_ocular_px
        if not defect and not percent <= limit.percent:
            reason = (
                f"residual {percent:.1f} % of the inter-ocular distance, above {limit.percent:g} %"
            )
    elif residual_px is not None:
        most = limit.px if limit.px is not None else 0.025 * min(thermal_size)
        if not defect and not residual_px <= most:
            reason = f"residual {residual_px:.1f} px, above {most:g} px"
    ok = not reason
    if ok and residual_px is None:
        reason = "residual not measured: no landmarks to measure it on"
    return Registration(
        method=method,
        transform=transform,
        thermal_size=checked_size(thermal_size),
        residual_px=residual_px,
        residual_percent=percent,
        ok=ok,
        reason=reason,
        **fields,
    )


def checked_size(size: Size) -> Size:
    """Return (width, height) if both are integers of at least 2.

    Raises:
        InputError: they are not.
    """
    width, height = (int(value) for value in size)
    if (width, height) != tuple(size) or min(width, height) < 2:
        raise InputError(f"thermal_size {size}: give (width, height) in whole pixels, 2 or more")
    return width, height
