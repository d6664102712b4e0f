"""How far points of head, neck and shoulders turn with the head."""

import numpy as np


def follows_head(vertices: np.ndarray) -> np.ndarray:
    """How far points (N, 3) in head coordinates follow the head's rotation, (N,) float32.

    1 above the neck, 0 at the shoulders; behind, the neck turns with the trunk a little higher up.
    """
    below, length = np.where(vertices[:, 2] < -0.6, -2.57, -2.79), 1.22
    share = np.clip((vertices[:, 1] - below) / length, 0, 1)
    return (share * share * (3 - 2 * share)).astype(np.float32)
