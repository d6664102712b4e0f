"""Principal modes of a set of heads, each of them symmetric or antisymmetric, and their quantisation."""

import numpy as np

from mlcmkd.synthetic.head.basis import Material

BODY_WEIGHT = 0.15  # of the variance below the chin, and of the hidden parts, against the face
LOWEST_FACE = -2.4


def reflect(shapes: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """The mirror images of (..., V, 3) shapes."""
    return shapes[..., mirror, :] * np.array([-1, 1, 1], shapes.dtype)


def vertex_weights(mean: np.ndarray, triangles: np.ndarray, materials: np.ndarray) -> np.ndarray:
    """(V,) how much a vertex counts in the choice of modes: the face 1, the rest less."""
    weights = np.full(len(mean), BODY_WEIGHT, np.float32)
    visible = np.isin(materials, [Material.SKIN, Material.EAR, Material.LIPS])
    weights[np.unique(triangles[visible])] = 1
    weights[mean[:, 1] < LOWEST_FACE] = BODY_WEIGHT
    return weights


def principal_modes(
    heads: np.ndarray, mirror: np.ndarray, weights: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """PCA of the heads together with their mirror images.

    The symmetric and the antisymmetric part of the displacements are uncorrelated in such a set, so
    each has modes of its own; the `count` modes of the largest variance of both are kept. The sign of a
    mode is the one that makes its largest component positive.

    Args:
        heads: (N, V, 3) aligned heads.
        mirror: (V,) mirrored vertices.
        weights: (V,) weights of the variance.
        count: number of modes.

    Returns:
        (V, 3) mean; (count, V, 3) modes of one standard deviation, the largest first; (count,) int8
        parity, 1 symmetric and -1 antisymmetric; the part of the weighted variance that they hold.
    """
    mean = heads.mean(0)
    mean = (mean + reflect(mean, mirror)) / 2
    root = np.sqrt(weights)[:, None]
    found, total = [], 0.0
    for parity in (1, -1):
        part = heads - mean
        part = (part + parity * reflect(part, mirror)) / 2 * root
        flat = part.reshape(len(heads), -1).astype(np.float64)
        values, vectors = np.linalg.eigh(flat @ flat.T)
        total += values.sum()
        best = np.argsort(values)[::-1][:count]
        modes = (vectors[:, best].T @ flat).reshape(len(best), *mean.shape)
        found += [
            (value, parity, mode / root / np.sqrt(len(heads)))
            for value, mode in zip(values[best], modes, strict=True)
        ]
    found = sorted(found, key=lambda entry: -entry[0])[:count]
    modes = np.stack([_signed(mode) for _, _, mode in found])
    parities = np.array([parity for _, parity, _ in found], np.int8)
    return mean, modes, parities, sum(value for value, _, _ in found) / total


def _signed(mode: np.ndarray) -> np.ndarray:
    """The mode with the sign that makes its largest component positive (an SVD leaves it open).

    An antisymmetric mode has its largest value twice, once with each sign; then the first in the order
    of vertices decides, and rounding keeps it the same.
    """
    flat = mode.ravel()
    largest = np.flatnonzero(np.abs(flat) > 0.999 * np.abs(flat).max())[0]
    return mode * np.sign(flat[largest])


def quantise(values: np.ndarray, bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Whole numbers and the step of each first index: values = whole * step.

    Args:
        values: (N, ...) floats.
        bits: 8 or 16.

    Returns:
        (N, ...) int8 or int16, (N,) float32.
    """
    largest = 2 ** (bits - 1) - 1
    axes = tuple(range(1, values.ndim))
    step = np.maximum(np.abs(values).max(axis=axes) / largest, 1e-9).astype(np.float32)
    whole = np.rint(values / step.reshape(-1, *[1] * len(axes)))
    return whole.astype(np.int8 if bits == 8 else np.int16), step
