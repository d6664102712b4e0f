"""Registration by mutual information, which does not depend on how grey levels correspond.

Normalised as (H(a) + H(b)) / H(a, b) by Studholme, Hill and Hawkes (Pattern Recognition 32, 1999),
so that a smaller overlap alone does not increase it.
"""

import cv2
import numpy as np
from scipy.optimize import minimize

from data_prep.registration.initial_search import resampled, shift

_BINS = 24
_SIGMA = 0.8  # pixels
_REACH = 4.0  # pixels by which the optimiser may move the image's border


def normalised_mutual_information(a: np.ndarray, b: np.ndarray) -> float:
    """Return the normalised mutual information of two (N,) arrays of values in [0, 1].

    It is 1 for independent values and 2 for values that determine each other. The joint histogram of
    24 x 24 bins is smoothed by one bin, so that it varies smoothly with the images' position.
    """
    codes = _bin_indices(a) * _BINS + _bin_indices(b)
    joint = np.bincount(codes, minlength=_BINS * _BINS).reshape(_BINS, _BINS)
    joint = cv2.GaussianBlur(joint.astype(np.float64), (0, 0), 1.0)
    joint /= joint.sum()
    both = _entropy(joint)
    return (_entropy(joint.sum(axis=0)) + _entropy(joint.sum(axis=1))) / both if both > 0 else 1.0


def _bin_indices(values: np.ndarray) -> np.ndarray:
    return np.clip((values * _BINS).astype(np.int64), 0, _BINS - 1)


def _entropy(shares: np.ndarray) -> float:
    shares = shares[shares > 0]
    return float(-(shares * np.log(shares)).sum())


def refined(
    thermal: np.ndarray, rgb: np.ndarray, matrix: np.ndarray, inside: np.ndarray, parameters: int
) -> np.ndarray:
    """Maximise the mutual information near `matrix`, by Powell's method.

    Args:
        thermal, rgb: (H, W) float32 grey in [0, 1].
        matrix: (3, 3), thermal to RGB pixels.
        inside: (H, W) bool, thermal pixels inside the RGB image.
        parameters: 4 for a similarity, 6 for an affine map.
    """
    height, width = thermal.shape
    fixed = cv2.GaussianBlur(thermal, (0, 0), _SIGMA)[inside]
    moving = cv2.GaussianBlur(rgb, (0, 0), _SIGMA)
    half = max(width, height) / 2
    centre = shift((width - 1) / 2, (height - 1) / 2)

    def moved(motion: np.ndarray) -> np.ndarray:
        """Apply shift, scale, rotation (and shear), each in pixels by which the border moves."""
        x, y, scale, turn, stretch, shear = np.pad(motion, (0, 6 - len(motion)))
        near = np.eye(3)
        near[:2, :2] += (
            np.array([[scale + stretch, shear - turn], [shear + turn, scale - stretch]]) / half
        )
        near[:2, 2] = x, y
        return matrix @ centre @ near @ np.linalg.inv(centre)

    def cost(motion: np.ndarray) -> float:
        warped = resampled(moving, moved(motion), (width, height))[inside]
        return -normalised_mutual_information(fixed, warped)

    optimum = minimize(
        cost,
        np.zeros(parameters),
        method="Powell",
        bounds=[(-_REACH, _REACH)] * parameters,
        options={
            "xtol": 0.1,
            "ftol": 1e-3,
            "maxiter": 2,
        },  # more iterations did not improve results
    )
    return moved(optimum.x)
