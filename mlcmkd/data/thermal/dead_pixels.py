"""Fill pixels without a value from their neighbours."""

import numpy as np

from mlcmkd.utils.errors import InputError

# Cameras are specified with fewer than 1 % dead pixels; more is a mask or a damaged file.
MAX_DEAD = 0.01


def fill(values: np.ndarray, bad: np.ndarray) -> np.ndarray:
    """Replace bad pixels by the median of the good ones among their 8 neighbours.

    Larger holes are filled from their border inwards, one ring at a time.

    Args:
        values: (H, W), floating point.
        bad: (H, W) bool; at least one pixel is good.

    Returns:
        (H, W), a copy of the same type; good pixels are unchanged.
    """
    filled = np.where(bad, np.nan, values).astype(values.dtype)
    rows, columns = np.nonzero(bad)
    while rows.size:
        padded = np.pad(filled, 1, constant_values=np.nan)
        around = np.stack(
            [padded[rows + dy, columns + dx] for dy in range(3) for dx in range(3)], axis=0
        )
        reached = np.isfinite(around).any(axis=0)
        filled[rows[reached], columns[reached]] = np.nanmedian(around[:, reached], axis=0)
        rows, columns = rows[~reached], columns[~reached]
    return filled


def fill_dead_pixels(values: np.ndarray, name: str = "array") -> np.ndarray:
    """Fill the NaN and infinite pixels of a thermal frame from their neighbours.

    Args:
        values: (H, W); integers have no dead pixels and are returned unchanged.
        name: name of the file, for the message.

    Raises:
        InputError: more than `MAX_DEAD` of the pixels are NaN or infinite.
    """
    if values.dtype.kind != "f":
        return values
    dead = ~np.isfinite(values)
    if not dead.any():
        return values
    if dead.mean() > MAX_DEAD:
        raise InputError(
            f"{name}: {100 * dead.mean():.1f} % of its pixels are NaN or infinite, more than the "
            f"{100 * MAX_DEAD:g} % that are filled from their neighbours; mask or fill them first"
        )
    return fill(values, dead)
