"""A simulated thermal twin of an annotated photo.

Heat is not in a photo, so a twin is drawn, not translated: warm skin where the landmarks say face,
cool nose and hair, hot eye corners, a cold background, and only weak remains of the photo's
texture. How much of each varies from twin to twin far more than from person to person: a model that
has seen all these worlds takes a real thermal camera for one more of them (domain randomisation).
No amplitude was fitted to a camera; the ranges were chosen by physiology and by eye, beside frames
of Knapik's drivers 1, so those drivers are no test of the twins; drivers 2 are.
"""

import hashlib

import cv2
import numpy as np

from data_prep.simulation import camera
from data_prep.simulation.scene import Scene
from data_prep.simulation.settings import DEFAULT, SimulationSettings
from mlcmkd.schemes import IBUG68
from mlcmkd.utils.errors import InputError


def simulate_twin(
    rgb: np.ndarray,
    landmarks: np.ndarray,
    sha256: str,
    seed: int,
    *,
    number: int = 1,
    settings: SimulationSettings = DEFAULT,
) -> np.ndarray:
    """The twin number `number` of the photo with that hash: always the same one.

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
    """A simulated thermal image, pixel by pixel aligned with a photo.

    Args:
        rgb: (H, W, 3) uint8.
        landmarks: (68, 2) pixels, 0-based, iBUG order.
        rng: the only source of chance.
        settings: how widely the world varies.

    Returns:
        (H, W) float32, degrees C. With gain control they are what the camera's grey scale would be
        taken for, not true temperatures.

    Raises:
        InputError: arrays of other shapes or types, or landmarks that are not finite.
    """
    landmarks = np.asarray(landmarks, dtype=np.float64)
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or min(rgb.shape[:2]) < 16:
        raise InputError(
            f"a twin needs an (H, W, 3) uint8 photo of 16 pixels or more a side, not {rgb.shape} "
            f"{rgb.dtype}"
        )
    if landmarks.shape != (IBUG68.points, 2) or not np.isfinite(landmarks).all():
        raise InputError(
            f"a twin needs {IBUG68.points} finite landmarks (x, y) in iBUG's order, not an array "
            f"of shape {landmarks.shape}"
        )
    height, width = rgb.shape[:2]
    scale = min(rng.uniform(*settings.sensor_px) / max(height, width), 1.0)
    size = (max(round(width * scale), 8), max(round(height * scale), 8))
    photo = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    # Pixel centres, not corners, are whole numbers.
    marks = (landmarks + 0.5) * (size[0] / width, size[1] / height) - 0.5
    scene = Scene(photo, marks, rng, settings).drawn()
    seen = _seen(scene, rng, settings)
    if size == (width, height):
        return seen
    return cv2.resize(seen, (width, height), interpolation=cv2.INTER_CUBIC)


def _seen(scene: np.ndarray, rng: np.random.Generator, settings: SimulationSettings) -> np.ndarray:
    """What a random camera shows of the scene."""
    seen = camera.blurred(scene, rng.uniform(*settings.blur_px))
    stripes = rng.uniform(*settings.stripes, size=2)
    seen = camera.noisy(seen, rng, rng.uniform(*settings.netd), *stripes)
    if rng.random() < settings.sharpen_share:
        seen = camera.sharpened(seen, rng.uniform(*settings.sharpen), rng.uniform(0.8, 4.0))
    step = 0.0
    if rng.random() < settings.gain_control:
        low, high = rng.uniform(*settings.grey_low), rng.uniform(*settings.grey_high)
        seen = camera.gain_controlled(
            seen,
            clip=(rng.uniform(0, 0.03), rng.uniform(0, 0.05)),
            equalise=max(rng.uniform(*settings.equalise), 0),
            gamma=rng.uniform(*settings.gamma),
            low=low,
            high=high,
        )
        step = (high - low) / 255
    if rng.random() < settings.eight_bit_share:
        seen = camera.quantised(seen, step or 0.1)
    return np.clip(seen, -40, 120).astype(np.float32)
