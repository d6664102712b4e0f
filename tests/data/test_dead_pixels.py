"""Pixels without a value take the median of their neighbours."""

import numpy as np
import pytest

from mlcmkd.data.thermal.dead_pixels import MAX_DEAD, fill, fill_dead_pixels
from mlcmkd.utils.errors import InputError


def frame(size: int = 20) -> np.ndarray:
    return np.arange(size * size, dtype=np.float32).reshape(size, size)


def test_a_dead_pixel_takes_its_neighbours_median_by_hand():
    values = np.array([[1, 2, 3], [4, np.nan, 6], [7, 8, 90]], np.float32)
    filled = fill(values, np.isnan(values))
    assert filled[1, 1] == 5  # of 1 2 3 4 6 7 8 90; their mean is 15
    good = np.isfinite(values)
    assert np.array_equal(filled[good], values[good]) and filled.dtype == np.float32
    assert np.isnan(values[1, 1])  # what came in is untouched


def test_a_hole_closes_from_its_border_inwards():
    values = np.full((9, 9), 30.0)
    values[:, 5:] = 20.0
    bad = np.zeros((9, 9), bool)
    bad[2:7, 2:7] = True
    filled = fill(np.where(bad, np.nan, values), bad)
    assert np.isfinite(filled).all() and filled.min() == 20 and filled.max() == 30
    assert filled[4, 2] == 30 and filled[4, 6] == 20


@pytest.mark.parametrize("nothing", [np.nan, np.inf, -np.inf])
def test_few_dead_pixels_are_filled(nothing):
    values = frame()
    values[3, 4] = values[19, 19] = nothing
    filled = fill_dead_pixels(values)
    assert abs(filled[3, 4] - frame()[3, 4]) <= 1  # the median of a slope's 8 values is its middle
    assert 378 <= filled[19, 19] <= 398  # a corner has three neighbours


def test_more_than_the_limit_is_refused_by_name():
    values = frame()
    values.flat[: int(MAX_DEAD * values.size)] = np.nan
    assert np.isfinite(fill_dead_pixels(values)).all()
    values[10, 10] = np.nan
    with pytest.raises(InputError, match=r"frame7\.tiff: 1\.2 % of its pixels are NaN .* 1 %"):
        fill_dead_pixels(values, "frame7.tiff")


def test_frames_without_dead_pixels_are_unchanged():
    for values in (frame(), frame().astype(np.uint16)):
        assert fill_dead_pixels(values) is values
