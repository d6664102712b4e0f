"""Raw thermal values to degrees C and to model input."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from mlcmkd.data.manifest import PairRow
from mlcmkd.data.thermal.palettes import apply_palette
from mlcmkd.data.thermal.radiometry import (
    FACE_CELSIUS,
    FACE_CENTIKELVIN,
    GREY8,
    Radiometry,
    to_centikelvin,
)
from mlcmkd.utils.errors import InputError

# FLIR's Ax5 and Tau, temperature-linear at high resolution: 0.04 K a count.
FLIR_COUNTS = Radiometry(kind="counts", low=18, high=40, gain=0.04, offset=-273.15)
DECIKELVIN = Radiometry(kind="decikelvin", low=18, high=40)
SCALED = Radiometry(kind="grey8", low=18, high=40, scale_celsius=(10, 61))
BLACK_HOT = Radiometry(kind="grey8", low=18, high=40, scale_celsius=(61, 10))
PALETTE = Radiometry(kind="palette", low=0, high=255)
IRON_SCALED = Radiometry(kind="palette", low=18, high=40, palette="iron", scale_celsius=(10, 61))
MINMAX = Radiometry(kind="frame-minmax")
ALL = (
    FACE_CELSIUS,
    FACE_CENTIKELVIN,
    DECIKELVIN,
    FLIR_COUNTS,
    GREY8,
    SCALED,
    BLACK_HOT,
    PALETTE,
    IRON_SCALED,
    MINMAX,
)
LEVELS = cv2.GaussianBlur(np.random.default_rng(0).uniform(0, 1, (40, 50)), (0, 0), 3)
LEVELS = ((LEVELS - LEVELS.min()) / np.ptp(LEVELS)).astype(np.float32)


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


def test_decikelvin_and_linear_counts_by_hand():
    """35 degrees C are 308.15 K: 3081.5 tenths, 7703.75 counts of 0.04 K."""
    raw = np.array([2732, 3082, 3132], np.uint16)
    np.testing.assert_allclose(DECIKELVIN.celsius(raw), [0.05, 35.05, 40.05], atol=1e-4)
    np.testing.assert_allclose(DECIKELVIN.to_unit(raw), [0, 17.05 / 22, 1], atol=1e-5)
    raw = np.array([6829, 7704, 7829], np.uint16)
    np.testing.assert_allclose(FLIR_COUNTS.celsius(raw), [0.01, 35.01, 40.01], atol=1e-4)
    np.testing.assert_allclose(FLIR_COUNTS.to_unit(raw), [0, 17.01 / 22, 1], atol=1e-5)


def test_levels_of_a_stated_scale_are_temperatures():
    """Levels 0 to 255 over 10 to 61 degrees C: 0.2 degrees a level; black hot the other way."""
    raw = np.array([0, 40, 105, 150, 255], np.uint8)
    np.testing.assert_allclose(SCALED.celsius(raw), [10, 18, 31, 40, 61], atol=1e-5)
    np.testing.assert_allclose(SCALED.to_unit(raw), [0, 0, 13 / 22, 1, 1], atol=1e-6)
    np.testing.assert_allclose(BLACK_HOT.celsius(255 - raw), [10, 18, 31, 40, 61], atol=1e-5)
    assert SCALED.absolute and not GREY8.absolute


def test_model_input_is_float32_of_the_same_shape():
    for radiometry in ALL:
        unit = radiometry.to_unit(np.zeros((3, 5), np.uint8))
        assert unit.dtype == np.float32
        assert unit.shape == (3, 5)


def test_grey_levels_have_no_temperature():
    with pytest.raises(InputError, match="8-bit grey levels carry no absolute temperature"):
        GREY8.celsius(np.zeros(3, np.uint8))


@settings(deadline=None)
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


@settings(deadline=None)
@given(
    st.sampled_from([one for one in ALL if one != MINMAX]),
    st.lists(st.floats(0, 1, width=32), min_size=1, max_size=20),
)
def test_there_and_back_over_any_range(radiometry, values):
    """Converting a model input back and forth gives the same input."""
    unit = np.array(values, np.float32)
    meant = radiometry.from_unit(unit)
    plain = Radiometry(
        kind="celsius" if radiometry.absolute else "grey8", low=radiometry.low, high=radiometry.high
    )
    assert meant.dtype == np.float32
    np.testing.assert_allclose(plain.to_unit(meant), unit, atol=1e-6)


@settings(deadline=None)
@given(st.lists(st.integers(0, 65535), min_size=1, max_size=20))
def test_counts_there_and_back_within_the_range(counts):
    raw = np.array(counts, np.uint16)
    for radiometry in (FACE_CENTIKELVIN, DECIKELVIN, FLIR_COUNTS):
        celsius = radiometry.celsius(raw)
        back = radiometry.from_unit(radiometry.to_unit(raw))
        np.testing.assert_allclose(back, np.clip(celsius, 18, 40), atol=2e-4)


def test_relative_values_have_no_temperature():
    for radiometry, message in (
        (PALETTE, "8-bit grey levels carry no absolute temperature"),
        (MINMAX, "'frame-minmax' carries no absolute temperature"),
    ):
        with pytest.raises(InputError, match=message):
            radiometry.celsius(np.zeros((2, 2), np.uint8))
    with pytest.raises(InputError, match="does not keep the frame's range"):
        MINMAX.from_unit(np.zeros(3))


def test_the_stretch_by_frame_loses_absolute_temperature():
    """Two frames 5 degrees apart give one and the same input; over a range they do not."""
    cool = 24 + 8 * LEVELS
    frames = np.stack([cool, cool + 5])
    one, other = MINMAX.to_unit(frames)
    assert one.min() == 0 and one.max() == 1
    np.testing.assert_allclose(one, other, atol=1e-6)
    one, other = FACE_CELSIUS.to_unit(frames)
    np.testing.assert_allclose(other - one, 5 / 22, atol=1e-6)


def test_the_stretch_takes_each_frame_by_itself_and_any_file():
    frames = np.array([[[1, 3], [2, 1]], [[10, 10], [10, 10]]], np.uint16)
    expected = [[[0, 1], [0.5, 0]], [[0, 0], [0, 0]]]
    np.testing.assert_array_equal(MINMAX.to_unit(frames), expected)
    for image in (frames[0], frames[0].astype(np.uint8), frames[0].astype(np.float32)):
        np.testing.assert_array_equal(MINMAX.frame_to_unit(image), expected[0])
    iron = MINMAX.frame_to_unit(apply_palette(0.2 + LEVELS / 2, "iron"))
    np.testing.assert_allclose(iron, LEVELS, atol=0.01)
    with pytest.raises(InputError, match="whole frames"):
        MINMAX.to_unit(np.arange(3))


@pytest.mark.parametrize(
    ("written", "radiometry"),
    [
        ('{"kind":"celsius","low":18.0,"high":40.0}', FACE_CELSIUS),
        ('{"kind":"centikelvin","low":18.0,"high":40.0}', FACE_CENTIKELVIN),
        ('{"kind":"grey8","low":0.0,"high":255.0}', GREY8),
        ('{"kind":"frame-minmax","low":0.0,"high":1.0}', MINMAX),
        (
            '{"kind":"counts","low":18.0,"high":40.0,"gain":0.04,"offset":-273.15}',
            FLIR_COUNTS,
        ),
        (
            '{"kind":"palette","low":18.0,"high":40.0,"palette":"iron",'
            '"scale_celsius":[10.0,61.0]}',
            IRON_SCALED,
        ),
    ],
)
def test_manifests_and_weights_keep_their_bytes(written, radiometry):
    """The first three as ever, byte by byte: hashes of manifests name results."""
    assert radiometry.model_dump_json() == written
    assert Radiometry.model_validate_json(written) == radiometry
    row = PairRow(
        id="a",
        subject="s",
        split="test",
        thermal_file_name="t.png",
        scheme="ibug68",
        radiometry=radiometry,
    )
    assert row.model_dump_json(exclude_none=True) == (
        '{"id":"a","subject":"s","split":"test","thermal_file_name":"t.png","scheme":"ibug68",'
        f'"radiometry":{written},"source":"","labels":""}}'
    )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kind": "celsius", "low": 18}, "high"),
        ({"kind": "celsius", "low": 18, "high": float("inf")}, "must be finite"),
        ({"kind": "counts", "low": 18, "high": 40}, "counts need their gain"),
        ({"kind": "counts", "low": 18, "high": 40, "gain": 0, "offset": 1}, "need their gain"),
        ({"kind": "celsius", "low": 18, "high": 40, "gain": 1}, "belong to kind 'counts'"),
        ({"kind": "palette", "low": 0, "high": 255, "palette": "pink"}, "'pink' is unknown"),
        ({"kind": "grey8", "low": 0, "high": 255, "palette": "iron"}, "belongs to kind 'palette'"),
        ({"kind": "celsius", "low": 1, "high": 2, "scale_celsius": (1, 2)}, "belongs to 8-bit"),
        ({"kind": "grey8", "low": 1, "high": 2, "scale_celsius": (3, 3)}, "two different"),
        ({"kind": "frame-minmax", "low": 18, "high": 40}, "each frame's own range"),
        ({"kind": "percentile", "low": 0, "high": 1}, "kind"),
    ],
)
def test_impossible_radiometries_are_refused(fields, message):
    with pytest.raises(ValidationError, match=message):
        Radiometry.model_validate(fields)


def test_grey_in_three_channels_is_grey():
    grey = np.rint(LEVELS * 255).astype(np.uint8)
    expected = GREY8.to_unit(grey)
    for radiometry in (GREY8, PALETTE, Radiometry(kind="palette", low=0, high=255, palette="grey")):
        for image in (grey, np.repeat(grey[..., None], 3, axis=2)):
            np.testing.assert_allclose(radiometry.frame_to_unit(image), expected, atol=1e-6)


def test_iron_becomes_levels_and_with_a_scale_degrees():
    image = apply_palette(LEVELS, "iron")
    np.testing.assert_allclose(PALETTE.frame_to_unit(image), LEVELS, atol=1.5 / 255)
    celsius = 10 + 51 * LEVELS
    expected = np.clip((celsius - 18) / 22, 0, 1)
    np.testing.assert_allclose(IRON_SCALED.frame_to_unit(image), expected, atol=1.5 / 255 * 51 / 22)


PHOTO = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
IRON = apply_palette(LEVELS, "iron")


@pytest.mark.parametrize(
    ("radiometry", "image", "message"),
    [
        (GREY8, IRON, "a colour image .* use the radiometry kind 'palette'"),
        (FACE_CENTIKELVIN, IRON, "a colour image instead of a thermal one"),
        (PALETTE, PHOTO, "on no known palette"),
        (IRON_SCALED, PHOTO, "not those of palette 'iron'"),
        (IRON_SCALED, IRON[..., 0], "one channel, but radiometry says palette 'iron'"),
        (MINMAX, PHOTO, "on no known palette"),
        (FACE_CENTIKELVIN, IRON[..., 0], "uint8 pixels, but radiometry 'centikelvin' means uint16"),
        (FACE_CELSIUS, np.zeros((4, 4), np.uint16), "uint16 pixels, .* means float32 or float64"),
        (FACE_CELSIUS, np.zeros((4, 4, 3), np.float32), "not a thermal image"),
        (GREY8, np.zeros((4, 4, 4), np.uint8), "not a thermal image"),
        (FACE_CELSIUS, np.full((4, 4), np.nan, np.float32), "100.0 % of its pixels are NaN"),
    ],
)
def test_images_that_contradict_the_radiometry_are_named(radiometry, image, message):
    with pytest.raises(InputError, match=rf"^a\.png: .*{message}"):
        radiometry.frame_to_unit(image, "a.png")


def test_dead_pixels_are_filled_in_frames_and_refused_in_values():
    frame = np.full((20, 20), 29, np.float32)
    frame[4, 5] = np.nan
    np.testing.assert_allclose(FACE_CELSIUS.frame_to_unit(frame), 0.5)
    for radiometry in (FACE_CELSIUS, MINMAX):
        with pytest.raises(InputError, match="NaN or infinite thermal values"):
            radiometry.to_unit(frame)
