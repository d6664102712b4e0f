"""Figures of a study of strategies: NME against labels and misalignment, and paired differences."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mlcmkd.evaluation.statistics import difference, interval
from mlcmkd.evaluation.tables import FEW_PAIRS, Row, by_seed, count_of
from mlcmkd.plots.style import BLACK, GREY, MARKERS, WIDTH, colours, styled


def _xlabel(setting: str) -> str:
    return "labelled pairs" if setting == FEW_PAIRS else "labels among all pairs"


def _counts(axes: Axes, rows: list[Row], setting: str) -> None:
    """Sets ticks at equal distances, because the few counts range from 0 over several decades."""
    counts = sorted({count_of(row, setting) for row in rows})
    axes.set_xticks(range(len(counts)), [f"{count:,}" for count in counts])
    axes.set(xlabel=_xlabel(setting), xlim=(-0.5, len(counts) - 0.5))
    axes.grid(axis="x", visible=False)


@styled
def nme_against_count(
    rows: Iterable[Row], setting: str, title: str = "", *, differences: bool = True
) -> Figure:
    """NME of strategies against the number of labelled pairs or labels, and differences to FD+LD.

    FD+LD is the strategy of feature distillation and logits distillation. Left: means with 95 %
    intervals over seeds; the dashed line is the RGB teacher. Right: differences to FD+LD, paired by
    seed; below zero is better. If a strategy is far from the others, axes are logarithmic (right:
    linear within 0.1).

    Args:
        rows: of one benchmark and one setting, see `ablation.in_setting`.
        setting: name of the setting.
        title: title of the figure.
        differences: whether to draw the right panel.
    """
    rows = list(rows)
    figure = Figure(figsize=(WIDTH if differences else 0.75 * WIDTH, 4.2))
    if differences:
        left, right = figure.subplots(1, 2, width_ratios=(1.25, 1))
        _draw_differences(right, rows, setting)
    else:
        left = figure.subplots()
    _draw_nme(left, rows, setting)
    figure.suptitle(title)
    return figure


def _draw_nme(axes: Axes, rows: list[Row], setting: str) -> None:
    """Mean NME of each strategy at each count, and a line for the teacher."""
    for style, x, at_count in _by_strategy(rows, setting):
        nme = [
            (place, *interval(list(own.values()))[:3])
            for place, own in zip(x, map(by_seed, at_count), strict=True)
            if own
        ]
        _with_intervals(axes, nme, linestyle="-", **style)
    teacher = float(np.mean([row.nme_teacher for row in rows]))
    axes.axhline(teacher, color=BLACK, linestyle="--", linewidth=1.2)
    axes.annotate(
        f"RGB teacher on RGB, {teacher:.2f}", (0.02, teacher), xycoords=("axes fraction", "data"),
        xytext=(0, -12), textcoords="offset points", fontsize=9,
    )  # fmt: skip
    low, high = axes.get_ylim()
    axes.set_ylim(bottom=low - 0.25)
    if high > 2 * (low - 0.25):
        axes.set_yscale("log")
        axes.set_yticks([tick for tick in (3, 3.5, 4, 5, 6, 8, 10, 15, 20) if low < tick < high])
        axes.yaxis.set_major_formatter("{x:g}")
        axes.minorticks_off()
    scale = ", logarithmic" if axes.get_yscale() == "log" else ""
    axes.set(ylabel=f"NME, inter-ocular (%{scale})", title="means and 95 % intervals over seeds")
    _counts(axes, rows, setting)
    axes.legend(ncols=2)


def _draw_differences(axes: Axes, rows: list[Row], setting: str) -> None:
    """Difference of each strategy to FD+LD at each count, paired by seed."""
    reference = [
        by_seed(at) for at in _at_counts([r for r in rows if r.strategy == "fd+ld"], rows, setting)
    ]
    for style, x, at_count in _by_strategy(rows, setting):
        apart = [
            (place, *difference(own, other)[:3])
            for place, own, other in zip(x, map(by_seed, at_count), reference, strict=True)
            if style["label"] != "fd+ld" and set(own) & set(other)
        ]
        _with_intervals(axes, apart, linestyle="none", **style)
    axes.axhline(0, color=GREY, linewidth=1.2)
    if max(map(abs, axes.get_ylim())) > 0.5:
        axes.set_yscale("symlog", linthresh=0.1, linscale=1.5)
        low, high = axes.get_ylim()
        ticks = (-5, -2, -1, -0.5, -0.2, -0.1, -0.05, 0, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
        axes.set_yticks([tick for tick in ticks if low <= tick <= high])
        axes.yaxis.set_major_formatter("{x:g}")
        axes.minorticks_off()
    scale = "\nlogarithmic beyond 0.1" if axes.get_yscale() == "symlog" else ""
    axes.set_ylabel(f"NME minus FD+LD's (points of %){scale}")
    axes.set_title("paired by seed; below 0 is better")
    _counts(axes, rows, setting)


def _at_counts(chosen: list[Row], rows: list[Row], setting: str) -> list[list[Row]]:
    """The chosen rows at each count of all rows, in the order of the counts."""
    counts = sorted({count_of(row, setting) for row in rows})
    return [[row for row in chosen if count_of(row, setting) == count] for count in counts]


def _by_strategy(
    rows: list[Row], setting: str
) -> Iterator[tuple[dict[str, Any], np.ndarray, list[list[Row]]]]:
    """Style of a strategy, its places on the axis, and its rows at each count."""
    names = list(dict.fromkeys(row.strategy for row in rows))
    palette = colours(names)
    for number, name in enumerate(names):
        at_count = _at_counts([row for row in rows if row.strategy == name], rows, setting)
        places = np.arange(len(at_count)) + 0.5 * ((number + 0.5) / len(names) - 0.5)
        style = {"color": palette[name], "marker": MARKERS[number % len(MARKERS)], "label": name}
        yield style, places, at_count


def _with_intervals(axes: Axes, points: list[tuple[float, ...]], **style) -> None:
    if not points:
        return
    x, mean, low, high = (np.array(values) for values in zip(*points, strict=True))
    reach = np.nan_to_num(np.stack((mean - low, high - mean)))
    axes.errorbar(x, mean, yerr=reach, capsize=3, linewidth=1.6, markersize=5, **style)


@styled
def nme_against_misalignment(
    values: dict[str, dict[float, list[float]]], *, per_pixel: float, title: str = ""
) -> Figure:
    """NME of strategies against misalignment; strategies with one seed have dashed lines and open marks.

    Args:
        values: strategy -> shift in pixels of the input -> NME of each seed, percent.
        per_pixel: size of an input pixel in percent of the mean inter-ocular distance.
        title: title of the figure.
    """
    figure = Figure(figsize=(WIDTH * 0.75, 4.2))
    axes = figure.subplots()
    palette = colours(values)
    for number, (name, by_shift) in enumerate(values.items()):
        points = [(shift, *interval(seeds)[:3]) for shift, seeds in sorted(by_shift.items())]
        style = {"color": palette[name], "marker": MARKERS[number % len(MARKERS)], "label": name}
        if min(map(len, by_shift.values())) == 1:
            style |= {"label": f"{name} (one seed)", "markerfacecolor": "white"}
        _with_intervals(axes, points, linestyle="--" if "(" in style["label"] else "-", **style)
    axes.set(xlabel="shift of the RGB image (pixels of the input)", ylabel="NME, inter-ocular (%)")
    top = axes.secondary_xaxis(
        "top", functions=(lambda px: px * per_pixel, lambda share: share / per_pixel)
    )
    top.set_xlabel("percent of the inter-ocular distance")
    axes.legend()
    figure.suptitle(title)
    return figure
