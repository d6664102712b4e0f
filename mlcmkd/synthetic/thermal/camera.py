"""The thermal camera: lens, microbolometer with its noise, and the image that it delivers."""

from dataclasses import dataclass

import cv2
import numpy as np

from mlcmkd.synthetic.realism import Realism
from mlcmkd.utils.errors import InputError

_SPAN = (-40.0, 150.0)  # degrees C that the camera measures


@dataclass(frozen=True)
class CameraLook:
    """Parameters of the camera; noise in degrees C, deviations are standard deviations.

    Attributes:
        blur: standard deviation of the lens blur, a share of the image's side.
        resolution: pixels of the sensor for one pixel of the image, along one side.
        interpolation: OpenCV's interpolation flag for enlarging the image of a coarse sensor.
        netd: noise-equivalent temperature difference: deviation of the noise of one pixel.
        fixed_pattern: deviation of the pixels' own offsets; a real camera keeps them between pictures.
        column, row: deviations of the offsets of columns and of rows.
        shading: deviation of a slow drift over the sensor.
        vignetting: how much colder the corners look.
        offset: error of the calibration, the same everywhere.
        dead: share of dead pixels.
        replaced: dead pixels show the mean of their neighbours; otherwise they are 15
            degrees C above or below the mean of the image.
    """

    blur: float
    resolution: float
    interpolation: int
    netd: float
    fixed_pattern: float
    column: float
    row: float
    shading: float
    vignetting: float
    offset: float
    dead: float
    replaced: bool


def draw_camera(rng: np.random.Generator) -> CameraLook:
    """A random camera; the ranges are ours, after data sheets of uncooled cameras.

    A resolution below 1 is a distant face or a small sensor: 0.36 is 35 pixels for an image of 96.
    """
    calibrated = rng.random() < 0.6
    kinds = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4, cv2.INTER_NEAREST)
    return CameraLook(
        blur=float(rng.uniform(0.002, 0.014)),
        resolution=float(np.exp(rng.uniform(np.log(0.36), np.log(1.5)))),
        interpolation=int(rng.choice(kinds, p=[0.42, 0.45, 0.08, 0.05])),
        netd=float(np.exp(rng.uniform(np.log(0.03), np.log(0.2)))),
        fixed_pattern=float(rng.uniform(0, 0.08)),
        column=float(rng.uniform(0, 0.12)),
        row=float(rng.uniform(0, 0.06)),
        shading=float(rng.uniform(0, 0.3)),
        vignetting=float(rng.uniform(0, 0.6) if rng.random() < 0.5 else 0),
        offset=0.0 if calibrated else float(np.clip(rng.normal(0, 0.5), -1, 1)),
        dead=float(rng.uniform(0, 0.002) if rng.random() < 0.2 else 0),
        replaced=bool(rng.random() < 0.7),
    )


def record(
    apparent: np.ndarray,
    camera: CameraLook,
    size: int | tuple[int, int],
    rng: np.random.Generator,
    realism: Realism = Realism(),  # noqa: B008 (frozen)
) -> np.ndarray:
    """The image of a thermal camera.

    Args:
        apparent: (S, T) float32, reading of a perfect camera, degrees C.
        camera: its parameters.
        size: (height, width) of the image, or its side if it is a square; pixels, from 8 to the size of
            the canvas, with the same aspect ratio.
        rng: for the noise of this picture.
        realism: only `optics` and `noise` are used.

    Returns:
        (height, width) float32, degrees C.

    Raises:
        InputError: a size below 8 pixels or above the size of the canvas.
    """
    shape = (size, size) if isinstance(size, int) else size
    for pixels, most in zip(shape, apparent.shape, strict=True):
        if not 8 <= pixels <= most:
            raise InputError(f"size: {size}; give 8 to {most} pixels, the side of the canvas")
    sensor = shape
    if realism.optics:
        sensor = tuple(max(round(pixels * camera.resolution), 8) for pixels in shape)
        sigma = camera.blur * max(apparent.shape)
        if sigma > 0.3:
            apparent = cv2.GaussianBlur(apparent, (0, 0), sigma)
    picture = cv2.resize(apparent, sensor[::-1], interpolation=cv2.INTER_AREA)
    if realism.noise:
        picture = _add_noise(picture, camera, rng)
    if sensor != shape:
        way = cv2.INTER_AREA if sensor > shape else camera.interpolation
        picture = cv2.resize(picture, shape[::-1], interpolation=way)
    return np.clip(picture, *_SPAN)


def _add_noise(picture: np.ndarray, camera: CameraLook, rng: np.random.Generator) -> np.ndarray:
    """Noise, stripes, drift and dead pixels at the resolution of the sensor."""
    height, width = picture.shape
    noise = rng.standard_normal((height, width), dtype=np.float32)
    # In one picture, the noise of a moment and the pixels' own offsets look the same.
    noise *= np.float32(np.hypot(camera.netd, camera.fixed_pattern))
    noise += np.float32(camera.column) * rng.standard_normal((1, width), dtype=np.float32)
    noise += np.float32(camera.row) * rng.standard_normal((height, 1), dtype=np.float32)
    drift = rng.standard_normal((3, 3), dtype=np.float32) * np.float32(camera.shading)
    noise += cv2.resize(drift, (width, height), interpolation=cv2.INTER_LINEAR)
    if camera.vignetting:
        across = np.linspace(-1, 1, width, dtype=np.float32) ** 2
        down = np.linspace(-1, 1, height, dtype=np.float32) ** 2
        noise -= np.float32(camera.vignetting / 2) * (across + down[:, None])
    picture = picture + noise + np.float32(camera.offset)
    dead = np.flatnonzero(rng.random(picture.size, np.float32) < camera.dead)
    if len(dead):
        rows, columns = np.divmod(dead, width)
        if camera.replaced:
            values = cv2.blur(picture, (3, 3))[rows, columns]
        else:
            values = picture.mean() + rng.choice([-15.0, 15.0], len(dead))
        picture[rows, columns] = values
    return picture
