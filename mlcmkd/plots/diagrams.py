"""Diagrams: injection between teacher and student, the two teachers of KD-Loss, and parallax."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from mlcmkd.plots.style import BLACK, BLUE, GREY, MARKERS, VERMILION, WIDTH, styled

_TOP, _BOTTOM = 0.76, 0.24  # heights of the teacher's and the student's row
_PLACES = {"image": 0.10, "features": 0.38, "head": 0.68, "prediction": 0.89}


@styled
def injection_diagram() -> Figure:
    """Forward (FI) and reverse injection (RI) between the teacher, above, and the student, below."""
    figure = Figure(figsize=(WIDTH, 3.6))
    axes = figure.subplots()
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.set_axis_off()
    labels = {
        _TOP: ("RGB image", "teacher's features\n(frozen)", "teacher's head\n(frozen)"),
        _BOTTOM: ("thermal image", "student's features\n(trained)", "student's head\n(trained)"),
    }
    for height, texts in labels.items():
        frozen = height == _TOP
        for place, text in zip(("image", "features", "head"), texts, strict=True):
            _box(axes, _PLACES[place], height, text, frozen=frozen and place != "image")
        for start, end in (("image", "features"), ("features", "head"), ("head", "prediction")):
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
    """KD-Loss: the teacher of hard landmarks, above, of soft landmarks, below, and their student."""
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
        axes.text((left + middle) / 2, height + 0.03, "trained on", ha="center", fontsize=9)
        _arrow(axes, (middle, height), (right, 0.5), colour, width=2.6)
    _box(axes, right, 0.5, "light student\n(trained)", frozen=False)
    axes.annotate(
        "",
        (left, _BOTTOM + 0.105),
        (left, _TOP - 0.105),
        arrowprops={"arrowstyle": "-|>", "color": BLACK, "linewidth": 1.6, "mutation_scale": 14},
    )
    axes.text(
        left + 0.015, 0.5, "active shape model\nremoves rare variation", va="center", fontsize=9
    )
    axes.text(0.68, 0.76, "ALoss: strict", color=VERMILION, ha="left", va="center")
    axes.text(
        0.68, 0.24, "ALoss: tolerant; and the range\nof the linear main loss",
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
    """Draws an arrow from the right edge of one box to the left edge of another."""
    axes.add_patch(
        FancyArrowPatch(
            (start[0] + 0.09, start[1]),
            (end[0] - (0.09 if end[0] < _PLACES["prediction"] else 0.0), end[1]),
            arrowstyle="-|>",
            mutation_scale=14,
            color=colour,
            linewidth=width,
            zorder=2,
        )
    )


@styled
def parallax_diagram(
    baseline: float = 0.3, plane: float = 1.0, depths: tuple[float, ...] = (0.7, 1.0, 1.6)
) -> Figure:
    """Two parallel cameras from above, and the images of points at several depths.

    Args:
        baseline: distance B of the cameras, larger than in practice, so that it is visible.
        plane: depth Z0 of the registration, in the unit of `baseline`.
        depths: depths Z of the points on the RGB camera's axis, in the unit of `baseline`.
    """
    figure = Figure(figsize=(WIDTH * 0.8, 4.0))
    left, right = figure.subplots(1, 2, width_ratios=(1.25, 1))
    focal = 0.3
    for place, name, colour in ((0.0, "RGB", BLUE), (baseline, "thermal", VERMILION)):
        left.plot(place, 0, marker="o", markersize=9, color=colour)
        left.annotate(name, (place, -0.08), ha="center", va="top", color=colour)
        left.plot([place - 0.14, place + 0.14], [focal, focal], color=colour, linewidth=2.5)
    left.annotate("image planes", (baseline + 0.18, focal), va="center", fontsize=9)
    left.plot([0, baseline + 0.62], [plane, plane], color=GREY, linestyle=":", linewidth=1.2)
    left.annotate(
        "Z0, depth of the registration",
        (baseline + 0.62, plane),
        ha="right",
        va="bottom",
        color=GREY,
    )
    left.annotate(
        "", (0, -0.03), (baseline, -0.03), arrowprops={"arrowstyle": "<->", "color": BLACK}
    )
    left.annotate("B", (baseline / 2, -0.05), ha="center", va="top")
    for depth, marker in zip(depths, MARKERS, strict=False):
        left.plot([0, 0], [0, depth], color=BLUE, linewidth=1)
        left.plot([baseline, 0], [0, depth], color=VERMILION, linewidth=1)
        left.plot(0, depth, marker=marker, color=BLACK, markersize=8)
        left.annotate(f"Z = {depth:g}", (-0.05, depth), ha="right", va="center")
        left.plot(0, focal, marker=marker, color=BLACK, markersize=6)
        left.plot(baseline * (1 - focal / depth), focal, marker=marker, color=BLACK, markersize=6)
        disparity = -focal * baseline / depth
        right.plot(
            disparity + focal * baseline / plane, depth, marker=marker, color=BLACK, markersize=8
        )
    left.set(xlim=(-0.45, baseline + 0.65), ylim=(-0.22, max(depths) + 0.1), xticks=[], yticks=[])
    left.grid(False)
    left.set_title("from above")
    for spine in left.spines.values():
        spine.set_visible(False)
    depth_axis = np.linspace(min(depths) * 0.85, max(depths) * 1.05, 100)
    right.plot(
        focal * baseline * (1 / plane - 1 / depth_axis),
        depth_axis,
        color=GREY,
        linewidth=1.2,
        zorder=1,
    )
    right.axvline(0, color=VERMILION, linewidth=1.2)
    right.set(
        xlabel="residual (px, no scale)", ylabel="depth Z", xticks=[0],
        ylim=(min(depths) * 0.8, max(depths) * 1.08), yticks=sorted(depths),
        title="in the thermal image, after registration",
    )  # fmt: skip
    return figure
