"""Effects of a thermal camera: blur, noise, stripes, gain control, sharpening."""

import cv2
import numpy as np


def low_frequency(rng: np.random.Generator, shape: tuple[int, int], cells: int) -> np.ndarray:
    """Return a smooth random field, (H, W) float32, mean about 0 and standard deviation about 1."""
    grid = rng.standard_normal((cells + 1, cells + 1)).astype(np.float32)
    return cv2.resize(grid, shape[::-1], interpolation=cv2.INTER_CUBIC)


def blurred(scene: np.ndarray, sigma: float) -> np.ndarray:
    """Blur by optics and sensor: a Gaussian of `sigma` pixels."""
    return cv2.GaussianBlur(scene, (0, 0), sigma) if sigma > 0.25 else scene


def sharpened(scene: np.ndarray, strength: float, radius: float) -> np.ndarray:
    """Apply an unsharp mask, which causes the halo along edges seen in the images of many cameras."""
    return scene + strength * (scene - cv2.GaussianBlur(scene, (0, 0), radius))


def noisy(
    scene: np.ndarray, rng: np.random.Generator, netd: float, columns: float, rows: float
) -> np.ndarray:
    """Add temporal noise and fixed-pattern stripes.

    Args:
        scene: (H, W) degrees C.
        netd: noise-equivalent temperature difference, degrees C.
        columns, rows: standard deviation of the offsets of columns and rows, degrees C.
    """
    height, width = scene.shape
    noise = netd * rng.standard_normal(scene.shape, dtype=np.float32)
    noise += columns * rng.standard_normal((1, width), dtype=np.float32)
    noise += rows * rng.standard_normal((height, 1), dtype=np.float32)
    return scene + noise


def gain_controlled(
    scene: np.ndarray,
    *,
    clip: tuple[float, float],
    equalise: float,
    gamma: float,
    low: float,
    high: float,
) -> np.ndarray:
    """Apply automatic gain control: stretch the scene over the camera's grey scale.

    Args:
        scene: (H, W) degrees C.
        clip: shares of the pixels that become the darkest and the brightest grey.
        equalise: weight of histogram equalisation against a linear stretch, 0 to 1.
        gamma: exponent on the grey scale.
        low, high: temperatures assigned to the darkest and the brightest grey, degrees C.
    """
    sample = np.sort(scene[::2, ::2], axis=None)
    last = len(sample) - 1
    bottom, top = sample[int(clip[0] * last)], sample[int((1 - clip[1]) * last)]
    # A camera does not amplify the noise of an empty scene to full contrast.
    top = max(top, bottom + 4.0)
    knots = np.linspace(bottom, top, 65, dtype=np.float32)
    grey = np.linspace(0, 1, 65)
    if equalise > 0:
        rank = np.searchsorted(sample, knots) / last
        grey = (1 - equalise) * grey + equalise * np.clip(rank, 0, 1)
    grey = np.clip(grey, 0, 1) ** gamma
    return np.interp(scene, knots, low + (high - low) * grey).astype(np.float32)


def quantised(scene: np.ndarray, step: float) -> np.ndarray:
    """Round to grey levels of `step` degrees C."""
    return np.rint(scene / step) * np.float32(step)
