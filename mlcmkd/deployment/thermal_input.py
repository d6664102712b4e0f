"""How the stored values of a thermal image are converted to the range of a network."""

import numpy as np

from mlcmkd.data.thermal.palettes import is_coloured
from mlcmkd.data.thermal.radiometry import GREY8, Radiometry
from mlcmkd.utils.errors import InputError


def image_radiometry(
    values: np.ndarray, trained: Radiometry | None, celsius_range: tuple[float, float] | None
) -> Radiometry:
    """Selects the radiometry of an image, from its type and the radiometry of the training data.

    Images of the kind that a network was trained on are converted as its training data. Otherwise
    floats are degrees C, 16 bits are centikelvin, and 8 bits are relative grey levels or a known
    palette.

    Args:
        values: (H, W) or (H, W, 3); uint8, uint16 or float32.
        trained: radiometry of the training data; None where the weights do not have one.
        celsius_range: degrees C that become 0 and 1; None for a network that has no such range.

    Raises:
        InputError: temperatures for a network that has no range.
    """
    if trained is not None and trained.kind == "frame-minmax":
        return trained
    if values.dtype == np.uint8:
        return _levels_radiometry(values, trained, celsius_range)
    if celsius_range is None:
        raise InputError(
            "these weights were trained on 8-bit grey levels and have no temperature range; give one, "
            "such as --range 18 40"
        )
    low, high = celsius_range
    if values.dtype != np.uint16:
        return Radiometry(kind="celsius", low=low, high=high)
    if trained is not None and trained.kind in ("counts", "decikelvin"):
        return trained.model_copy(update={"low": low, "high": high})
    return Radiometry(kind="centikelvin", low=low, high=high)


def _levels_radiometry(
    values: np.ndarray, trained: Radiometry | None, celsius_range: tuple[float, float] | None
) -> Radiometry:
    """Radiometry of an 8-bit image: that of the training data where these were 8-bit images, too."""
    levels = trained if trained is not None and trained.kind in ("grey8", "palette") else GREY8
    changes: dict = {}
    if levels.absolute:
        changes |= {"low": celsius_range[0], "high": celsius_range[1]}
    if not is_coloured(values):
        changes |= {"kind": "grey8", "palette": None}
    elif levels.kind == "grey8":
        changes |= {"kind": "palette"}
    return levels.model_copy(update=changes)
