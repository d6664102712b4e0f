"""What every way of registering gives: a map, how far it is off, and whether that is good enough."""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.interpolate import RegularGridInterpolator

from data_prep.registration.residual import Limit
from data_prep.registration.transforms import ThinPlate, Transform
from mlcmkd.utils.errors import InputError

Size = tuple[int, int]  # width, height in pixels

# Thermal pixels between the points at which a spline's inverse is computed; linear in between.
_SPLINE_STEP = 4


@dataclass(frozen=True)
class Registration:
    """From an RGB image to the pixels of its thermal image.

    Attributes:
        method: how it was found.
        transform: the map; None where none was found.
        thermal_size: (width, height) of the thermal image, and of what `warp` gives.
        rgb_size: (width, height) that RGB images must have; None for any.
        residual_px: how far off it is, thermal pixels; None where nothing could tell. It never
            comes from the same points that the map was fitted to, see the functions that make it.
        residual_percent: the same in percent of the inter-ocular distance; None without eyes.
        ok: whether the pair may be used.
        reason: why not, or what could not be checked; "" where there is nothing to say.
        fit_px: mean distance on the very landmarks that were fitted, thermal pixels: smaller than
            `residual_px`, zero for an interpolating spline, and no measure of quality.
        kept, given: landmarks that were fitted to, and landmarks that were there.
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
        """RGB pixels (N, 2) to thermal pixels (N, 2), float64; NaN stays NaN.

        Raises:
            InputError: there is no map, or the points have another shape.
        """
        points = np.asarray(points, dtype=np.float64)
        if points.ndim != 2 or points.shape[1] != 2:
            raise InputError(f"points of shape {points.shape} instead of (N, 2)")
        there = np.isfinite(points).all(axis=1)
        moved = np.full(points.shape, np.nan)
        if there.any():
            moved[there] = self._map().forward(points[there])
        return moved

    def warp(self, image: np.ndarray) -> np.ndarray:
        """An RGB image in thermal pixel geometry: (H, W, ...) to (h, w, ...), same dtype.

        Thermal pixels that the RGB image does not reach become 0. Where a thermal pixel is larger
        than an RGB one, the RGB image is smoothed first, so that fine texture does not alias.

        Raises:
            InputError: there is no map, the image has another size than the one registered, or not
                one thermal pixel falls into it.
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
                "the warped RGB image does not overlap the thermal one; look at the calibration "
                "and at the order of the two cameras"
            )
        # Beyond any image, so that OpenCV paints the border there.
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
    """Where in the RGB image each thermal pixel looks, (h, w, 2); NaN for nowhere."""
    step = _SPLINE_STEP if isinstance(transform, ThinPlate) else 1
    xs, ys = (np.arange(0, length + step - 1, step, dtype=np.float64) for length in size)
    nodes = np.stack(np.meshgrid(xs, ys), axis=-1)
    found = transform.inverse(nodes.reshape(-1, 2)).reshape(nodes.shape)
    if step == 1:
        return found
    between = RegularGridInterpolator((ys, xs), found)
    every = np.stack(np.meshgrid(*(np.arange(length) for length in size)), axis=-1)
    return between(every[..., ::-1])


def _smoothed(image: np.ndarray, sources: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """The RGB image without the detail that thermal pixels are too large for."""
    steps = np.linalg.norm(np.diff(sources, axis=1), axis=-1)[inside[:, 1:] & inside[:, :-1]]
    spacing = float(np.median(steps)) if steps.size else 1.0  # RGB pixels a thermal pixel
    if spacing <= 1:
        return image
    return cv2.GaussianBlur(image, (0, 0), (spacing - 1) / 2 + 1e-3)


def judged(
    method: str,
    transform: Transform,
    thermal_size: Size,
    residual_px: float | None,
    inter_ocular_px: float | None,
    limit: Limit,
    *,
    against: str = "",
    **more,
) -> Registration:
    """A registration, refused where its residual is above the limit.

    Args:
        against: what speaks against the pair whatever its residual; "" for nothing.
        more: further fields of the Registration.
    """
    percent = None
    reason = against
    if residual_px is not None and inter_ocular_px is not None:
        percent = 100 * residual_px / inter_ocular_px
        if not against and not percent <= limit.percent:
            reason = (
                f"residual {percent:.1f} % of the inter-ocular distance, above {limit.percent:g} %"
            )
    elif residual_px is not None:
        most = limit.px if limit.px is not None else 0.025 * min(thermal_size)
        if not against and not residual_px <= most:
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
        **more,
    )


def checked_size(size: Size) -> Size:
    """(width, height), both whole and at least 2.

    Raises:
        InputError: they are not.
    """
    width, height = (int(value) for value in size)
    if (width, height) != tuple(size) or min(width, height) < 2:
        raise InputError(f"thermal_size {size}: give (width, height) in whole pixels")
    return width, height
