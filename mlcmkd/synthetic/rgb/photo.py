"""Takes the photograph: optics, exposure, white balance, noise, tone curve, sharpening and JPEG."""

import cv2
import numpy as np

from mlcmkd.synthetic.rgb.camera import CameraLook
from mlcmkd.synthetic.rgb.colour import LUMINANCE, luminance, to_srgb
from mlcmkd.utils.errors import InputError

_MIDDLE = 0.22  # linear level that automatic exposure aims at
_CODES = 4096  # entries of the tone curve


def photograph(
    image: np.ndarray, camera: CameraLook, size: int | tuple[int, int], rng: np.random.Generator
) -> np.ndarray:
    """Takes the photograph of a painted scene.

    Args:
        image: (S, T, 3) float32 linear light of `paint_rgb`, red first.
        camera: its settings.
        size: (height, width) of the photograph, or its side if it is a square; pixels, from 8 to the
            size of the image, with the same aspect ratio.
        rng: generator of the sensor's noise.

    Returns:
        (height, width, 3) uint8, sRGB, red first.

    Raises:
        InputError: a size below 8 pixels or above the size of the image.
    """
    shape = (size, size) if isinstance(size, int) else size
    for pixels, most in zip(shape, image.shape[:2], strict=True):
        if not 8 <= pixels <= most:
            raise InputError(f"size {size}: the image has {most} pixels; give 8 to {most}")
    small = cv2.resize(image, shape[::-1], interpolation=cv2.INTER_AREA)
    if camera.blur > 0.25:
        small = cv2.GaussianBlur(small, (0, 0), camera.blur)
    wide = cv2.resize(small, (6, 6), interpolation=cv2.INTER_AREA)
    wide = cv2.resize(np.minimum(wide, 4), shape[::-1], interpolation=cv2.INTER_LINEAR)
    small += np.float32(camera.glare) * (wide - small)
    gains = camera.white_balance * np.float32(_exposure_gain(small, camera))
    small = cv2.transform(small, np.diag(gains))
    np.maximum(small, 0, out=small)
    noise = rng.standard_normal(small.shape, dtype=np.float32)
    small += noise * np.sqrt(camera.shot**2 * 0.1 * small + camera.read**2)
    small = cv2.transform(small, _colour_matrix(camera) * ((_CODES - 1) / 2))
    coded = _tone_curve(camera).take(small.astype(np.int32), mode="clip")
    if camera.sharpening > 0.05:
        coded += np.float32(camera.sharpening) * (coded - cv2.GaussianBlur(coded, (0, 0), 1))
    whole = np.rint(np.clip(coded, 0, 1) * 255).astype(np.uint8)
    return jpeg(whole, camera.quality)


def _exposure_gain(image: np.ndarray, camera: CameraLook) -> float:
    """Gain of centre-weighted automatic exposure.

    It removes a part of the difference from middle grey only, so that dark skin stays dark.
    """
    height, width = image.shape[:2]
    down = cv2.getGaussianKernel(height, height / 4, cv2.CV_32F)[:, 0]
    across = cv2.getGaussianKernel(width, width / 4, cv2.CV_32F)[:, 0]
    grey = luminance(image)
    level = float(down @ grey @ across)
    gain = (_MIDDLE / max(level, 1e-3)) ** camera.metering * 2**camera.exposure
    # Highlights of the face; a small share of them may be clipped.
    face = grey[height // 4 : -height // 4 : 2, width // 4 : -width // 4 : 2].ravel()
    brightest = face.size - max(1, round(0.03 * face.size))
    bright = float(np.partition(face, brightest)[brightest])
    return min(gain, 1.15 / max(bright, 1e-3))


def _colour_matrix(camera: CameraLook) -> np.ndarray:
    """(3, 3) float32 that sets the saturation, or makes a monochrome photograph of one tint."""
    if camera.saturation < 0.1:
        return np.outer(camera.tint, LUMINANCE).astype(np.float32)
    saturation = np.float32(camera.saturation)
    return saturation * np.eye(3, dtype=np.float32) + (1 - saturation) * LUMINANCE


def _tone_curve(camera: CameraLook) -> np.ndarray:
    """(_CODES,) float32 codes from 0 to 1 of linear light from 0 to 2.

    sRGB with a shoulder that rolls highlights off, and an S-shaped curve that adds contrast.
    """
    light = np.linspace(0, 2, _CODES, dtype=np.float32)
    knee = 0.6
    over = np.maximum(light - knee, 0)
    rolled = np.minimum(light, knee) + (1 - knee) * (1 - np.exp(-over / (1 - knee)))
    coded = to_srgb(camera.black + (1 - camera.black) * rolled)
    s_curve = coded * coded * (3 - 2 * coded)
    return (coded + (camera.contrast - 1) * (s_curve - coded)).astype(np.float32)


def jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    """An image (H, W, 3) uint8, red first, after JPEG compression."""
    _, stream = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.ascontiguousarray(cv2.imdecode(stream, cv2.IMREAD_COLOR)[..., ::-1])
