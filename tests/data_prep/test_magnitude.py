"""Equal images have equal magnitudes, wherever they lie in memory."""

import numpy as np
import pytest

from data_prep.magnitude import magnitude


def placed(values: np.ndarray, offset: int) -> np.ndarray:
    """A copy that begins `offset` bytes after a multiple of 64 bytes."""
    memory = np.empty(values.nbytes + 128, np.uint8)
    start = -memory.ctypes.data % 64 + offset
    copy = memory[start : start + values.nbytes].view(values.dtype).reshape(values.shape)
    copy[...] = values
    return copy


@pytest.mark.parametrize("shape", [(97, 131), (16, 16), (1, 1), (1, 7)])
def test_the_bits_do_not_depend_on_the_place_in_memory(shape):
    across, down = np.random.default_rng(0).normal(size=(2, *shape)).astype(np.float32)
    expected = magnitude(across, down)
    np.testing.assert_allclose(expected, np.hypot(across, down), rtol=3e-7)
    sizes = np.random.default_rng(1).integers(1, 200_000, (64, 5))
    for number, some in enumerate(sizes):
        others = [
            np.empty(size, np.uint8) for size in some
        ]  # so that the result lies elsewhere too
        found = magnitude(placed(across, 4 * (number % 16)), placed(down, 4 * (number // 4)))
        np.testing.assert_array_equal(found, expected)
        del others


def test_the_arguments_may_be_views_and_are_left_as_they_are():
    both = np.random.default_rng(0).normal(size=(2, 20, 30)).astype(np.float32)
    across, down = both[0, ::2, ::3], both[1, ::2, ::3]
    before = both.copy()
    np.testing.assert_allclose(magnitude(across, down), np.hypot(across, down), rtol=3e-7)
    np.testing.assert_array_equal(both, before)
    assert magnitude(across[:0], down[:0]).shape == (0, 10)
