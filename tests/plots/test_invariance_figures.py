"""Figures of invariance are drawn without a warning, with labels, units and the right numbers."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from mlcmkd import plots
from mlcmkd.evaluation.invariance import Invariance
from mlcmkd.plots import invariance
from mlcmkd.utils.errors import InputError
from tests.plots.conftest import drawn

FACES, SIDE = 3, 32
SWAP = np.array([[0.045, 0.688], [0.621, 0.077]])
LINES = [
    {
        "step": 10 * n,
        "val_nme": 0.1,
        **Invariance(200, SWAP / n, 0.3 * n, 0.2 * n, 0.25 * n, 1 - 0.1 * n).summary(),
    }
    for n in (1, 2, 3)
]


def draw_colours() -> Figure:
    rng = np.random.default_rng(0)
    return plots.feature_colours(
        torch.from_numpy(rng.random((FACES, 3, SIDE, SIDE), dtype=np.float32)),
        torch.from_numpy(rng.random((FACES, 1, SIDE, SIDE), dtype=np.float32)),
        rng.random((FACES, 8, 8, 3)),
        rng.random((FACES, 8, 8, 3)),
    )


def draw_embedding() -> Figure:
    points = np.random.default_rng(0).normal(size=(20, 2))
    return plots.embedding(points, points + [1, 0], title="a run")


# name -> (function that draws it, texts it must contain)
FIGURES: dict[str, tuple[Callable[[], Figure], tuple[str, ...]]] = {
    "head_swap_matrix": (
        lambda: plots.head_swap_matrix(SWAP),
        ("4.50 %", "68.80 %", "62.10 %", "7.70 %", "inter-ocular (%)", "head", "features", "RGB"),
    ),
    "invariance_over_training": (
        lambda: plots.invariance_over_training(LINES, "a run"),
        (
            "a run",
            "optimiser step",
            "inter-ocular (%)",
            "linear CKA",
            "recall@1",
            "accuracy (%)",
        ),
    ),
    "feature_colours": (
        draw_colours,
        ("RGB image", "teacher's features", "thermal image", "student's features", "principal"),
    ),
    "embedding": (draw_embedding, ("RGB", "thermal", "pair", "arbitrary unit", "a run")),
}


@pytest.mark.parametrize("name", FIGURES)
def test_figure_is_drawn_with_its_texts_and_without_a_warning(name):
    draw, expected = FIGURES[name]
    _, texts = drawn(draw)
    for word in expected:
        assert word in texts, f"'{word}' is missing"


def test_every_figure_of_the_file_is_exported_and_drawn_here():
    public = {
        name
        for name, value in vars(invariance).items()
        if getattr(value, "__module__", "") == invariance.__name__ and not name.startswith("_")
    }
    assert public == set(FIGURES)
    assert public <= set(plots.__all__)


def test_every_cell_of_the_matrix_is_at_its_place():
    (axes,) = plots.head_swap_matrix(SWAP).axes
    found = {text.get_position(): text.get_text() for text in axes.texts}
    for row, column in np.ndindex(2, 2):
        assert found[(column, row)].startswith(f"{100 * SWAP[row, column]:.2f} %")
        assert ("own" in found[(column, row)]) == (row == column)


def test_equal_values_have_one_colour_and_different_ones_the_ends():
    def colours_of(values) -> np.ndarray:
        (image,) = plots.head_swap_matrix(np.array(values)).axes[0].images
        return image.norm(image.get_array())

    assert np.ptp(colours_of([[0.05, 0.05], [0.05, 0.05]])) == 0
    # A hundredth of difference is not the whole range of the colours.
    assert np.ptp(colours_of([[0.05, 0.0505], [0.05, 0.05]])) < 0.05
    assert np.ptp(colours_of(SWAP)) == pytest.approx(1)


def test_each_panel_marks_the_value_of_invariant_features():
    figure = plots.invariance_over_training(LINES)
    texts = [[text.get_text() for text in axes.texts] for axes in figure.axes]
    assert texts == [
        [],  # own heads are the reference
        ["invariant: 1"],
        ["invariant: 100 %", "chance: 0.5 %"],
        ["invariant (chance): 50 %"],
    ]
    for axes, heights in zip(figure.axes[1:], ([1], [100, 0.5], [50]), strict=True):
        flat = [line.get_ydata()[0] for line in axes.lines if len(line.get_xdata()) == 2]
        assert flat == heights


def test_curves_are_the_logged_values_over_their_steps():
    other = [{"step": 5, "val_nme": 0.2}]  # a line without the measures
    swap, cka, recall, probe = plots.invariance_over_training(other + LINES).axes
    for axes, label, name, scale in (
        (swap, "RGB, student's head", "swap_teacher_features_student_head", 100),
        (swap, "thermal, teacher's head", "swap_student_features_teacher_head", 100),
        (swap, "RGB, own head", "swap_teacher_features_teacher_head", 100),
        (swap, "thermal, own head", "swap_student_features_student_head", 100),
        (cka, "of pairs", "cka", 1),
        (cka, "of different faces", "cka_other_face", 1),
        (recall, "recall@1", "recall_at_1", 100),
        (probe, "probe", "probe_accuracy", 100),
    ):
        (line,) = [line for line in axes.lines if line.get_label() == label]
        assert list(line.get_xdata()) == [10, 20, 30]
        assert list(line.get_ydata()) == pytest.approx([scale * one[name] for one in LINES])
    with pytest.raises(InputError, match="measures invariance"):
        plots.invariance_over_training(other)


def test_a_thin_line_joins_the_images_of_every_pair():
    rgb, thermal = np.random.default_rng(0).normal(size=(2, 7, 2))
    (axes,) = plots.embedding(rgb, thermal).axes
    lines = [line for line in axes.lines if len(line.get_xdata())]
    assert len(lines) == 7
    for line, start, end in zip(lines, rgb, thermal, strict=True):
        assert np.array_equal(line.get_xydata(), [start, end])
