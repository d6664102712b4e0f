"""The figure of an ablation: a point with its interval for every variant, and the reference."""

import math

import pytest
from matplotlib.container import ErrorbarContainer

from mlcmkd.plots import variants_compared

PANELS = {
    "real": {"full": (5.0, 4.5, 5.5), "without": (6.0, 5.8, 6.2), "more": (4.0, 3.0, 5.0)},
    "simulated": {
        "full": (8.0, 7.0, 9.0),
        "without": (7.5, math.nan, math.nan),
        "more": (9, 8, 10),
    },
}


def test_every_variant_has_its_point_and_interval():
    figure = variants_compared(PANELS, "full")
    assert [axes.get_title() for axes in figure.axes] == list(PANELS)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == list(PANELS["real"])
    for axes, values in zip(figure.axes, PANELS.values(), strict=True):
        bars = [each for each in axes.containers if isinstance(each, ErrorbarContainer)]
        assert [bar.lines[0].get_xdata()[0] for bar in bars] == [
            each[0] for each in values.values()
        ]
        (reference,) = [line for line in axes.lines if line.get_linestyle() == "--"]
        assert reference.get_xdata()[0] == values["full"][0]
    low, high = figure.axes[0].containers[1].lines[1]
    assert (low.get_xdata()[0], high.get_xdata()[0]) == pytest.approx((5.8, 6.2))


def test_worse_variants_differ_in_marker_and_colour():
    real = variants_compared(PANELS, "full").axes[0]
    full, without, more = (each.lines[0] for each in real.containers)
    assert full.get_marker() == more.get_marker() == "o" and without.get_marker() == "s"
    assert without.get_color() != full.get_color() == more.get_color()
