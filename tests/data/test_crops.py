import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcmkd.data.crops import Crop, tight_box

finite = st.floats(-500, 500)


def test_a_square_within_the_image_has_all_corners_in_it():
    assert Crop((50, 40), 60).within(100, 80)  # columns 20 to 80, rows 10 to 70
    assert Crop((29.5, 29.5), 60).within(60, 60)  # from edge to edge
    assert not Crop((29, 29.5), 60).within(60, 60)
    assert not Crop((50, 40), 60, 45).within(100, 80)  # its corners reach 42 px from the centre


def test_around_takes_the_longer_side_times_the_scale():
    crop = Crop.around((10, 20, 50, 40), scale=1.5)
    assert crop.centre == (30, 30)
    assert crop.side == 60


def test_tight_box():
    assert tight_box(np.array([[3, 9], [1, 4], [2, 7]])) == (1, 4, 3, 9)


def test_corners_of_the_crop_are_half_units():
    crop = Crop((30, 30), 60)
    assert crop.to_unit(np.array([0, 60])) == pytest.approx([-0.5, 0.5])


@given(finite, finite, st.floats(1, 400), st.floats(-180, 180), finite, finite)
def test_pixels_and_units_are_inverse(cx, cy, side, roll, x, y):
    crop = Crop((cx, cy), side, roll)
    point = np.array([x, y])
    assert crop.to_pixels(crop.to_unit(point)) == pytest.approx(point, abs=1e-6)


@pytest.mark.parametrize("roll", [0, -35, 120])
@pytest.mark.parametrize(("side", "size"), [(40, 40), (40, 20), (60, 24), (40, 60)])
def test_cut_puts_a_blob_where_to_unit_says(side, size, roll):
    """The geometry of the pixels and that of the points must be one, at any resampling."""
    y, x = np.mgrid[0:100, 0:120]
    blob = np.array([57.3, 41.8])
    image = np.exp(-((x - blob[0]) ** 2 + (y - blob[1]) ** 2) / 18).astype(np.float32)
    crop = Crop((60.0, 43.0), side, roll)
    cut = crop.cut(image, size)
    assert cut.shape == (size, size)
    rows, columns = np.mgrid[0:size, 0:size]
    centre = np.array([(cut * columns).sum(), (cut * rows).sum()]) / cut.sum()
    expected = (crop.to_unit(blob) + 0.5) * size - 0.5
    assert centre == pytest.approx(expected, abs=0.15)


def test_a_turned_crop_is_turned_clockwise():
    """Its upper edge is on the right of the image after a quarter turn."""
    crop = Crop((10, 20), 8, 90)
    assert crop.to_pixels(np.array([[0, -0.5], [0.5, 0]])) == pytest.approx(
        np.array([[14, 20], [10, 24]])
    )


def test_the_change_of_a_crop_is_that_of_its_corners():
    crop = Crop((10, 20), 8)
    assert crop.change_to(crop) == 0
    assert crop.change_to(Crop((12, 20), 8)) == pytest.approx(0.25)
    assert crop.change_to(Crop((10, 20), 8, 180)) == pytest.approx(2**0.5)
    assert crop.change_to(Crop((10, 20), 16)) == pytest.approx(0.5**0.5)


def test_cut_averages_instead_of_skipping_when_it_shrinks():
    checks = np.indices((64, 64)).sum(0) % 2 * 255.0
    cut = Crop((31.5, 31.5), 64).cut(checks.astype(np.float32), 8)
    assert cut == pytest.approx(127.5, abs=1)


def test_beyond_the_border_the_border_is_repeated():
    image = np.full((10, 10), 7.0, dtype=np.float32)
    assert Crop((0, 0), 40).cut(image, 16) == pytest.approx(7)
