"""Simulated thermal images (called "twins" in options and file formats) of annotated photos.

A photo contains no temperatures, so the image is not translated from it but rendered: warm skin where
the landmarks are, cool nose and hair, hot eye corners, a cold background, and only weak traces of the
photo's texture. All parameters vary from image to image far more than between real persons and
cameras, so that a real thermal camera is within the range image in training (domain randomisation).
No amplitude was fitted to a camera. The ranges are our choice, by physiology and by visual comparison
with Knapik's development sequences; only the test sequences are independent of them.
"""

import hashlib

import cv2
import numpy as np

from data_prep.simulation import camera
from data_prep.simulation.scene import Scene
from data_prep.simulation.settings import DEFAULT, SimulationSettings
from mlcmkd.schemes import IBUG68
from mlcmkd.utils.errors import InputError


def simulate_for_photo(
    rgb: np.ndarray,
    landmarks: np.ndarray,
    sha256: str,
    seed: int,
    *,
    number: int = 1,
    settings: SimulationSettings = DEFAULT,
) -> np.ndarray:
    """Simulate the thermal image number `number` of a photo reproducibly.

    The random state depends on `seed`, `number` and `sha256`, the hash of the photo's bytes, only.
    Shapes, units and errors are those of `simulate_thermal`.
    """
    digest = hashlib.sha256(f"{seed}:{number}:{sha256}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(digest, "big"))
    return simulate_thermal(rgb, landmarks, rng, settings)


def simulate_thermal(
    rgb: np.ndarray,
    landmarks: np.ndarray,
    rng: np.random.Generator,
    settings: SimulationSettings = DEFAULT,
) -> np.ndarray:
    """Simulate a thermal image that is pixel-aligned with a photo.

    Args:
        rgb: (H, W, 3) uint8.
        landmarks: (68, 2) pixels, 0-based, iBUG order.
        rng: the only source of randomness.
        settings: ranges of all parameters.

    Returns:
        (H, W) float32, degrees C. With gain control these are the temperatures that the camera's
        grey levels are mapped to, not those of the scene.

    Raises:
        InputError: arrays of other shapes or types, or landmarks that are not finite.
    """
    landmarks = np.asarray(landmarks, dtype=np.float64)
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or min(rgb.shape[:2]) < 16:
        raise InputError(
            f"thermal simulation: a photo of shape {rgb.shape} and type {rgb.dtype}; give (H, W, 3) "
            "uint8 of 16 pixels or more per side"
        )
    if landmarks.shape != (IBUG68.points, 2) or not np.isfinite(landmarks).all():
        raise InputError(
            f"thermal simulation: landmarks of shape {landmarks.shape}; give {IBUG68.points} finite "
            "points (x, y) in iBUG's order"
        )
    height, width = rgb.shape[:2]
    scale = min(rng.uniform(*settings.sensor_px) / max(height, width), 1.0)
    size = (max(round(width * scale), 8), max(round(height * scale), 8))
    photo = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    # Pixel centres, not corners, are at integers.
    marks = (landmarks + 0.5) * (size[0] / width, size[1] / height) - 0.5
    scene = Scene(photo, marks, rng, settings).render()
    image = _camera_image(scene, rng, settings)
    if size == (width, height):
        return image
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_CUBIC)


def _camera_image(
    scene: np.ndarray, rng: np.random.Generator, settings: SimulationSettings
) -> np.ndarray:
    """Apply the effects of a random camera to a scene, (H, W) degrees C."""
    image = camera.blurred(scene, rng.uniform(*settings.blur_px))
    stripes = rng.uniform(*settings.stripes, size=2)
    image = camera.noisy(image, rng, rng.uniform(*settings.netd), *stripes)
    if rng.random() < settings.sharpen_share:
        image = camera.sharpened(image, rng.uniform(*settings.sharpen), rng.uniform(0.8, 4.0))
    step = 0.0
    if rng.random() < settings.gain_control:
        low, high = rng.uniform(*settings.grey_low), rng.uniform(*settings.grey_high)
        image = camera.gain_controlled(
            image,
            clip=(rng.uniform(0, 0.03), rng.uniform(0, 0.05)),
            equalise=max(rng.uniform(*settings.equalise), 0),
            gamma=rng.uniform(*settings.gamma),
            low=low,
            high=high,
        )
        step = (high - low) / 255
    if rng.random() < settings.eight_bit_share:
        image = camera.quantised(image, step or 0.1)
    return np.clip(image, -40, 120).astype(np.float32)
