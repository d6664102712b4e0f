"""Equal images have equal magnitudes, wherever they lie in memory; so have other results of OpenCV."""

import cv2
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


GREY = np.random.default_rng(0).random((301, 331), dtype=np.float32)
COLOUR = np.random.default_rng(0).integers(0, 256, (301, 331, 3), dtype=np.uint8)
MOVE = np.array([[0.9, 0.1, 3], [-0.1, 0.9, 2], [1e-4, 0, 1]])


@pytest.mark.parametrize(
    ("image", "function"),
    [
        (GREY, lambda image, dst: cv2.Sobel(image, cv2.CV_32F, 1, 0, dst=dst)),
        (GREY, lambda image, dst: cv2.Scharr(image, cv2.CV_32F, 0, 1, dst=dst)),
        (GREY, lambda image, dst: cv2.GaussianBlur(image, (0, 0), 3.3, dst=dst)),
        (GREY, lambda image, dst: cv2.blur(image, (7, 7), dst=dst)),
        (GREY, lambda image, dst: cv2.resize(image, (200, 180), dst, 0, 0, cv2.INTER_CUBIC)),
        (GREY, lambda image, dst: cv2.warpAffine(image, MOVE[:2], (120, 90), dst=dst)),
        (GREY, lambda image, dst: cv2.warpPerspective(image, MOVE, (120, 90), dst=dst)),
        (COLOUR, lambda image, dst: cv2.resize(image, (60, 50), dst, 0, 0, cv2.INTER_AREA)),
        (COLOUR, lambda image, dst: cv2.GaussianBlur(image, (0, 0), 1.5, dst=dst)),
        (COLOUR, lambda image, dst: cv2.cvtColor(image, cv2.COLOR_RGB2GRAY, dst=dst)),
        (COLOUR, lambda image, dst: cv2.cvtColor(image, cv2.COLOR_RGB2LAB, dst=dst)),
    ],
)
def test_other_functions_of_opencv_need_no_such_place(image, function):
    """Those that draw simulated images and register pairs; if one fails, it needs what magnitude has."""
    expected = function(image, None)
    size = image.itemsize
    for offset in range(16):
        place = placed(np.zeros_like(expected), expected.itemsize * (7 * offset % 16))
        found = function(placed(image, size * offset), place)
        np.testing.assert_array_equal(found, expected)
