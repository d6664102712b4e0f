"""Whether a thermal frame can be in the scale that its radiometry states.

A frame in another scale (raw counts, another unit, swapped bytes) would be clipped to one grey value,
in which a network still predicts landmarks. The thresholds are ours.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlcmkd.data.plausibility import Box
from mlcmkd.utils.errors import InputError

if TYPE_CHECKING:
    from mlcmkd.data.thermal.radiometry import Radiometry

KELVIN = 273.15
# A face of 40 px in an image of 640 x 480 is 0.5 % of it; all else may be colder than the range.
MAX_CLIPPED = 0.995
# Some skin may be beyond the range; in a face without any value of it, nothing can be seen.
MAX_CLIPPED_FACE = 0.95
# A clear sky may be at -80 degrees C, and asphalt in the sun at 65; cameras do not measure below -100.
SCENE_CELSIUS = (-100.0, 70.0)
MAX_IMPOSSIBLE = 0.5
# Another scale is likely if nearly all pixels of the frame are in this range, and not nearly equal.
_ROOM_CELSIUS = (-40.0, 60.0)
_MIN_SPAN = 3.0
_RAW_14_BIT = 2**14


@dataclass(frozen=True)
class _Scale:
    """A scale in which cameras and programs store temperatures: degrees C = value * gain + offset."""

    name: str
    gain: float
    offset: float
    kind: str = ""  # of radiometry, where the scale has one of its own

    def fields(self, dtype: np.dtype) -> str:
        """The radiometry of values of this type, as in `dataset.yaml`, without its range."""
        if self.kind and (dtype == np.uint16) == (self.kind != "celsius"):
            return f"{{kind: {self.kind}}}"
        return f"{{kind: counts, gain: {self.gain:.6g}, offset: {self.offset:.6g}}}"


_SCALES = (
    _Scale("centikelvin", 0.01, -KELVIN, "centikelvin"),
    _Scale("decikelvin (100 mK)", 0.1, -KELVIN, "decikelvin"),
    _Scale("40 mK a count (FLIR's temperature-linear mode)", 0.04, -KELVIN),
    _Scale("1/64 K a count (InfiRay)", 1 / 64, -KELVIN),
    _Scale("kelvin", 1, -KELVIN),
    _Scale("degrees C", 1, 0, "celsius"),
    _Scale("tenths of a degree C", 0.1, 0),
    _Scale("tenths of a degree C above -100 (Optris)", 0.1, -100),
    _Scale("hundredths of a degree C", 0.01, 0),
    _Scale("degrees Fahrenheit", 5 / 9, -160 / 9),
)


def check_scale(
    radiometry: "Radiometry",
    stored: np.ndarray,
    values: np.ndarray,
    name: str,
    face: Box | None = None,
) -> None:
    """Checks that a frame can be in the scale of its radiometry.

    Args:
        radiometry: of the frame; not of kind "frame-minmax", which fits every scale.
        stored: (H, W), the frame as stored, without dead pixels.
        values: (H, W), the same in the unit of the radiometry's range: degrees C, or levels.
        name: of the file, for the message.
        face: box of the face (x0, y0, x1, y1), pixels; None if it is unknown.

    Raises:
        InputError: nearly all pixels are beyond one end of the range, or nearly all of the face beyond
            either, or temperatures as no scene has them; the message states the file's own range and
            the scales that it is likely in.
    """
    problem = _problem(radiometry, values)
    if not problem and face is not None:
        problem = _face_problem(radiometry, values, face)
    if not problem:
        return
    own = f"{stored.dtype} values {stored.min():g} to {stored.max():g}"
    if radiometry.absolute:
        own += f" are {values.min():.1f} to {values.max():.1f} degrees C"
    raise InputError(
        f"{name}: {problem}: as '{radiometry.kind}', its {own}; {_advice(radiometry, stored, values)}"
    )


def _share(pixels: np.ndarray) -> float:
    """Share of pixels that are True; `mean` would convert each of them to a float first."""
    return np.count_nonzero(pixels) / pixels.size


def _problem(radiometry: "Radiometry", values: np.ndarray) -> str:
    """What is implausible, or nothing."""
    low, high = radiometry.low, radiometry.high
    unit = "degrees C" if radiometry.absolute else "(grey levels)"
    for share, side, end in (
        (_share(values < low), "below", low),
        (_share(values > high), "above", high),
    ):
        if share >= MAX_CLIPPED:
            range_ = f"the range {low:g} to {high:g} {unit}"
            return f"{100 * share:.1f} % of its pixels are {side} {end:g}, outside of {range_}"
    if radiometry.absolute:
        coldest, hottest = min(low, SCENE_CELSIUS[0]), max(high, SCENE_CELSIUS[1])
        share = _share((values < coldest) | (values > hottest))
        if share > MAX_IMPOSSIBLE:
            return (
                f"{100 * share:.1f} % of its pixels are colder than {coldest:g} or hotter than "
                f"{hottest:g} degrees C"
            )
    return ""


def _face_problem(radiometry: "Radiometry", values: np.ndarray, face: Box) -> str:
    """What is implausible in the box of the face, or nothing."""
    low, high = radiometry.low, radiometry.high
    if not np.isfinite(face).all():  # not a box; reported where boxes are checked
        return ""
    x0, y0, x1, y1 = (max(0, round(value)) for value in face)
    inside = values[y0 : y1 + 1, x0 : x1 + 1]
    share = _share((inside < low) | (inside > high)) if inside.size else 0
    if share < MAX_CLIPPED_FACE:
        return ""
    unit = "degrees C" if radiometry.absolute else "(grey levels)"
    range_ = f"the range {low:g} to {high:g} {unit}"
    return f"{100 * share:.1f} % of its face's pixels are outside of {range_}"


def _advice(radiometry: "Radiometry", stored: np.ndarray, values: np.ndarray) -> str:
    """A suggested fix: the likely scales of the frame, or a wider range."""
    if stored.dtype == np.uint8:
        what = "scale_celsius and range" if radiometry.absolute else "range"
        return f"correct the {what} of its radiometry"
    if SCENE_CELSIUS[1] < stored.max() <= 255 and stored.min() >= 0 and (stored % 1 == 0).all():
        return "likely 8-bit grey levels; store them as uint8, with the radiometry {kind: grey8}"
    likely = _likely_scales(radiometry, stored, values)
    if likely:
        return f"likely {' or '.join(likely)}; give its radiometry (predict: --radiometry)"
    if stored.dtype == np.uint16:
        swapped = radiometry.celsius(stored.byteswap())
        if _fits(radiometry, swapped):
            return f"likely with swapped bytes ({_span(swapped)}); save array.byteswap() instead"
    if SCENE_CELSIUS[0] < np.median(values) < SCENE_CELSIUS[1]:
        return (
            "if these temperatures are right, give a wider range (predict: --range), otherwise another "
            "radiometry"
        )
    raw = "raw 14-bit counts" if stored.max() < _RAW_14_BIT else "raw counts"
    return (
        f"no camera is known to use its scale: {raw} need the camera's calibration (kind "
        "counts, with its gain and offset), or are read as relative values by frame-minmax"
    )


def _likely_scales(radiometry: "Radiometry", stored: np.ndarray, values: np.ndarray) -> list[str]:
    """The other scales in which the frame fits the range, with their radiometry."""
    found = []
    for scale in _SCALES:
        celsius = stored.astype(np.float64) * scale.gain + scale.offset
        if not np.allclose(celsius, values, atol=0.1) and _fits(radiometry, celsius):
            found.append(f"{scale.name}, {scale.fields(stored.dtype)} ({_span(celsius)})")
    return found


def _fits(radiometry: "Radiometry", celsius: np.ndarray) -> bool:
    """Whether these are the temperatures of a scene, some of them in the range of the radiometry."""
    coldest, warmest = np.percentile(celsius, (1, 99))
    in_room = _ROOM_CELSIUS[0] <= coldest and warmest <= _ROOM_CELSIUS[1]
    clipped = _share((celsius < radiometry.low) | (celsius > radiometry.high))
    return bool(in_room and warmest - coldest >= _MIN_SPAN and clipped < MAX_CLIPPED)


def _span(celsius: np.ndarray) -> str:
    return f"{celsius.min():.1f} to {celsius.max():.1f} degrees C"
