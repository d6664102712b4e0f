"""The figure of a false-colour image, its levels and its distance from the palette."""

import numpy as np
import pytest
from matplotlib.image import AxesImage

from mlcmkd.data.thermal.palettes import apply_palette, invert
from mlcmkd.plots import palette_inversion
from tests.plots.conftest import drawn, words_in


@pytest.mark.parametrize("shape", [(60, 80), (80, 60)])
def test_the_figure_shows_levels_and_distances(shape):
    image = apply_palette(np.linspace(0, 1, shape[0] * shape[1]).reshape(shape), "iron")
    image[5:15, 5:15] = (0, 255, 0)
    inverted = invert(image)
    figure, _ = drawn(
        lambda: palette_inversion(
            image, inverted.levels, inverted.residual, tolerance=40, title=inverted.palette
        )
    )
    words = words_in(figure)
    assert {"iron", "levels", "distance from the palette"} <= set(words)
    assert {"level (0 cold, 1 warm)", "distance from the palette (RGB)"} <= set(words)
    arrays = [picture.get_array() for picture in figure.findobj(AxesImage)]
    for shown in (image, inverted.levels, inverted.residual):
        assert any(array.shape == shown.shape and (array == shown).all() for array in arrays)
