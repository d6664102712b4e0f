"""Drawn text: its border lies evenly around it, and all of it is inside of the image."""

import numpy as np
import pytest

from mlcmkd.deployment.text_drawing import text_width, write_text


def extent(mask: np.ndarray) -> np.ndarray:
    """x0, y0, x1, y1 of the pixels of a mask."""
    y, x = np.nonzero(mask)
    return np.array([x.min(), y.min(), x.max(), y.max()])


@pytest.mark.parametrize("stroke", [1, 2])
def test_the_border_lies_evenly_around_the_text(stroke):
    canvas = np.full((60, 80, 3), 128, np.uint8)
    write_text(canvas, "12", (20, 40), 13 * stroke, (255, 176, 0), stroke)
    letters = extent(canvas[..., 0] > 200)
    border = extent((canvas != 128).any(axis=-1))
    room = np.abs(letters - border)
    assert room.min() >= 2 * stroke and np.ptp(room) <= 1
    assert letters[0] == pytest.approx(20, abs=2 * stroke)
    assert letters[3] == pytest.approx(40, abs=stroke)
    assert letters[2] - letters[0] <= text_width("12", 13 * stroke) + 1


@pytest.mark.parametrize("corner", [(-50, -50), (500, 500), (-3, 30), (70, 3)])
def test_text_is_moved_into_the_image(corner):
    canvas, inside = (np.full((60, 80, 3), 128, np.uint8) for _ in range(2))
    write_text(canvas, "36.5", corner, 10)
    write_text(inside, "36.5", (20, 30), 10)
    assert (canvas == 255).sum() == (inside == 255).sum()
    assert (canvas == 0).sum() == (inside == 0).sum()
