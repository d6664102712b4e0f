"""Figures of KD-Loss for one coordinate: its value and its gradient over the prediction.

KD-Loss (Fard and Mahoor, arXiv 2111.07047) is the sum of a main loss and of one assistive loss (ALoss)
for each teacher; see `mlcmkd.distillation.kd_loss`. Arguments are centred coordinates, shares of the
input size; figures show percent of the input size.
"""

from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mlcmkd.distillation.kd_loss import BAND, kd_values
from mlcmkd.plots.style import BLACK, BLUE, GREEN, GREY, PURPLE, VERMILION, WIDTH, styled

Curves = dict[str, np.ndarray]

# name -> (label, colour, dashes)
_TEACHERS = {
    "tough": ("Tough-Teacher", VERMILION, "-"),
    "tolerant": ("Tolerant-Teacher", BLUE, "--"),
}
_SHADES = {"beyond": 0.45, "between": 0.18, "band": 0.0, "no loss": 0.0}  # opacity of a region


@styled
def loss_landscape(target: float, tough: float, tolerant: float, **constants: Any) -> Figure:
    """KD-Loss of one coordinate over its prediction: the weighted terms and their sum.

    L2, (p - g)^2, and L1, |p - g|, are drawn with the sum, scaled to the same maximum.

    Args:
        target: centred coordinate of the ground truth, g.
        tough, tolerant: centred coordinates of the teachers' predictions.
        constants: see `kd_values`.
    """
    places = _places(target, tough, tolerant)
    values, _ = _curves(places, target, tough, tolerant, constants)
    figure = Figure(figsize=(WIDTH, 9.2))
    main, regions, assistive, total = figure.subplots(
        4, 1, sharex=True, height_ratios=(3, 1, 3, 3.4)
    )
    main.plot(100 * places, values["main"], color=GREY)
    reach = abs(tolerant - target)
    main.axvspan(100 * (target - reach), 100 * (target + reach), color=GREY, alpha=0.15, lw=0)
    main.set_title("main loss: linear up to the Tolerant-Teacher's distance (grey), then quadratic")

    _draw_regions(regions, places, target, tough, tolerant, constants.get("band", BAND))
    _draw_teachers(assistive, places, values)
    assistive.set_title("assistive losses")
    distance = np.abs(places - target)
    _draw_sum(total, places, values, {"L2": distance**2, "L1": distance})
    total.set_title("KD-Loss (their sum)")
    for axes in (main, assistive, total):
        axes.set_ylabel("loss of a coordinate")
    _finish(figure, regions, places, target, tough, tolerant)
    return figure


@styled
def loss_gradients(target: float, tough: float, tolerant: float, **constants: Any) -> Figure:
    """Gradient of KD-Loss over the prediction of one coordinate; positive values move it to the target.

    Gradients of L2, (p - g)^2, and L1, |p - g|, are drawn with the sum, scaled to the same maximum.

    Args:
        target: centred coordinate of the ground truth, g.
        tough, tolerant: centred coordinates of the teachers' predictions.
        constants: see `kd_values`.
    """
    places = _places(target, tough, tolerant)
    _, gradients = _curves(places, target, tough, tolerant, constants)
    figure = Figure(figsize=(WIDTH, 6.6))
    regions, assistive, total = figure.subplots(3, 1, sharex=True, height_ratios=(1, 3, 3.8))
    _draw_regions(regions, places, target, tough, tolerant, constants.get("band", BAND))
    _draw_teachers(assistive, places, gradients)
    assistive.set_title("gradient of the assistive losses (positive: towards the target)")
    distance = np.abs(places - target)
    _draw_sum(total, places, gradients, {"L2": 2 * distance, "L1": np.ones_like(distance)})
    total.plot(100 * places, gradients["main"], color=GREY, linestyle=":", label="main loss alone")
    total.set_title("gradient of KD-Loss (sum with the main loss)")
    total.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    for axes in (assistive, total):
        axes.set_ylabel("gradient (loss per input size)")
    _finish(figure, regions, places, target, tough, tolerant)
    return figure


@styled
def loss_forms(
    target: float, tough: float, tolerant: float, forms: dict[str, dict[str, Any]]
) -> Figure:
    """Forms of KD-Loss side by side: the assistive losses, KD-Loss, and the gradient of KD-Loss.

    The bands of the two teachers are shaded.

    Args:
        target: centred coordinate of the ground truth, g.
        tough, tolerant: centred coordinates of the teachers' predictions.
        forms: name -> constants of `kd_values`, one column each.
    """
    places = _places(target, tough, tolerant)
    errors = {"tough": tough - target, "tolerant": tolerant - target}
    figure = Figure(figsize=(WIDTH, 7.2))
    columns = figure.subplots(3, len(forms), sharex=True, sharey="row", squeeze=False).T
    for (name, constants), axes in zip(forms.items(), columns, strict=True):
        values, gradients = _curves(places, target, tough, tolerant, constants)
        for teacher, (label, colour, dashes) in _TEACHERS.items():
            axes[0].plot(
                100 * places,
                values[teacher],
                color=colour,
                linestyle=dashes,
                label=f"ALoss, {label}",
            )
            reach = constants.get("band", BAND) * abs(errors[teacher])
            for axis in axes:
                ends = (100 * (target - reach), 100 * (target + reach))
                axis.axvspan(*ends, color=colour, alpha=0.08)
        axes[1].plot(100 * places, sum(values.values()), color=BLACK, label="KD-Loss")
        axes[1].plot(
            100 * places, values["main"], color=GREY, linestyle=":", label="main loss alone"
        )
        axes[2].plot(100 * places, sum(gradients.values()), color=BLACK)
        axes[2].plot(100 * places, gradients["main"], color=GREY, linestyle=":")
        axes[0].set_title(name)
        axes[2].set_xlabel("prediction (% of the input size)")
        for axis in (axes[0], axes[2]):
            axis.axhline(0, color=GREY, linewidth=1, zorder=1)
    labels = ("assistive losses", "KD-Loss", "gradient, positive:\ntowards the target")
    for axis, label in zip(columns[0], labels, strict=True):
        axis.set_ylabel(label)
    curves = [curve for axis in columns[0][:2] for curve in axis.get_legend_handles_labels()[0]]
    figure.legend(handles=curves, loc="outside upper center", ncols=4)
    return figure


def _places(target: float, tough: float, tolerant: float) -> np.ndarray:
    """Predictions around the target, up to 1.5 times the larger distance of the teachers.

    Their number is even, so that the target itself, where the gradient is undefined, is left out.
    """
    reach = 1.5 * max(abs(tough - target), abs(tolerant - target)) or 0.05
    return np.linspace(target - reach, target + reach, 4000)


def _curves(
    places: np.ndarray, target: float, tough: float, tolerant: float, constants: dict[str, Any]
) -> tuple[Curves, Curves]:
    """Weighted terms of KD-Loss at each prediction, and their gradients towards the target."""
    prediction = torch.from_numpy(places).requires_grad_()
    targets = (torch.full_like(prediction, value) for value in (target, tough, tolerant))
    values = kd_values(prediction, *targets, **constants)
    direction = np.sign(places - target)
    gradients = {
        name: direction * torch.autograd.grad(term.sum(), prediction)[0].numpy()
        for name, term in values.items()
    }
    return {name: term.detach().numpy() for name, term in values.items()}, gradients


def _draw_regions(
    axes: Axes, places: np.ndarray, target: float, tough: float, tolerant: float, band: float
) -> None:
    """Draws a row for each teacher, shaded by region and labelled if there is room."""
    reach = places[-1] - target
    for row, (name, teacher) in enumerate((("tolerant", tolerant), ("tough", tough))):
        colour = _TEACHERS[name][1]
        r = abs(teacher - target)
        ends = [-reach, -r, -band * r, band * r, r, reach]
        regions = ["beyond", "between", "band", "between", "beyond"]
        if r == 0:
            ends, regions = [-reach, reach], ["no loss"]
        for start, end, region in zip(ends, ends[1:], regions, strict=False):
            span = (100 * (target + start), 100 * (end - start))
            axes.broken_barh([span], (row - 0.4, 0.8), facecolor=colour, alpha=_SHADES[region])
            axes.broken_barh([span], (row - 0.4, 0.8), facecolor="none", edgecolor=colour)
            if end - start > 0.012 * len(region) * 2 * reach:
                axes.text(span[0] + span[1] / 2, row, region, ha="center", va="center", fontsize=9)
    axes.set_yticks([0, 1], [_TEACHERS[name][0] for name in ("tolerant", "tough")])
    axes.set_title("regions: beyond the teacher (dark), between band and teacher (light), band")
    axes.grid(False)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _draw_teachers(axes: Axes, places: np.ndarray, curves: Curves) -> None:
    """Draws the curves of the assistive losses."""
    for name, (label, colour, dashes) in _TEACHERS.items():
        axes.plot(
            100 * places, curves[name], color=colour, linestyle=dashes, label=f"ALoss, {label}"
        )
    axes.axhline(0, color=GREY, linewidth=1, zorder=1)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))


# Losses without teachers, for comparison: name -> (colour, dashes)
_PLAIN = {"L2": (GREEN, "-."), "L1": (PURPLE, (0, (5, 1)))}


def _draw_sum(axes: Axes, places: np.ndarray, curves: Curves, plain: Curves) -> None:
    """Draws KD-Loss, and losses without teachers scaled to its maximum."""
    total = sum(curves.values())
    axes.plot(100 * places, total, color=BLACK, label="KD-Loss")
    for name, curve in plain.items():
        factor = total.max() / curve.max()
        colour, dashes = _PLAIN[name]
        label = f"{name}, times {factor:.3g}"
        axes.plot(100 * places, factor * curve, color=colour, linestyle=dashes, label=label)
    axes.set_ylim(min(0, 1.06 * total.min()), 1.06 * total.max())
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))


def _finish(
    figure: Figure, regions: Axes, places: np.ndarray, target: float, tough: float, tolerant: float
) -> None:
    """Draws target and teachers as vertical lines, and labels the shared axis."""
    marks = (
        # The target's line is broad and pale, so that a teacher at the same position is visible.
        (target, "target", "#cccccc", "-", 4),
        (tough, *_TEACHERS["tough"], 1),
        (tolerant, *_TEACHERS["tolerant"], 1),
    )
    for axes in figure.axes:
        if axes is not regions:  # lines would cross the labels there
            lines = [
                axes.axvline(100 * place, color=colour, linestyle=dashes, linewidth=width, zorder=1)
                for place, _, colour, dashes, width in marks
            ]
    labels = [f"{label}, {100 * place:g} %" for place, label, *_ in marks]
    figure.legend(lines, labels, loc="outside upper center", ncols=3)
    axes.set_xlabel("prediction (% of the input size; 0 is the centre)")
    axes.set_xlim(100 * places[0], 100 * places[-1])
