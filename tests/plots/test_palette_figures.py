"""False colours, their levels and their distance from the palette, side by side."""

import warnings

import matplotlib
import numpy as np
import pytest

from mlcmkd.data.thermal.palettes import apply_palette, invert
from mlcmkd.plots import palette_inversion


@pytest.mark.parametrize("shape", [(60, 80), (80, 60)])
def test_the_figure_shows_what_was_read_and_how_well_it_fits(shape):
    image = apply_palette(np.linspace(0, 1, shape[0] * shape[1]).reshape(shape), "iron")
    image[5:15, 5:15] = (0, 255, 0)
    found = invert(image)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = palette_inversion(
            image, found.levels, found.residual, tolerance=40, title=found.palette
        )
        figure.draw_without_rendering()
    words = [text.get_text() for text in figure.findobj(matplotlib.text.Text)]
    assert {"iron", "read back", "does it fit?"} <= set(words)
    assert {"level (0 cold, 1 warm)", "distance from the palette (RGB)"} <= set(words)
    drawn = [picture.get_array() for picture in figure.findobj(matplotlib.image.AxesImage)]
    for shown in (image, found.levels, found.residual):
        assert any(array.shape == shown.shape and (array == shown).all() for array in drawn)
