"""From what a thermal camera wrote to what a network reads, over an explicit range.

A per-frame minimum and maximum would stretch every frame to full contrast and so erase absolute
temperature without a word; here the range is part of the data and travels with the weights.
"""

from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, model_validator

from mlcmkd.errors import InputError

KELVIN = 273.15


class Radiometry(BaseModel):
    """How stored thermal values become a model input between 0 and 1.

    Attributes:
        kind: "celsius" (floating-point degrees C), "centikelvin" (16-bit, degrees C = raw / 100 -
            273.15) or "grey8" (8-bit grey without absolute temperature; brighter is warmer).
        low, high: the values that become 0 and 1; degrees C, or grey levels for "grey8".
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["celsius", "centikelvin", "grey8"]
    low: float
    high: float

    @model_validator(mode="after")
    def _ordered(self) -> "Radiometry":
        if not self.low < self.high:
            raise ValueError(f"the range must rise: low={self.low}, high={self.high}")
        return self

    def celsius(self, raw: np.ndarray) -> np.ndarray:
        """Degrees C, float32, same shape as `raw`.

        Raises:
            InputError: the values carry no absolute temperature ("grey8").
        """
        if self.kind == "grey8":
            raise InputError("8-bit grey levels carry no absolute temperature")
        raw = np.asarray(raw, dtype=np.float32)
        return raw / 100 - KELVIN if self.kind == "centikelvin" else raw

    def to_unit(self, raw: np.ndarray) -> np.ndarray:
        """Model input in [0, 1], float32, same shape as `raw`; beyond the range it is clipped."""
        grey = self.kind == "grey8"
        values = np.asarray(raw, dtype=np.float32) if grey else self.celsius(raw)
        return np.clip((values - self.low) / (self.high - self.low), 0, 1).astype(np.float32)


def to_centikelvin(celsius: np.ndarray) -> np.ndarray:
    """Degrees C as 16-bit centikelvin (what thermal TIFFs and our PNGs hold), rounded.

    Raises:
        InputError: a temperature does not fit (below absolute zero or above 382 degrees C).
    """
    counts = np.rint((np.asarray(celsius, dtype=np.float64) + KELVIN) * 100)
    if counts.size and not (counts.min() >= 0 and counts.max() <= 65535):
        raise InputError("temperatures must lie between -273.15 and 382.2 degrees C")
    return counts.astype(np.uint16)


# Indoors, a face lies between about 24 (ears, nose) and 37 degrees C (inner eye corners).
FACE_CELSIUS = Radiometry(kind="celsius", low=18.0, high=40.0)
FACE_CENTIKELVIN = Radiometry(kind="centikelvin", low=18.0, high=40.0)
GREY8 = Radiometry(kind="grey8", low=0.0, high=255.0)
