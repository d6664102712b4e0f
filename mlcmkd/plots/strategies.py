"""Figures of a study of strategies: NME against labels and misalignment, and paired differences."""

from collections.abc import Iterable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mlcmkd.evaluation.statistics import difference, interval
from mlcmkd.evaluation.tables import FEW_PAIRS, Row, by_seed, count_of
from mlcmkd.plots.style import BLACK, GREY, MARKERS, WIDTH, colours, styled


def _xlabel(setting: str) -> str:
    return "labelled pairs" if setting == FEW_PAIRS else "labels among all pairs"


def _counts(axes: Axes, counts: list[int], setting: str) -> None:
    """Sets ticks at equal distances, because the few counts range from 0 over several decades."""
    axes.set_xticks(range(len(counts)), [f"{count:,}" for count in counts])
    axes.set(xlabel=_xlabel(setting), xlim=(-0.5, len(counts) - 0.5))
    axes.grid(axis="x", visible=False)


@styled
def nme_against_count(rows: Iterable[Row], setting: str, title: str = "") -> Figure:
    """NME of strategies against the number of labelled pairs or labels, and differences to FD+LD.

    Left: means with 95 % intervals over seeds; the RGB teacher is a dashed line. Right: difference to
    FD+LD, paired by seed; below zero is better. If a strategy is far from the others, axes are
    logarithmic (right: linear within 0.1).

    Args:
        rows: of one benchmark and one setting, see `ablation.in_setting`.
        setting: name of the setting.
        title: of the figure.
    """
    rows = list(rows)
    counts = sorted({count_of(row, setting) for row in rows})
    names = list(dict.fromkeys(row.strategy for row in rows))
    palette = colours(names)
    figure = Figure(figsize=(WIDTH, 4.2))
    left, right = figure.subplots(1, 2, width_ratios=(1.25, 1))
    for number, name in enumerate(names):
        offset = 0.5 * ((number + 0.5) / len(names) - 0.5)
        nme, differences = [], []
        for place, count in enumerate(counts):
            at_count = [row for row in rows if count_of(row, setting) == count]
            own = by_seed(row for row in at_count if row.strategy == name)
            reference = by_seed(row for row in at_count if row.strategy == "fd+ld")
            if own:
                nme.append((place + offset, *interval(list(own.values()))[:3]))
            if name != "fd+ld" and set(own) & set(reference):
                differences.append((place + offset, *difference(own, reference)[:3]))
        style = {"color": palette[name], "marker": MARKERS[number % len(MARKERS)], "label": name}
        _with_intervals(left, nme, linestyle="-", **style)
        _with_intervals(right, differences, linestyle="none", **style)
    teacher = float(np.mean([row.nme_teacher for row in rows]))
    left.axhline(teacher, color=BLACK, linestyle="--", linewidth=1.2)
    left.annotate(
        f"RGB teacher on RGB, {teacher:.2f}", (0.02, teacher), xycoords=("axes fraction", "data"),
        xytext=(0, -12), textcoords="offset points", fontsize=9,
    )  # fmt: skip
    left.set_ylim(bottom=left.get_ylim()[0] - 0.25)
    right.axhline(0, color=GREY, linewidth=1.2)
    _use_logarithms(left, right)
    scale = ", logarithmic" if left.get_yscale() == "log" else ""
    left.set(ylabel=f"NME, inter-ocular (%{scale})", title="means and 95 % intervals over seeds")
    scale = "\nlogarithmic beyond 0.1" if right.get_yscale() == "symlog" else ""
    right.set_ylabel(f"NME minus FD+LD's (points of %){scale}")
    right.set_title("paired by seed; below 0 is better")
    for axes in (left, right):
        _counts(axes, counts, setting)
    left.legend(ncols=2)
    figure.suptitle(title)
    return figure


def _use_logarithms(left: Axes, right: Axes) -> None:
    """Sets logarithmic axes if one strategy is so far off that the others would coincide."""
    low, high = left.get_ylim()
    if high > 2 * low:
        left.set_yscale("log")
        left.set_yticks([tick for tick in (3, 3.5, 4, 5, 6, 8, 10, 15, 20) if low < tick < high])
        left.yaxis.set_major_formatter("{x:g}")
        left.minorticks_off()
    if max(map(abs, right.get_ylim())) > 0.5:
        right.set_yscale("symlog", linthresh=0.1, linscale=1.5)
        low, high = right.get_ylim()
        ticks = (-5, -2, -1, -0.5, -0.2, -0.1, -0.05, 0, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
        right.set_yticks([tick for tick in ticks if low <= tick <= high])
        right.yaxis.set_major_formatter("{x:g}")
        right.minorticks_off()


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
    """NME of strategies against misalignment; dashed lines and open marks for a single seed.

    Args:
        values: strategy -> shift in pixels of the input -> NME of each seed, percent.
        per_pixel: size of an input pixel in percent of the mean inter-ocular distance.
        title: of the figure.
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
