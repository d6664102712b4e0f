"""Figures of a sweep's table: NME against the count of pairs or labels, and paired differences."""

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
    """Counts at even distances: they run from 0 over decades, and only a few are there."""
    axes.set_xticks(range(len(counts)), [f"{count:,}" for count in counts])
    axes.set(xlabel=_xlabel(setting), xlim=(-0.5, len(counts) - 0.5))
    axes.grid(axis="x", visible=False)


@styled
def nme_against_count(rows: Iterable[Row], setting: str, title: str = "") -> Figure:
    """NME against the count of labelled pairs or labels, a line a strategy, and what FD+LD is ahead by.

    Left: means with 95 % intervals over seeds, the RGB teacher as a dashed line. Right: the difference
    to FD+LD, paired by seed, which is what decides between strategies; below zero is better. Where one
    strategy stands far off, axes are logarithmic (right: linear within 0.1).

    Args:
        rows: of one benchmark and one setting, see `ablation.in_setting`.
        setting: which.
        title: of the figure.
    """
    rows = list(rows)
    counts = sorted({count_of(row, setting) for row in rows})
    names = list(dict.fromkeys(row.strategy for row in rows))
    palette = colours(names)
    figure = Figure(figsize=(WIDTH, 4.2))
    left, right = figure.subplots(1, 2, width_ratios=(1.25, 1))
    for number, name in enumerate(names):
        aside = 0.5 * ((number + 0.5) / len(names) - 0.5)
        nme, ahead = [], []
        for place, count in enumerate(counts):
            here = [row for row in rows if count_of(row, setting) == count]
            ours = by_seed(row for row in here if row.strategy == name)
            rival = by_seed(row for row in here if row.strategy == "fd+ld")
            if ours:
                nme.append((place + aside, *interval(list(ours.values()))[:3]))
            if name != "fd+ld" and set(ours) & set(rival):
                ahead.append((place + aside, *difference(ours, rival)[:3]))
        style = {"color": palette[name], "marker": MARKERS[number % len(MARKERS)], "label": name}
        _with_intervals(left, nme, linestyle="-", **style)
        _with_intervals(right, ahead, linestyle="none", **style)
    teacher = float(np.mean([row.nme_teacher for row in rows]))
    left.axhline(teacher, color=BLACK, linestyle="--", linewidth=1.2)
    left.annotate(
        f"RGB teacher on RGB, {teacher:.2f}", (0.02, teacher), xycoords=("axes fraction", "data"),
        xytext=(0, -12), textcoords="offset points", fontsize=9,
    )  # fmt: skip
    left.set_ylim(bottom=left.get_ylim()[0] - 0.25)
    right.axhline(0, color=GREY, linewidth=1.2)
    _make_room(left, right)
    far = ", logarithmic" if left.get_yscale() == "log" else ""
    left.set(ylabel=f"NME, inter-ocular (%{far})", title="means and 95 % intervals over seeds")
    far = "\nlogarithmic beyond 0.1" if right.get_yscale() == "symlog" else ""
    right.set_ylabel(f"NME minus FD+LD's (points of %){far}")
    right.set_title("paired by seed; below 0 is better")
    for axes in (left, right):
        _counts(axes, counts, setting)
    left.legend(ncols=2)
    figure.suptitle(title)
    return figure


def _make_room(left: Axes, right: Axes) -> None:
    """Logarithmic axes where one strategy stands so far off that the others would be one line."""
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
    """NME against registration error, a line a strategy; dashed and open where a point has one seed.

    Args:
        values: strategy -> shift in pixels of the input -> NME of each seed, percent.
        per_pixel: one pixel of the input in percent of the mean inter-ocular distance.
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
