"""Figures of KD-Loss on one coordinate: what a prediction costs, and where it is pulled.

Places are centred coordinates, shares of the input's side; percent of the side is drawn.
"""

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
_SHADES = {"beyond": 0.45, "between": 0.18, "band": 0.0, "silent": 0.0}  # opacity of a region


@styled
def loss_landscape(target: float, tough: float, tolerant: float, **constants: float) -> Figure:
    """KD-Loss of one coordinate over where it is predicted: its weighted terms, and their sum.

    Beside the sum stand L2, (p - g)^2, and L1, |p - g|, each times a factor that gives all one height.

    Args:
        target, tough, tolerant: centred coordinates of the ground truth and of what the teachers
            predict.
        constants: as for `kd_values`.
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
    total.set_title("their sum")
    for axes in (main, assistive, total):
        axes.set_ylabel("loss of a coordinate")
    _finish(figure, regions, places, target, tough, tolerant)
    return figure


@styled
def pull(target: float, tough: float, tolerant: float, **constants: float) -> Figure:
    """How strongly a prediction is drawn to the target: the loss's gradient, positive towards it.

    Beside KD-Loss stand the pulls of L2, (p - g)^2, and of L1, |p - g|, each times a factor that gives
    all one height.

    Args:
        target, tough, tolerant: centred coordinates of the ground truth and of what the teachers
            predict.
        constants: as for `kd_values`.
    """
    places = _places(target, tough, tolerant)
    _, pulls = _curves(places, target, tough, tolerant, constants)
    figure = Figure(figsize=(WIDTH, 6.6))
    regions, assistive, total = figure.subplots(3, 1, sharex=True, height_ratios=(1, 3, 3.8))
    _draw_regions(regions, places, target, tough, tolerant, constants.get("band", BAND))
    _draw_teachers(assistive, places, pulls)
    assistive.set_title("pull of the assistive losses towards the target (below zero: away)")
    distance = np.abs(places - target)
    _draw_sum(total, places, pulls, {"L2": 2 * distance, "L1": np.ones_like(distance)})
    total.plot(100 * places, pulls["main"], color=GREY, linestyle=":", label="main loss alone")
    total.set_title("pull of their sum with the main loss")
    total.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    for axes in (assistive, total):
        axes.set_ylabel("pull (loss per side)")
    _finish(figure, regions, places, target, tough, tolerant)
    return figure


def _places(target: float, tough: float, tolerant: float) -> np.ndarray:
    """Predictions to both sides, half as far again as the teachers.

    An even number: the target itself, where no gradient has a direction, is not among them.
    """
    reach = 1.5 * max(abs(tough - target), abs(tolerant - target)) or 0.05
    return np.linspace(target - reach, target + reach, 4000)


def _curves(
    places: np.ndarray, target: float, tough: float, tolerant: float, constants: dict[str, float]
) -> tuple[Curves, Curves]:
    """Weighted terms of KD-Loss at each place, and their pulls towards the target."""
    prediction = torch.from_numpy(places).requires_grad_()
    rest = (torch.full_like(prediction, at) for at in (target, tough, tolerant))
    values = kd_values(prediction, *rest, **constants)
    side = np.sign(places - target)
    pulls = {
        name: side * torch.autograd.grad(each.sum(), prediction)[0].numpy()
        for name, each in values.items()
    }
    return {name: each.detach().numpy() for name, each in values.items()}, pulls


def _draw_regions(
    axes: Axes, places: np.ndarray, target: float, tough: float, tolerant: float, band: float
) -> None:
    """A row a teacher, shaded by region; a name where there is room for it."""
    reach = places[-1] - target
    for row, (name, at) in enumerate((("tolerant", tolerant), ("tough", tough))):
        colour = _TEACHERS[name][1]
        r = abs(at - target)
        ends = [-reach, -r, -band * r, band * r, r, reach]
        words = ["beyond", "between", "band", "between", "beyond"]
        if r == 0:
            ends, words = [-reach, reach], ["silent"]
        for start, end, word in zip(ends, ends[1:], words, strict=False):
            span = (100 * (target + start), 100 * (end - start))
            axes.broken_barh([span], (row - 0.4, 0.8), facecolor=colour, alpha=_SHADES[word])
            axes.broken_barh([span], (row - 0.4, 0.8), facecolor="none", edgecolor=colour)
            if end - start > 0.012 * len(word) * 2 * reach:
                axes.text(span[0] + span[1] / 2, row, word, ha="center", va="center", fontsize=9)
    axes.set_yticks([0, 1], [_TEACHERS[name][0] for name in ("tolerant", "tough")])
    axes.set_title("regions: beyond the teacher (dark), between band and teacher (light), band")
    axes.grid(False)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _draw_teachers(axes: Axes, places: np.ndarray, curves: Curves) -> None:
    """The curve of each assistive loss."""
    for name, (label, colour, dashes) in _TEACHERS.items():
        axes.plot(
            100 * places, curves[name], color=colour, linestyle=dashes, label=f"ALoss, {label}"
        )
    axes.axhline(0, color=GREY, linewidth=1, zorder=1)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))


# name -> (colour, dashes); neither is part of KD-Loss
_PLAIN = {"L2": (GREEN, "-."), "L1": (PURPLE, (0, (5, 1)))}


def _draw_sum(axes: Axes, places: np.ndarray, curves: Curves, plain: Curves) -> None:
    """KD-Loss, and the losses without teachers made as high."""
    whole = sum(curves.values())
    axes.plot(100 * places, whole, color=BLACK, label="KD-Loss")
    for name, curve in plain.items():
        factor = whole.max() / curve.max()
        colour, dashes = _PLAIN[name]
        label = f"{name}, times {factor:.3g}"
        axes.plot(100 * places, factor * curve, color=colour, linestyle=dashes, label=label)
    axes.set_ylim(min(0, 1.06 * whole.min()), 1.06 * whole.max())
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))


def _finish(
    figure: Figure, regions: Axes, places: np.ndarray, target: float, tough: float, tolerant: float
) -> None:
    """Target and teachers as vertical lines beside the regions, and the axis all panels share."""
    marks = (
        # The target is broad and pale: a teacher that is exactly right shows on it.
        (target, "target", "#cccccc", "-", 4),
        (tough, *_TEACHERS["tough"], 1),
        (tolerant, *_TEACHERS["tolerant"], 1),
    )
    for axes in figure.axes:
        if axes is not regions:  # a line would cross the names there
            lines = [
                axes.axvline(100 * at, color=colour, linestyle=dashes, linewidth=width, zorder=1)
                for at, _, colour, dashes, width in marks
            ]
    words = [f"{label}, {100 * at:g} %" for at, label, *_ in marks]
    figure.legend(lines, words, loc="outside upper center", ncols=3)
    axes.set_xlabel("prediction (% of the input's side; 0 is its middle)")
    axes.set_xlim(100 * places[0], 100 * places[-1])
