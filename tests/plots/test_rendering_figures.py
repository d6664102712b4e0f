"""Figures of how faces are made: texts, units, and the differences that they show."""

import numpy as np
import pytest

from mlcmkd.plots import switched_off
from tests.plots.conftest import drawn

RNG = np.random.default_rng(0)
CELSIUS = RNG.normal(30, 2, (2, 24, 24)).astype(np.float32)


@pytest.mark.parametrize("titles", [None, ["one", "two"]])
def test_switched_off_shows_what_a_part_adds(titles):
    without = {"optics": CELSIUS - 0.5, "noise": CELSIUS + 0.25}
    figure, words = drawn(lambda: switched_off(CELSIUS, without, largest=1, titles=titles))
    for word in ("everything", "without optics", "without noise", "degrees C", *(titles or ())):
        assert word in words
    images = [axes.images[0] for axes in figure.axes[:12] if axes.images]
    shown = [image.get_array() for image in images if image.get_clim() == (-1, 1)]
    assert len(shown) == 4
    np.testing.assert_allclose(shown[0], 0.5, atol=1e-5)
    np.testing.assert_allclose(shown[1], -0.25, atol=1e-5)
    # All thermal images share their colours.
    assert len({image.get_clim() for image in images}) == 2


def test_a_part_without_effect_is_drawn():
    drawn(lambda: switched_off(CELSIUS[:1], {"nothing": CELSIUS[:1]}))
