"""Maps between the shapes of a pair, and their parameters.

A landmark is one complex number x + iy here, so a rotation with a scale is a complex factor. A map has
four parameters: the shift of the face's centre (x to the right, y downwards; shares of the input's
side), the rotation about this centre (radians, clockwise in the image) and the natural logarithm of the
scale. Because rotation and scale are about the face's centre, each parameter can be estimated, averaged
and shrunk separately.
"""

import numpy as np

from mlcmkd.distillation.registration.config import Motion

X, Y, ROTATION, SCALE = range(4)  # columns of the parameters
# Groups of parameters with the same unit; each group has one weight.
KINDS = ([X, Y], [ROTATION], [SCALE])


def to_plane(shapes: np.ndarray) -> np.ndarray:
    """(..., 2) real to (...) complex."""
    return shapes[..., 0] + 1j * shapes[..., 1]


def fit_motion(thermal: np.ndarray, rgb: np.ndarray, motion: Motion) -> np.ndarray:
    """The parameters that map each thermal shape onto the RGB one, by least squares.

    Args:
        thermal, rgb: (N, K, 2) the same landmarks, centred coordinates.
        motion: "translation" (rotation 0, scale 1) or "similarity".

    Returns:
        (N, 4) parameters.
    """
    ours, theirs = to_plane(thermal.astype(float)), to_plane(rgb.astype(float))
    shift = theirs.mean(-1) - ours.mean(-1)
    factor = np.ones(len(ours), dtype=complex)
    if motion == "similarity":
        ours = ours - ours.mean(-1, keepdims=True)
        factor = (ours.conj() * theirs).sum(-1) / np.square(np.abs(ours)).sum(-1)
    return np.stack((shift.real, shift.imag, np.angle(factor), np.log(np.abs(factor))), axis=1)


def maps_of(parameters: np.ndarray, thermal: np.ndarray) -> np.ndarray:
    """The maps with these parameters about the centres of the thermal shapes.

    Args:
        parameters: (N, 4).
        thermal: (N, K, 2) shapes.

    Returns:
        (N, 2, 3) from thermal to RGB coordinates, `m[:, :2] @ z + m[:, 2]`.
    """
    size, angle = np.exp(parameters[:, SCALE]), parameters[:, ROTATION]
    cos, sin = size * np.cos(angle), size * np.sin(angle)
    linear = np.stack((cos, -sin, sin, cos), axis=1).reshape(-1, 2, 2)
    centre = thermal.astype(float).mean(1)
    shift = centre + parameters[:, [X, Y]] - (linear @ centre[..., None])[..., 0]
    return np.concatenate((linear, shift[..., None]), axis=-1)


def apply_maps(maps: np.ndarray, shapes: np.ndarray) -> np.ndarray:
    """Applies to each shape, (N, K, 2), its map, (N, 2, 3)."""
    return shapes @ maps[:, :, :2].transpose(0, 2, 1) + maps[:, None, :, 2]


def residuals(maps: np.ndarray, thermal: np.ndarray, rgb: np.ndarray) -> np.ndarray:
    """Mean distance of the mapped thermal landmarks from the RGB ones, (N,), shares of the side.

    Args:
        maps: (N, 2, 3) from thermal to RGB coordinates.
        thermal, rgb: (N, K, 2) the same landmarks, centred coordinates.
    """
    return np.linalg.norm(apply_maps(maps, thermal) - rgb, axis=-1).mean(-1)
