"""Conversion of stored thermal values to the input of a network, over an explicit range.

Normalising each frame by its minimum and maximum would remove absolute temperature without notice.
Here the range is part of the data and is stored with the weights; normalisation per frame is possible
as the explicit kind "frame-minmax".
"""

from typing import Any, Literal

import numpy as np
from pydantic import Field, field_validator, model_validator

from mlcmkd.data.plausibility import Box
from mlcmkd.data.thermal.palettes import get_palette
from mlcmkd.data.thermal.scale_check import KELVIN, check_scale
from mlcmkd.data.thermal.stored_values import stored_values
from mlcmkd.utils.config import Config, late
from mlcmkd.utils.errors import InputError

_LEVELS = ("grey8", "palette")


class Radiometry(Config):
    """The conversion of stored thermal values to a model input between 0 and 1.

    The kinds, and what their files contain:

    - "celsius": degrees C, floating point.
    - "centikelvin": 16 bits, degrees C = raw / 100 - 273.15 (FLIR's 10 mK mode, Lepton, and ours).
    - "decikelvin": 16 bits, degrees C = raw / 10 - 273.15 (the 100 mK mode).
    - "counts": any linear scale, 16 bits or floating point, degrees C = raw * gain + offset. FLIR's
      Ax5 and Tau in temperature-linear mode: gain 0.04, offset -273.15 (0.4 at low resolution);
      kelvin: gain 1, offset -273.15; degrees F: gain 0.5556, offset -17.78. Counts that are not linear
      in temperature, as in radiometric JPEGs, must be converted with the camera's Planck constants
      first; store the result as "celsius" or "centikelvin".
    - "grey8": 8-bit grey, brighter is warmer (darker with black_hot); in one channel, or in three
      equal ones.
    - "palette": 8-bit false colours of a palette of `mlcmkd.data.thermal.palettes`, converted to
      levels 0 to 255 (cold to warm) as if they were grey. Files on no known palette are refused.
    - "frame-minmax": any values; each frame's minimum becomes 0 and its maximum 1.
      **Absolute temperature is lost**: the same face, 5 degrees warmer, gives the same input, and a
      hot lamp in view darkens everything else. For data of unknown scale, or to measure the effect of
      this normalisation.

    Rows of manifests and results are identified by their bytes, so a field that a kind does not have
    is not written.
    """

    kind: Literal[
        "celsius", "centikelvin", "decikelvin", "counts", "grey8", "palette", "frame-minmax"
    ] = Field(description="What the file holds, see above.")
    low: float = Field(
        description="Value that becomes 0: degrees C; a level, 0 to 255, for grey8 and palette "
        "without scale_celsius; 0 for frame-minmax, where it need not be given."
    )
    high: float = Field(
        description="Value that becomes 1, in the unit of low; 1 for frame-minmax, where it need not "
        "be given."
    )
    gain: float | None = late(None, description="Degrees C per count, for counts only.")
    offset: float | None = late(None, description="Degrees C at count 0, for counts only.")
    palette: str | None = late(
        None,
        description="Name of the palette, for palette only; None detects it from each image's "
        "colours.",
    )
    scale_celsius: tuple[float, float] | None = late(
        None,
        description="Degrees C of levels 0 and 255, for grey8 and palette, from the camera's scale "
        "bar; the first is the higher one where black is hot. None if they are unknown or differ "
        "between frames: levels are then relative.",
    )
    black_hot: bool = late(
        False,
        description="Whether dark is warm: 8-bit levels (of a palette, its positions) are inverted, and "
        "low and high are of the inverted ones. With scale_celsius, swap its two temperatures instead.",
    )

    @model_validator(mode="before")
    @classmethod
    def _whole_frame(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("kind") == "frame-minmax":
            return {"low": 0.0, "high": 1.0, **values}
        return values

    @field_validator("palette")
    @classmethod
    def _known(cls, name: str | None) -> str | None:
        return None if name is None else get_palette(name).name

    @model_validator(mode="after")
    def _consistent(self) -> "Radiometry":
        if not self.low < self.high:
            raise ValueError(f"the range must rise: low={self.low}, high={self.high}")
        if not np.isfinite([self.low, self.high]).all():
            raise ValueError(f"the range must be finite: low={self.low}, high={self.high}")
        if self.kind == "frame-minmax" and (self.low, self.high) != (0, 1):
            raise ValueError("frame-minmax takes each frame's own range; leave low and high out")
        linear = (self.gain, self.offset)
        if self.kind == "counts":
            if None in linear or not np.isfinite(linear).all() or self.gain == 0:
                raise ValueError("counts need their gain (not 0) and offset in degrees C")
        elif linear != (None, None):
            raise ValueError(f"gain and offset belong to kind 'counts', not '{self.kind}'")
        if self.palette is not None and self.kind != "palette":
            raise ValueError(f"a palette belongs to kind 'palette', not '{self.kind}'")
        if self.scale_celsius is not None:
            if self.kind not in _LEVELS:
                raise ValueError(f"scale_celsius belongs to 8-bit levels, not '{self.kind}'")
            first, last = self.scale_celsius
            if first == last or not np.isfinite(self.scale_celsius).all():
                raise ValueError("scale_celsius needs two different temperatures in degrees C")
        if self.black_hot and (self.absolute or self.kind not in (*_LEVELS, "frame-minmax")):
            raise ValueError(
                "black_hot belongs to 8-bit levels without scale_celsius; with it, give the temperature "
                "of black first"
            )
        return self

    @property
    def absolute(self) -> bool:
        """Whether the values are absolute temperatures, so that low and high are degrees C."""
        return self.kind != "frame-minmax" and (
            self.kind not in _LEVELS or self.scale_celsius is not None
        )

    def celsius(self, raw: np.ndarray) -> np.ndarray:
        """Convert stored values (levels 0 to 255 for a palette) to degrees C, float32, same shape.

        Raises:
            InputError: the values carry no absolute temperature.
        """
        if not self.absolute:
            what = "8-bit grey levels carry" if self.kind in _LEVELS else f"'{self.kind}' carries"
            raise InputError(f"{what} no absolute temperature; give scale_celsius or another kind")
        if self.kind in ("celsius", "centikelvin"):
            raw = np.asarray(raw, dtype=np.float32)
            return raw / 100 - KELVIN if self.kind == "centikelvin" else raw
        raw = np.asarray(raw, dtype=np.float64)
        if self.kind == "decikelvin":
            return (raw / 10 - KELVIN).astype(np.float32)
        if self.kind == "counts":
            return (raw * self.gain + self.offset).astype(np.float32)
        first, last = self.scale_celsius
        return (first + raw / 255 * (last - first)).astype(np.float32)

    def to_unit(self, raw: np.ndarray) -> np.ndarray:
        """Convert stored values to the model input in [0, 1], float32, same shape, clipped.

        Args:
            raw: stored values in one channel (levels 0 to 255 for a palette), of any shape; for
                "frame-minmax" (..., H, W), where a constant frame becomes 0.

        Raises:
            InputError: NaN or infinite values; see `mlcmkd.data.thermal.dead_pixels`.
        """
        raw = np.asarray(raw)
        if raw.dtype.kind == "f" and not np.isfinite(raw).all():
            raise InputError("NaN or infinite thermal values; fill them first")
        if self.kind == "frame-minmax":
            unit = _stretched(raw)
            return 1 - unit if self.black_hot else unit
        return self._over_range(self._values(raw))

    def _values(self, raw: np.ndarray) -> np.ndarray:
        """Convert stored values to the unit of low and high: degrees C, or levels, warm is high."""
        if self.absolute:
            return self.celsius(raw)
        levels = raw.astype(np.float32)
        return 255 - levels if self.black_hot else levels

    def _over_range(self, values: np.ndarray) -> np.ndarray:
        """Convert values in the unit of low and high to [0, 1], float32, clipped."""
        return np.clip((values - self.low) / (self.high - self.low), 0, 1).astype(np.float32)

    def from_unit(self, unit: np.ndarray) -> np.ndarray:
        """Convert a model input back, the inverse of `to_unit` within the range.

        Args:
            unit: [0, 1], any shape.

        Returns:
            float32, same shape: degrees C, or levels 0 to 255 (brighter is warmer) if they are not
            absolute.

        Raises:
            InputError: "frame-minmax", which does not keep the frame's range.
        """
        if self.kind == "frame-minmax":
            raise InputError(
                "'frame-minmax' does not keep the frame's range and has no inverse; use another kind"
            )
        unit = np.asarray(unit, dtype=np.float64)
        return (self.low + unit * (self.high - self.low)).astype(np.float32)

    def frame_to_unit(
        self, image: np.ndarray, name: str = "array", face: Box | None = None
    ) -> np.ndarray:
        """Convert a thermal image as stored in a file to the model input.

        All thermal images are converted by this function. Of three equal grey channels one is used,
        false colours are converted to levels, and dead pixels (NaN, infinite) are filled with the
        median of their neighbours.

        Args:
            image: (H, W) of the kind's type, or (H, W, 3) uint8, RGB.
            name: name of the file, for messages.
            face: box of the face (x0, y0, x1, y1), pixels, where it is known: its values are checked by
                themselves, because most of an image may be beyond the range.

        Returns:
            (H, W) float32 in [0, 1].

        Raises:
            InputError: the image does not agree with this radiometry: another type, unexpected
                colours, colours of no known palette, too many dead pixels, or another scale (see
                `mlcmkd.data.thermal.scale_check`).
        """
        stored = stored_values(self, image, name)
        if self.kind == "frame-minmax":
            return self.to_unit(stored)
        values = self._values(stored)
        check_scale(self, stored, values, name, face)
        return self._over_range(values)

    def frame_celsius(self, image: np.ndarray, name: str = "array") -> np.ndarray:
        """Convert a thermal image as stored in a file to degrees C, beyond the model's range, too.

        Args:
            image: as in `frame_to_unit`.
            name: name of the file, for messages.

        Returns:
            (H, W) float32. Levels 0 and 255 of a scale of 8 bits are NaN: they stand for all that is
            colder or warmer than the scale.

        Raises:
            InputError: as `frame_to_unit`, or the values carry no absolute temperature.
        """
        stored = stored_values(self, image, name)
        celsius = self.celsius(stored)
        check_scale(self, stored, celsius, name)
        if self.kind in _LEVELS:
            celsius[(stored <= 0) | (stored >= 255)] = np.nan
        return celsius


def _stretched(raw: np.ndarray) -> np.ndarray:
    """Normalise each frame (..., H, W): its minimum becomes 0, its maximum 1."""
    if raw.ndim < 2:
        raise InputError(
            f"'frame-minmax' needs whole frames (H, W), not an array of shape {raw.shape}"
        )
    values = raw.astype(np.float64)
    low = values.min(axis=(-2, -1), keepdims=True)
    span = values.max(axis=(-2, -1), keepdims=True) - low
    return ((values - low) / np.where(span > 0, span, 1)).astype(np.float32)


def to_centikelvin(celsius: np.ndarray) -> np.ndarray:
    """Convert degrees C to 16-bit centikelvin (as in thermal TIFFs and our PNGs), rounded.

    Raises:
        InputError: a temperature below absolute zero or above 382 degrees C.
    """
    counts = np.rint((np.asarray(celsius, dtype=np.float64) + KELVIN) * 100)
    if counts.size and not (counts.min() >= 0 and counts.max() <= 65535):
        raise InputError("temperatures must lie between -273.15 and 382.2 degrees C")
    return counts.astype(np.uint16)


# Indoors, a face has between about 24 (ears, nose) and 37 degrees C (inner eye corners).
FACE_CELSIUS = Radiometry(kind="celsius", low=18.0, high=40.0)
FACE_CENTIKELVIN = Radiometry(kind="centikelvin", low=18.0, high=40.0)
GREY8 = Radiometry(kind="grey8", low=0.0, high=255.0)
