"""Drawings of ideas: who reads whose features, and who teaches whom."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from mlcmkd.plots.style import BLACK, BLUE, GREY, VERMILION, WIDTH, styled

_TOP, _BOTTOM = 0.76, 0.24  # heights of the teacher's and the student's row
_PLACES = {"image": 0.10, "features": 0.38, "head": 0.68, "answer": 0.89}


@styled
def injection_diagram() -> Figure:
    """Teacher above, student below, each in two halves; FI and RI cross over."""
    figure = Figure(figsize=(WIDTH, 3.6))
    axes = figure.subplots()
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.set_axis_off()
    words = {
        _TOP: ("RGB image", "teacher's features\n(frozen)", "teacher's head\n(frozen)"),
        _BOTTOM: ("thermal image", "student's features\n(trained)", "student's head\n(trained)"),
    }
    for height, texts in words.items():
        frozen = height == _TOP
        for place, text in zip(("image", "features", "head"), texts, strict=True):
            _box(axes, _PLACES[place], height, text, frozen=frozen and place != "image")
        for start, end in (("image", "features"), ("features", "head"), ("head", "answer")):
            _arrow(axes, (_PLACES[start], height), (_PLACES[end], height), BLACK)
        axes.text(0.895, height, "landmarks", ha="left", va="center")
    _arrow(axes, (_PLACES["features"], _TOP), (_PLACES["head"], _BOTTOM), BLUE, width=2.6)
    _arrow(axes, (_PLACES["features"], _BOTTOM), (_PLACES["head"], _TOP), VERMILION, width=2.6)
    axes.text(0.462, 0.57, "FI", color=BLUE, weight="bold", fontsize=13, ha="center", va="center")
    axes.text(
        0.462, 0.43, "RI", color=VERMILION, weight="bold", fontsize=13, ha="center", va="center"
    )
    axes.text(0.5, 0.02, "solid: trained    dashed: frozen", color=GREY, ha="center", fontsize=9)
    return figure


@styled
def two_teachers_diagram() -> Figure:
    """Hard landmarks above, soft ones below, each with its teacher; the student between the two."""
    figure = Figure(figsize=(WIDTH, 3.6))
    axes = figure.subplots()
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.set_axis_off()
    left, middle, right = 0.12, 0.46, 0.88
    rows = {
        _TOP: ("hard landmarks\n(annotated)", "Tough-Teacher\n(frozen)", VERMILION),
        _BOTTOM: ("soft landmarks", "Tolerant-Teacher\n(frozen)", BLUE),
    }
    for height, (points, teacher, colour) in rows.items():
        _box(axes, left, height, points, frozen=False)
        _box(axes, middle, height, teacher, frozen=True)
        _arrow(axes, (left, height), (middle, height), BLACK)
        axes.text((left + middle) / 2, height + 0.03, "learned from", ha="center", fontsize=9)
        _arrow(axes, (middle, height), (right, 0.5), colour, width=2.6)
    _box(axes, right, 0.5, "light student\n(trained)", frozen=False)
    axes.annotate(
        "",
        (left, _BOTTOM + 0.105),
        (left, _TOP - 0.105),
        arrowprops={"arrowstyle": "-|>", "color": BLACK, "linewidth": 1.6, "mutation_scale": 14},
    )
    axes.text(
        left + 0.015, 0.5, "active shape model\ntakes out what is rare", va="center", fontsize=9
    )
    axes.text(0.68, 0.76, "ALoss: strict", color=VERMILION, ha="left", va="center")
    axes.text(
        0.68, 0.24, "ALoss: patient; and from\nwhere the main loss is gentle",
        color=BLUE, ha="left", va="center",
    )  # fmt: skip
    return figure


def _box(axes: Axes, x: float, y: float, text: str, *, frozen: bool) -> None:
    axes.add_patch(
        FancyBboxPatch(
            (x - 0.085, y - 0.1),
            0.17,
            0.2,
            boxstyle="round,pad=0.005,rounding_size=0.02",
            facecolor="#f4f4f4" if frozen else "white",
            edgecolor=BLACK,
            linestyle="--" if frozen else "-",
            linewidth=1.4,
            zorder=3,
        )
    )
    axes.text(x, y, text, ha="center", va="center", zorder=4)


def _arrow(
    axes: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    colour: str,
    *,
    width: float = 1.6,
) -> None:
    """From the right edge of one box to the left edge of another."""
    axes.add_patch(
        FancyArrowPatch(
            (start[0] + 0.09, start[1]),
            (end[0] - (0.09 if end[0] < _PLACES["answer"] else 0.0), end[1]),
            arrowstyle="-|>",
            mutation_scale=14,
            color=colour,
            linewidth=width,
            zorder=2,
        )
    )
