"""Figures of attribution methods, of their tests and of their agreement."""

import numpy as np
import pytest

from mlcmkd import plots
from tests.plots.conftest import drawn

RNG = np.random.default_rng(0)


def methods():
    images = RNG.random((2, 32, 32, 3))
    maps = {name: RNG.normal(size=(2, 32, 32)) for name in ("integrated-gradients", "grad-cam")}
    marks = RNG.uniform(-0.4, 0.4, (2, 68, 2))
    rows = [("RGB", images, maps), ("thermal", images.mean(-1), maps)]
    return plots.method_grid(rows, landmarks=marks, landmark=[36, 37, 38])


def curves():
    fractions = np.linspace(0, 1, 5)
    both = {"occlusion": fractions**2, "random order": fractions}
    areas = {kind: dict.fromkeys(both, (0.5, 0.4, 0.6)) for kind in ("insertion", "deletion")}
    return plots.pixel_curves(fractions, both, {n: 1 - c for n, c in both.items()}, areas)


def bars():
    similarity = {"occlusion": [(0.5, 0.4, 0.6), (0.1, 0.0, 0.2)], "edges": [(1, 1, 1), (1, 1, 1)]}
    return plots.randomisation_bars(["head", "backbone stem"], similarity)


def dots():
    one = {kind: (0.4, 0.3, 0.5) for kind in ("own", "other")}
    rows = {"none": {"spearman": one, "overlap": one}}
    return plots.agreement_dots(rows, {"spearman": 0.0, "overlap": 0.1})


@pytest.mark.parametrize(
    ("draw", "expected"),
    [
        (methods, ("RGB", "thermal", "grad-cam", "contribution")),
        (curves, ("random order: 0.50 [0.40, 0.60]", "high is good", "low is good", "(%)")),
        (bars, ("head", "rank correlation", "edges", "randomised parts")),
        (dots, ("none", "chance level", "another person's face", "95 % interval", "Spearman")),
    ],
)
def test_figure_is_drawn_with_its_texts_and_without_a_warning(draw, expected):
    _, texts = drawn(draw)
    for word in expected:
        assert word in texts, f"'{word}' is missing"


def test_controls_are_grey_and_methods_are_not():
    lines = {line.get_label(): line.get_color() for line in curves().axes[0].get_lines()}
    grey = {name.split(":")[0] for name, colour in lines.items() if colour == "#777777"}
    assert grey == {"random order"}


def test_dots_are_at_their_means():
    axes = dots().axes[0]
    assert axes.containers[0].lines[0].get_xdata().tolist() == [0.4]
