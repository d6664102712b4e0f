"""Frames in another scale than their radiometry states are refused; unusual scenes are not."""

import cv2
import numpy as np
import pytest

from mlcmkd.data.thermal.radiometry import (
    FACE_CELSIUS,
    FACE_CENTIKELVIN,
    GREY8,
    Radiometry,
    to_centikelvin,
)
from mlcmkd.utils.errors import InputError
from tests.conftest import room

ROOM = room()
KELVIN = ROOM + 273.15
DECIKELVIN = Radiometry(kind="decikelvin", low=18, high=40)
COUNTS = Radiometry(kind="counts", low=18, high=40, gain=0.04, offset=-273.15)


def as_uint16(values: np.ndarray) -> np.ndarray:
    return np.rint(values).astype(np.uint16)


@pytest.mark.parametrize(
    ("radiometry", "frame", "own_range", "likely"),
    [
        (FACE_CENTIKELVIN, as_uint16(10 * KELVIN), "uint16 values 29", "{kind: decikelvin}"),
        (FACE_CENTIKELVIN, as_uint16(100 * ROOM), "uint16 values ", "gain: 0.01, offset: 0}"),
        (
            FACE_CENTIKELVIN,
            as_uint16(25 * KELVIN),
            "uint16 values 73",
            "gain: 0.04, offset: -273.15",
        ),
        (
            FACE_CENTIKELVIN,
            as_uint16(64 * KELVIN),
            "uint16 values 18",
            "gain: 0.015625, offset: -273",
        ),
        (
            FACE_CENTIKELVIN,
            as_uint16(10 * (ROOM + 100)),
            "uint16 values 1",
            "gain: 0.1, offset: -100}",
        ),
        (FACE_CENTIKELVIN, to_centikelvin(ROOM).byteswap(), "uint16 values ", "with swapped bytes"),
        (DECIKELVIN, to_centikelvin(ROOM), "uint16 values 29", "{kind: centikelvin}"),
        (COUNTS, to_centikelvin(ROOM), "uint16 values 29", "{kind: centikelvin}"),
        (FACE_CELSIUS, KELVIN, "values 294", "gain: 1, offset: -273.15}"),
        (FACE_CELSIUS, ROOM * 9 / 5 + 32, "values 69.", "gain: 0.555556, offset: -17.7778}"),
        (FACE_CELSIUS, 100 * KELVIN, "values 294", "gain: 0.01, offset: -273.15}"),
        (FACE_CELSIUS, 100 * ROOM, "values 21", "gain: 0.01, offset: 0}"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_frame_in_another_scale_is_refused_with_its_range_and_likely_scale(
    radiometry, frame, own_range, likely
):
    with pytest.raises(InputError) as caught:
        radiometry.frame_to_unit(frame, "a.tiff")
    message = str(caught.value)
    assert message.startswith("a.tiff: ") and "\n" not in message
    assert own_range in message and likely in message
    assert "convert" not in message


def test_the_suggested_radiometry_reads_the_frame():
    for frame, fields in (
        (as_uint16(10 * KELVIN), {"kind": "decikelvin"}),
        (as_uint16(100 * ROOM), {"kind": "counts", "gain": 0.01, "offset": 0}),
        (KELVIN, {"kind": "counts", "gain": 1, "offset": -273.15}),
        (ROOM * 9 / 5 + 32, {"kind": "counts", "gain": 0.555556, "offset": -17.7778}),
    ):
        unit = Radiometry(low=18, high=40, **fields).frame_to_unit(frame)
        np.testing.assert_allclose(unit, FACE_CELSIUS.frame_to_unit(ROOM), atol=0.005)


def test_raw_counts_without_a_known_scale_ask_for_a_calibration():
    for top in (9000, 60_000):
        raw = as_uint16(top - 1500 + 100 * (ROOM - ROOM.min()))
        with pytest.raises(InputError, match="raw .*counts need the camera's calibration"):
            FACE_CENTIKELVIN.frame_to_unit(raw)
    assert np.ptp(Radiometry(kind="frame-minmax").frame_to_unit(raw)) == 1


def test_levels_that_were_written_as_degrees_are_refused():
    """Levels 0 to 255 as degrees C: 71 % beyond the range, and half of them hotter than asphalt."""
    levels = cv2.resize(np.arange(256, dtype=np.float64)[None], (80, 60))
    with pytest.raises(InputError, match="hotter than 70 degrees C"):
        FACE_CENTIKELVIN.frame_to_unit(to_centikelvin(levels))


def test_a_cold_scene_without_a_face_asks_for_a_wider_range():
    cold = room(background=-5, face=8)
    with pytest.raises(InputError, match="below 18, .*range 18 to 40 .*; if .* give a wider range"):
        FACE_CELSIUS.frame_to_unit(cold)
    wider = Radiometry(kind="celsius", low=-10, high=40).frame_to_unit(cold)
    assert np.ptp(wider) > 0.2


def test_a_narrow_range_of_levels_is_checked_too():
    dark = np.full((60, 80), 90, np.uint8)
    with pytest.raises(InputError, match=r"100\.0 % of its pixels are below 100, .*grey levels"):
        Radiometry(kind="grey8", low=100, high=200).frame_to_unit(dark)
    fahrenheit = Radiometry(kind="grey8", low=18, high=40, scale_celsius=(60, 100))
    with pytest.raises(InputError, match="correct the scale_celsius and range"):
        fahrenheit.frame_to_unit(dark)
    for black_or_white in (0, 255):  # a shutter, a covered lens
        frame = np.full((60, 80), black_or_white, np.uint8)
        assert (GREY8.frame_to_unit(frame) == black_or_white / 255).all()


def test_a_face_beyond_the_range_is_refused_also_in_a_scene_within_it():
    for degrees in (30, -30):
        frame = ROOM.copy()
        frame[12:42, 15:60] += degrees
        assert FACE_CELSIUS.frame_to_unit(frame).shape == frame.shape  # the face is unknown
        assert FACE_CELSIUS.frame_to_unit(frame, face=(0, 0, 15, 12)).shape == frame.shape
        with pytest.raises(InputError, match=r"^a: 100\.0 % of its face's pixels are outside"):
            FACE_CELSIUS.frame_to_unit(frame, "a", face=(20, 15, 53, 37))


def outdoors(background: float) -> np.ndarray:
    """A face of 40 px in an image of 640 x 480."""
    frame = np.full((480, 640), background, np.float32)
    frame[200:240, 300:340] = room(height=40, width=40)
    return frame


@pytest.mark.parametrize(
    "frame",
    [
        ROOM,
        room(background=16, face=32),
        outdoors(-15),
        outdoors(-70),  # against a clear sky
        outdoors(62),  # before asphalt in the sun
        np.where(np.arange(80) < 20, 300, ROOM).astype(np.float32),  # a stove
        np.full((60, 80), 18, np.float32),
        np.full((60, 80), 29, np.float32),
    ],
    ids=["room", "cool room", "winter", "sky", "asphalt", "stove", "at the end", "flat"],
)
def test_unusual_scenes_are_not_refused(frame):
    for radiometry, stored in ((FACE_CELSIUS, frame), (FACE_CENTIKELVIN, to_centikelvin(frame))):
        assert radiometry.frame_to_unit(stored).shape == frame.shape
