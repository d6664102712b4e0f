"""Two aligned images in one picture, for visual inspection of the alignment."""

import cv2
import numpy as np

from mlcmkd.utils.errors import InputError

_EDGE_COLOUR = (213, 94, 0)  # vermilion, distinguishable for colour-blind readers
_SIGMA = 1.0  # pixels of smoothing before edge detection
_STRONG, _WEAK = 92, 80  # percentiles of the gradient magnitude: thresholds of Canny's hysteresis


def checkerboard(rgb: np.ndarray, thermal: np.ndarray, tile: int | None = None) -> np.ndarray:
    """Alternate tiles of the photo and of the thermal image; misalignment breaks lines at the borders.

    Args:
        rgb: (H, W, 3) or (H, W) uint8.
        thermal: (H, W) or (H, W, 3), any unit; drawn from its 1st to its 99th percentile.
        tile: side of a tile, pixels; None for an eighth of the shorter side.

    Returns:
        (H, W, 3) uint8, with the photo in the upper left tile.

    Raises:
        InputError: the images differ in size.
    """
    photo, heat = _pair(rgb, thermal)
    tile = tile or max(min(photo.shape[:2]) // 8, 1)
    rows, columns = np.indices(heat.shape)
    field = (rows // tile + columns // tile) % 2
    warm = cv2.applyColorMap(heat, cv2.COLORMAP_INFERNO)[..., ::-1]
    return np.where(field[..., None] == 0, photo, warm)


def edge_overlay(rgb: np.ndarray, thermal: np.ndarray) -> np.ndarray:
    """Draw the thermal image's edges in vermilion over the grey photo.

    Arguments, result and errors are those of `checkerboard`.
    """
    photo, heat = _pair(rgb, thermal)
    grey = cv2.cvtColor(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    smooth = cv2.GaussianBlur(heat, (0, 0), _SIGMA)
    across, down = (cv2.Sobel(smooth, cv2.CV_16S, *order) for order in ((1, 0), (0, 1)))
    size = np.hypot(across.astype(np.float32), down)
    weak, strong = np.percentile(size, (_WEAK, _STRONG))
    # At least one grey level, so that a uniform image has no edges.
    is_edge = cv2.Canny(across, down, max(weak, 1.0), max(strong, 8.0), L2gradient=True) > 0
    grey[is_edge] = _EDGE_COLOUR
    return grey


def _pair(rgb: np.ndarray, thermal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Convert both images to uint8: the photo (H, W, 3), the thermal image (H, W)."""
    if rgb.shape[:2] != thermal.shape[:2]:
        raise InputError(
            f"RGB image of {rgb.shape[1]} x {rgb.shape[0]} pixels over a thermal one of "
            f"{thermal.shape[1]} x {thermal.shape[0]}; warp it first"
        )
    photo = rgb if rgb.ndim == 3 else cv2.cvtColor(rgb, cv2.COLOR_GRAY2RGB)
    values = thermal.astype(np.float32)
    values = values if values.ndim == 2 else values.mean(axis=2)
    low, high = np.percentile(values, (1, 99))
    unit = np.clip((values - low) / max(float(high - low), 1e-6), 0, 1)
    return photo, (255 * unit).astype(np.uint8)
