"""Figures of KD-Loss are drawn without a warning, with labels, units and the values of the loss."""

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mlcmkd.distillation.kd_loss import FIGURES, kd_values
from mlcmkd.plots.kd_loss import loss_forms, loss_gradients, loss_landscape
from tests.plots.conftest import drawn

# target, Tough-Teacher, Tolerant-Teacher
PLACES = {
    "either side": (0.1, 0.12, 0.065),
    "one side": (-0.2, -0.21, -0.25),
    "tough is right": (0.2, 0.2, 0.21),
    "tolerant is right": (0.0, 0.03, 0.0),
    "both are right": (0.3, 0.3, 0.3),
    "tiny band": (0.0, -0.001, 0.05),
}
CONSTANTS = {"tough_inner": -1.0, "main_weight": 0.5, "band": 0.4}
CASES = [*((name, {}) for name in PLACES), ("either side", CONSTANTS)]
AXIS = "prediction (% of the input size; 0 is the centre)"


def panel(figure: Figure, words: str) -> Axes:
    (found,) = [axes for axes in figure.axes if words in axes.get_title()]
    return found


def curve(axes: Axes, label: str) -> tuple[np.ndarray, np.ndarray]:
    (line,) = [line for line in axes.lines if line.get_label().startswith(label)]
    return line.get_xdata(), line.get_ydata()


def expected(x: np.ndarray, at: tuple, **constants) -> dict[str, np.ndarray]:
    """Weighted terms at x percent."""
    prediction = torch.from_numpy(x / 100)
    rest = [torch.full_like(prediction, value) for value in at]
    return {name: each.numpy() for name, each in kd_values(prediction, *rest, **constants).items()}


@pytest.mark.parametrize("draw", [loss_landscape, loss_gradients])
@pytest.mark.parametrize("name", PLACES)
def test_figure_draws_without_a_warning(draw, name):
    figure, _ = drawn(lambda: draw(*PLACES[name]))
    assert figure.axes[-1].get_xlabel() == AXIS


@pytest.mark.parametrize(("name", "constants"), CASES)
def test_the_landscape_shows_the_values_of_the_loss(name, constants):
    at = PLACES[name]
    figure = loss_landscape(*at, **constants)
    main = panel(figure, "main loss").lines[0]
    terms = expected(main.get_xdata(), at, **constants)
    # Conversion to percent and back rounds, so a place near a jump may change its side.
    assert_equal_but_for_jumps(main.get_ydata(), terms["main"])
    assistive = panel(figure, "assistive")
    for label, term in (("ALoss, Tough", "tough"), ("ALoss, Tolerant", "tolerant")):
        assert_equal_but_for_jumps(curve(assistive, label)[1], terms[term])
    x, whole = curve(panel(figure, "KD-Loss"), "KD-Loss")
    assert_equal_but_for_jumps(whole, sum(terms.values()))
    squared = (x / 100 - at[0]) ** 2
    drawn = curve(panel(figure, "KD-Loss"), "L2")[1]
    assert drawn == pytest.approx(squared * whole.max() / squared.max(), abs=1e-12)
    straight = np.abs(x / 100 - at[0])
    drawn = curve(panel(figure, "KD-Loss"), "L1")[1]
    assert drawn == pytest.approx(straight * whole.max() / straight.max(), abs=1e-12)


@pytest.mark.parametrize(("name", "constants"), CASES)
def test_the_gradient_is_the_slope_of_the_loss(name, constants):
    """Against finite differences, except at borders of regions."""
    at = PLACES[name]
    figure = loss_gradients(*at, **constants)
    x, whole = curve(panel(figure, "KD-Loss"), "KD-Loss")
    side, step = np.sign(x / 100 - at[0]), 1e-7
    assert not (side == 0).any()
    further = expected(x + 100 * step * side, at, **constants)
    nearer = expected(x - 100 * step * side, at, **constants)
    slopes = {name: (further[name] - nearer[name]) / (2 * step) for name in further}
    assistive = panel(figure, "assistive")
    assert_equal_but_for_jumps(curve(assistive, "ALoss, Tough")[1], slopes["tough"], 1e-6)
    assert_equal_but_for_jumps(curve(assistive, "ALoss, Tolerant")[1], slopes["tolerant"], 1e-6)
    assert_equal_but_for_jumps(curve(panel(figure, "KD-Loss"), "main")[1], slopes["main"], 1e-6)
    assert_equal_but_for_jumps(whole, sum(slopes.values()), 1e-6)
    distance = np.abs(x / 100 - at[0])
    drawn = curve(panel(figure, "KD-Loss"), "L2")[1]
    assert drawn == pytest.approx(distance * whole.max() / distance.max(), abs=1e-9)
    assert curve(panel(figure, "KD-Loss"), "L1")[1] == pytest.approx(whole.max(), abs=1e-9)


def assert_equal_but_for_jumps(found: np.ndarray, wanted: np.ndarray, error: float = 1e-12) -> None:
    """Equal at all but a few of thousands of places: there are at most four borders on each side."""
    assert found.shape == wanted.shape and len(found) > 1000
    assert (~np.isclose(found, wanted, rtol=0, atol=error)).sum() <= 8


@pytest.mark.parametrize("plain_loss", ["L2", "L1"])
@pytest.mark.parametrize("draw", [loss_landscape, loss_gradients])
def test_the_label_states_the_factor_of_the_curve(draw, plain_loss):
    target = PLACES["either side"][0]
    figure = draw(*PLACES["either side"])
    (axes,) = [axes for axes in figure.axes if "KD-Loss" in axes.get_legend_handles_labels()[1]]
    (label,) = [text for text in axes.get_legend_handles_labels()[1] if text.startswith(plain_loss)]
    x, drawn = curve(axes, plain_loss)
    distance = np.abs(x / 100 - target)
    power = int(plain_loss[1])
    plain = distance**power if draw is loss_landscape else power * distance ** (power - 1)
    stated = float(label.removeprefix(f"{plain_loss}, times "))
    assert stated == pytest.approx((drawn / plain)[0], rel=0.01)
    shown = [text.get_text() for text in axes.get_legend().get_texts()]
    assert label in shown and "KD-Loss" in shown
    assert ("main loss alone" in shown) == (draw is loss_gradients)


@pytest.mark.parametrize("draw", [loss_landscape, loss_gradients])
def test_target_and_teachers_are_marked_and_labelled(draw):
    at = PLACES["either side"]
    figure = draw(*at)
    (legend,) = figure.legends
    words = [text.get_text() for text in legend.get_texts()]
    assert words == ["target, 10 %", "Tough-Teacher, 12 %", "Tolerant-Teacher, 6.5 %"]
    for axes in figure.axes:
        if "regions" in axes.get_title():
            continue
        marks = [
            line.get_xdata()[0] for line in axes.lines if line.get_xdata()[0] == line.get_xdata()[1]
        ]
        assert sorted(marks) == pytest.approx(sorted(100 * value for value in at))


@pytest.mark.parametrize("draw", [loss_landscape, loss_gradients])
@pytest.mark.parametrize("band", [0.15, 0.4])
def test_regions_end_where_the_losses_change(draw, band):
    """Target 10 %; the teachers 2 and 3.5 % off, the axis 1.5 times 3.5 %."""
    axes = panel(draw(*PLACES["either side"], band=band), "regions")
    ends: dict[int, set[float]] = {0: set(), 1: set()}
    for bars in axes.collections:
        (box,) = [path.get_extents() for path in bars.get_paths()]
        ends[round((box.y0 + box.y1) / 2)] |= {round(box.x0, 6), round(box.x1, 6)}
    for row, r in ((1, 2.0), (0, 3.5)):
        wanted = [10 + sign * end for end in (band * r, r, 5.25) for sign in (-1, 1)]
        assert sorted(ends[row]) == pytest.approx(sorted(wanted), abs=1e-5)
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "Tolerant-Teacher",
        "Tough-Teacher",
    ]
    names = {(text.get_position()[1], text.get_text()) for text in axes.texts}
    assert names == {(row, word) for row in (0, 1) for word in ("beyond", "between", "band")}


def test_a_label_without_room_is_left_out_and_a_teacher_without_loss_is_labelled():
    words = [
        text.get_text() for text in panel(loss_gradients(*PLACES["tiny band"]), "regions").texts
    ]
    assert words.count("band") == 1 and words.count("between") == 2
    words = [
        text.get_text()
        for text in panel(loss_gradients(*PLACES["both are right"]), "regions").texts
    ]
    assert words == ["no loss", "no loss"]


def test_each_form_has_a_column_with_its_own_curves_and_gradient():
    at, forms = PLACES["either side"], {"code": {}, "figures": FIGURES}
    axes = np.array(loss_forms(*at, forms).axes).reshape(3, 2)
    for column, (name, constants) in zip(axes.T, forms.items(), strict=True):
        assert column[0].get_title() == name
        x, drawn = curve(column[1], "KD-Loss")
        terms = expected(x, at, **constants)
        assert_equal_but_for_jumps(drawn, sum(terms.values()))
        for label, term in (("ALoss, Tough", "tough"), ("ALoss, Tolerant", "tolerant")):
            assert_equal_but_for_jumps(curve(column[0], label)[1], terms[term])
        gradient = column[2].lines[0].get_ydata()
        side, step = np.sign(x / 100 - at[0]), 1e-7
        further, nearer = (expected(x + s * 100 * step * side, at, **constants) for s in (1, -1))
        slopes = (sum(further.values()) - sum(nearer.values())) / (2 * step)
        assert_equal_but_for_jumps(gradient, slopes, 1e-6)
