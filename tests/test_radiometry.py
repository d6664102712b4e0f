"""Raw thermal values to degrees C and to model input."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mlcmkd.errors import InputError
from mlcmkd.radiometry import (
    FACE_CELSIUS,
    FACE_CENTIKELVIN,
    GREY8,
    Radiometry,
    to_centikelvin,
)


def test_centikelvin_by_hand():
    raw = np.array([27315, 30815, 29115, 31315], np.uint16)
    np.testing.assert_allclose(FACE_CENTIKELVIN.celsius(raw), [0, 35, 18, 40], atol=1e-3)
    np.testing.assert_allclose(FACE_CENTIKELVIN.to_unit(raw), [0, 17 / 22, 0, 1], rtol=0, atol=1e-4)


def test_unit_range_is_the_one_given_and_not_the_frame_s_own():
    frame = np.array([[30.0, 31.0]], np.float32)
    np.testing.assert_allclose(FACE_CELSIUS.to_unit(frame), [[12 / 22, 13 / 22]], rtol=1e-6)


def test_grey_by_hand_and_beyond_the_range():
    np.testing.assert_allclose(GREY8.to_unit(np.array([0, 51, 255], np.uint8)), [0, 0.2, 1])
    narrow = Radiometry(kind="grey8", low=100, high=200)
    np.testing.assert_allclose(narrow.to_unit(np.array([0, 150, 255], np.uint8)), [0, 0.5, 1])


def test_model_input_is_float32_of_the_same_shape():
    for radiometry in (FACE_CELSIUS, FACE_CENTIKELVIN, GREY8):
        unit = radiometry.to_unit(np.zeros((3, 5), np.uint8))
        assert unit.dtype == np.float32
        assert unit.shape == (3, 5)


def test_grey_levels_have_no_temperature():
    with pytest.raises(InputError, match="8-bit grey levels carry no absolute temperature"):
        GREY8.celsius(np.zeros(3, np.uint8))


@given(st.floats(-273.15, 382.2, allow_nan=False))
def test_centikelvin_and_back_within_half_a_count(celsius):
    raw = to_centikelvin(np.array([celsius]))
    assert raw.dtype == np.uint16
    assert abs(raw[0] / 100 - 273.15 - celsius) <= 0.005 + 1e-9


@pytest.mark.parametrize("celsius", [-274.0, 383.0, np.nan, np.inf])
def test_temperatures_that_do_not_fit_are_refused(celsius):
    with pytest.raises(InputError, match=r"between -273\.15 and 382\.2 degrees C"):
        to_centikelvin(np.array([celsius]))


def test_centikelvin_of_nothing_is_nothing():
    assert to_centikelvin(np.zeros((0, 4))).shape == (0, 4)


@pytest.mark.parametrize(("low", "high"), [(1, 1), (2, 1), (float("nan"), 1)])
def test_the_range_must_rise(low, high):
    with pytest.raises(ValidationError, match="the range must rise"):
        Radiometry(kind="celsius", low=low, high=high)
